"""Figures for print: each plots one table or run and writes PNG, PDF and the CSV of what it shows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distributions": [
            "plot_age_confusion",
            "plot_age_distributions",
            "plot_age_histogram",
            "plot_confusion",
            "plot_group_counts",
            "plot_two_ages",
        ],
        "errors": ["plot_cumulative_score", "plot_error_by_age", "plot_fold_boxes", "plot_predicted_against_true"],
        "examples": ["Example", "best_and_worst", "plot_compared_examples", "plot_example_distributions", "plot_faces"],
        "explained": ["plot_deletion_curves", "plot_explained", "plot_mean_maps", "plot_regions"],
        "maps": ["Face", "MapWords", "Network", "plot_class_activation", "plot_compared_maps", "plot_map_differences"],
        "style": ["Caption"],
        "training_curves": ["StageHistory", "plot_training_curves"],
    },
)
