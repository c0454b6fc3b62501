"""What a head learns: class values, losses a number an example, and how outputs become years."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decode": ["DECODE", "argmax", "bin_centres", "check_labels", "expectation", "median", "posterior", "rounded"],
        "losses": ["LOSS", "absolute_error", "cross_entropy", "squared_error", "total_loss"],
    },
)
