"""Scores of finished runs: metrics, intervals, tests, and comparison with what a paper prints."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bootstrap": ["Interval", "cluster_bootstrap", "t_interval"],
        "compare": ["RunScores"],
        "metrics": [
            "absolute_errors",
            "accuracy",
            "confusion_matrix",
            "cumulative_score",
            "epsilon_errors",
            "mean_absolute_error",
            "median_absolute_error",
            "one_off_accuracy",
            "photo_weights",
            "precision",
            "r2",
            "recall",
            "spearman",
        ],
        "predictions": ["check_predictions"],
        "scores": ["baseline_scores", "group_scores", "majority_scores", "mean_age_predictions", "median_age_predictions"],
        "significance": ["Paired", "Welch", "holm", "paired", "welch"],
        "subgroups": ["error_by_age", "error_by_gender"],
    },
)
