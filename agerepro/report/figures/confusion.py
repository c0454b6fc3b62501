"""Figure: how many photos of each true age group were given to each group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from agerepro.evaluation.check import check_one_run, groups_only
from agerepro.evaluation.group_scores import counts_of
from agerepro.report.figures.style import BLACK, BLUE, Caption, figure, save

_SHADES = LinearSegmentedColormap.from_list("share", ["white", BLUE])
_DARK = 0.85  # shares above it take white text


def draw_confusion(
    predictions: pd.DataFrame, labels: Sequence[str], caption: Caption, folder: Path, *, name: str = "confusion"
) -> list[Path]:
    """Draw one run's PREDICTIONS of groups: counts of photos (all seeds), shaded by their share of the true group's row.

    labels: all groups in rising order. Raises UserError for a run that predicts ages.
    """
    frame = groups_only(check_one_run(predictions))
    counts = counts_of(frame, labels)
    shares = np.divide(counts, counts.sum(axis=1, keepdims=True), out=np.zeros(counts.shape), where=counts.sum(axis=1, keepdims=True) > 0)
    right = np.trace(counts) / counts.sum()
    subtitle = f"{100 * right:.2f} % of all photos in their right group. Shade: share of the true group"
    with figure("Predicted age group against true age group", subtitle, caption, frame, height=1.6 + 0.55 * max(len(labels), 5)) as (
        drawn,
        axes,
    ):
        axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > _DARK else BLACK
            size = 9 if len(labels) > 5 else 10
            axes.text(
                column,
                row,
                f"{count:,}\n{100 * shares[row, column]:.0f} %",
                ha="center",
                va="center",
                color=colour,
                fontsize=size,
            )
        axes.set_xticks(range(len(labels)), list(labels))
        axes.set_yticks(range(len(labels)), list(labels))
        axes.set(xlabel="Predicted age group (years)", ylabel="True age group (years)")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        cells = [(true, said, counts[i, j], shares[i, j]) for i, true in enumerate(labels) for j, said in enumerate(labels)]
        return save(drawn, pd.DataFrame(cells, columns=["group", "predicted_group", "photos", "share_of_group"]), folder, name)
