"""Figure: every photo's predicted age against its true age."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.evaluation.check import ages_only, check_one_run
from agerepro.evaluation.metrics import absolute_errors, photo_weights
from agerepro.report.figures.style import BLACK, BLUE, Caption, figure, save


def draw_predicted_against_true(
    predictions: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "predicted-against-true"
) -> list[Path]:
    """Draw one run's PREDICTIONS: a dot a photo (and seed), the line of no error, and the band of five years around it."""
    frame = ages_only(check_one_run(predictions))
    shown = frame[["fold", "seed", "photo", "age", "predicted"]]
    errors = absolute_errors(frame["age"], frame["predicted"])
    macro = float(np.sum(photo_weights(frame["fold"], "macro") * errors))
    both = shown[["age", "predicted"]].to_numpy()
    ends = np.array([both.min() - 2, both.max() + 2])
    subtitle = f"Mean absolute error {macro:.2f} years (mean over folds), {errors.mean():.2f} years (all photos)"
    with figure("Predicted age against true age", subtitle, caption, frame, height=5.9) as (drawn, axes):
        axes.fill_between(ends, ends - 5, ends + 5, color="#E8E8E8", linewidth=0, label="at most 5 years off", zorder=1)
        axes.plot(ends, ends, color=BLACK, linewidth=1, label="no error", zorder=2)
        axes.scatter(
            shown["age"],
            shown["predicted"],
            s=13,
            color=BLUE,
            alpha=0.4,
            linewidths=0,
            label="photo",
            zorder=3,
            rasterized=len(shown) > 5000,
        )
        axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="True age (years)", ylabel="Predicted age (years)")
        # The key's dot is solid: it stands for a photo, not for how thinly photos lie.
        for handle in axes.legend(loc="upper left").legend_handles:
            if handle is not None:
                handle.set_alpha(1)
        return save(drawn, shown, folder, name)
