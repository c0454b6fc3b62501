"""Figure: the folds of several runs as box plots, beside published numbers [koenig2019, Figures 10 to 12]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from agerepro.errors import UserError
from agerepro.evaluation.check import check_one_run, tells_groups
from agerepro.evaluation.photo_errors import photo_errors
from agerepro.report.figures.style import BLACK, BLUE, DASHES, GREEN, GREY, PURPLE, VERMILION, Caption, panels, save

Metric = Literal["mae", "accuracy"]
MEASURES: dict[Metric, tuple[str, str]] = {
    "mae": ("Mean absolute error", "Mean absolute error of a fold (years)"),
    "accuracy": ("Accuracy", "Photos of a fold in their right age group (%)"),
}
_FILL = "#CFE3F2"
_LINES = (VERMILION, GREEN, BLUE, PURPLE, BLACK, GREY)
_ROOM = 0.36  # inches of a run's box


def draw_fold_boxes(
    runs: Mapping[str, pd.DataFrame],
    caption: Caption,
    folder: Path,
    *,
    earlier: Mapping[str, float] | None = None,
    published: Mapping[str, float] | None = None,
    name: str = "fold-boxes",
) -> list[Path]:
    """Draw one box a run (label -> PREDICTIONS) over its folds: mean absolute error in years, or accuracy in percent.

    Boxes hold the middle half, whiskers reach to the last fold within 1.5 box lengths, circles are folds beyond; a fold counts
    once, with the mean of its seeds. `earlier` (label -> value) are other papers' results, as lines; `published` (run's label ->
    value) is what the paper prints for the run itself. Raises UserError for no runs, too many lines, or runs that measure
    different things.
    """
    earlier, published = earlier or {}, published or {}
    tables = {label: fold_values(predictions) for label, predictions in runs.items()}
    measures = sorted({measure for measure, _ in tables.values()})
    if len(measures) != 1:
        raise UserError(f"Box plots over folds hold runs of one measure, not {', '.join(measures) or 'no run'}. Draw the others apart.")
    if len(earlier) > len(_LINES):
        raise UserError(f"Box plots over folds hold {len(_LINES)} earlier results, not {len(earlier)}. Name fewer.")
    values = {label: table for label, (_, table) in tables.items()}
    title, axis = MEASURES[measures[0]]
    key = _key(earlier, published, runs)
    height = 0.75 + _ROOM * len(runs)
    with panels(f"{title} on the folds", _subtitle(values), caption, *runs.values(), height=height, shape=(1, 1), key=key) as (
        drawn,
        grid,
    ):
        axes = grid[0, 0]
        places = np.arange(len(values))
        axes.boxplot(
            [table.to_numpy() for table in values.values()],
            positions=places,
            orientation="horizontal",
            widths=0.62,
            patch_artist=True,
            boxprops={"facecolor": _FILL, "edgecolor": BLACK, "linewidth": 1},
            medianprops={"color": BLACK, "linewidth": 2.2},
            whiskerprops={"color": BLACK, "linewidth": 1},
            capprops={"color": BLACK, "linewidth": 1},
            flierprops={"marker": "o", "markersize": 3.6, "markeredgecolor": GREY, "markerfacecolor": "none"},
        )
        axes.plot([table.mean() for table in values.values()], places, "D", color=BLACK, markersize=4.5, linewidth=0, zorder=4)
        for place, label in enumerate(values):
            if label in published:
                axes.plot(published[label], place, "X", color=VERMILION, markeredgecolor="white", markersize=8.5, zorder=5)
        for (_, value), colour, dashes in zip(earlier.items(), _LINES, DASHES[1:]):
            axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.5, zorder=1.5)
        # A run named by a changed setting has a long name, and the boxes need the room.
        axes.set_yticks(places, [label.replace(", ", ",\n").replace("=", "=\n") for label in values])
        axes.set(xlabel=axis, ylim=(len(values) - 0.4, -0.6))
        if measures[0] == "mae":
            axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return save(drawn, _table(values, earlier, published), folder, name)


def fold_values(predictions: pd.DataFrame) -> tuple[Metric, pd.Series]:
    """The metric of one run's PREDICTIONS, and its value by fold, mean over seeds: error in years, or accuracy in percent."""
    frame = check_one_run(predictions)
    errors = pd.Series(photo_errors(frame), index=frame.index)
    # Every seed holds the same photos of a fold (check_predictions), so the mean over seeds is that of all rows.
    means = errors.groupby(frame["fold"]).mean()
    return ("accuracy", 100 * (1 - means)) if tells_groups(frame) else ("mae", means)


def _subtitle(values: Mapping[str, pd.Series]) -> str:
    counts = sorted({len(table) for table in values.values()})
    folds = f"{counts[0]} folds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} folds"
    return f"Box: middle half of {folds}, and median; whiskers: 1.5 box lengths; circles: folds beyond"


def _key(earlier: Mapping[str, float], published: Mapping[str, float], runs: Mapping[str, pd.DataFrame]) -> list[list[Line2D]]:
    marks = [Line2D([], [], color=BLACK, marker="D", markersize=4.5, linewidth=0, label="mean of the folds")]
    if set(published) & set(runs):
        marks.append(
            Line2D([], [], color=VERMILION, marker="X", markeredgecolor="white", markersize=8.5, linewidth=0, label="the paper's mean")
        )
    lines = [
        Line2D([], [], color=colour, linestyle=dashes, linewidth=1.5, label=f"{_short(label)}: {value:.2f}")
        for (label, value), colour, dashes in zip(earlier.items(), _LINES, DASHES[1:])
    ]
    return [marks, lines] if lines else [marks]


def _short(label: str, most: int = 46) -> str:
    """A long name cut at the last blank that fits; a citation at its end stays."""
    words, _, citation = label.rpartition(" ") if label.endswith("]") else (label, "", "")
    if len(words) > most:
        words = words[:most].rpartition(" ")[0] + " ..."
    return f"{words} {citation}".rstrip()


def _table(values: Mapping[str, pd.Series], earlier: Mapping[str, float], published: Mapping[str, float]) -> pd.DataFrame:
    rows: list[tuple[str, str, object, float]] = []
    for label, table in values.items():
        rows += [("fold", label, fold, value) for fold, value in table.items()]
        rows += [("mean", label, "", table.mean())]
        rows += [("published", label, "", published[label])] if label in published else []
    rows += [("earlier result", label, "", value) for label, value in earlier.items()]
    return pd.DataFrame(rows, columns=["kind", "name", "fold", "value"])
