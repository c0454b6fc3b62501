"""What a head learns: class values, losses a number an example, and how outputs become years."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decode": ["DECODE", "argmax", "bin_centres", "check_labels", "expectation", "median", "nearest_class", "posterior", "rounded"],
        "losses": ["LOSS", "absolute_error", "cross_entropy", "mean_loss", "squared_error", "total_loss", "variance_loss"],
        "labels": ["judged", "label_values", "names_of", "numbers_of", "prediction_column"],
        "task": ["Task", "make_task", "restore_task"],
    },
)
