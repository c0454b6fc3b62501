"""Figure: loss and error after every epoch of every stage, the folds of the last one as a median with a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from agerepro.errors import UserError
from agerepro.report.figures.style import BLUE, DASHES, GREEN, MARKERS, PURPLE, VERMILION, Caption, panels, save

MIDDLE = (25, 75)  # percentiles of the folds that the band reaches to
# Column of a history -> what the figure calls it, its colour, dashes and marker.
_LOOKS = {
    "loss": ("training loss", BLUE, DASHES[0], MARKERS[0]),
    "validation_loss": ("validation loss", VERMILION, DASHES[1], MARKERS[1]),
    "mae": ("error while training", GREEN, DASHES[2], MARKERS[2]),
    "accuracy": ("right while training", PURPLE, DASHES[3], MARKERS[3]),
}
_Look = tuple[str, str, Any, str]
_HEIGHT = 1.5  # inches of a stage


@dataclass(frozen=True)
class StageHistory:
    """One stage: its name, and the history of every training of it (one, or one a fold and seed), a row an epoch.

    Columns: `epoch`, `loss`, `mae` (years) or `accuracy` (share), `validation_loss` (NaN where nothing validates).
    """

    stage: str
    histories: tuple[pd.DataFrame, ...]


def plot_training_curves(stages: Sequence[StageHistory], caption: Caption, folder: Path, *, name: str = "training-curves") -> list[Path]:
    """Plot one row a stage: losses on the left, error in years or share of right answers on the right.

    Where a stage was trained for several folds, lines are medians and bands hold the middle half of the folds. Raises UserError
    when no stage was trained for an epoch.
    """
    trained = [stage for stage in stages if stage.histories and len(stage.histories[0])]
    if not trained:
        raise UserError("No stage was trained for an epoch: there are no training curves.")
    tables = [summary(stage) for stage in trained]
    several = any(len(stage.histories) > 1 for stage in trained)
    subtitle = "Training: mean over the epoch's photos; validation: after the epoch." + (
        " Of several trainings: median, and a band around their middle half" if several else ""
    )
    measures = set(pd.concat(tables)["measure"])
    key = [[_line(look)] for measure, look in _LOOKS.items() if measure in measures]
    shape = (len(trained), 2)
    with panels("Training curves", subtitle, caption, height=_HEIGHT * len(trained) + 0.25, shape=shape, key=key) as (drawn, axes):
        for row, (stage, table) in enumerate(zip(trained, tables)):
            for place, (unit, names) in zip(axes[row], _sides(table)):
                for measure in names:
                    _plot(place, table[table["measure"] == measure], _LOOKS[measure])
                place.set_ylabel(unit, fontsize=9)
                _limit(place, table[table["measure"].isin(names)], last=row == len(trained) - 1)
            axes[row][0].set_title(_heading(stage), fontsize=10, pad=4)
        return save(drawn, pd.concat([table.assign(stage=stage.stage) for stage, table in zip(trained, tables)]), folder, name)


def summary(stage: StageHistory) -> pd.DataFrame:
    """A row an epoch and measure: `epoch`, `measure`, `median`, `low`, `high` (the band), `trainings`; shares become percent."""
    rows = []
    together = pd.concat(stage.histories, ignore_index=True)
    for measure in _LOOKS:
        if measure not in together or together[measure].isna().all():
            continue
        scale = 100.0 if measure == "accuracy" else 1.0
        for epoch, values in together.dropna(subset=[measure]).groupby("epoch")[measure]:
            low, high = np.percentile(values, MIDDLE)
            rows.append((epoch, measure, scale * values.median(), scale * low, scale * high, len(values)))
    return pd.DataFrame(rows, columns=["epoch", "measure", "median", "low", "high", "trainings"])


def _sides(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Left and right: what the axis says, and the measures that stand on it."""
    right = "accuracy" if "accuracy" in set(table["measure"]) else "mae"
    return [("Loss", ["loss", "validation_loss"]), ("Right (%)" if right == "accuracy" else "MAE (years)", [right])]


def _plot(axes: Axes, table: pd.DataFrame, look: _Look) -> None:
    _, colour, dashes, marker = look
    every = max(1, len(table) // 10)
    style = {"color": colour, "linestyle": dashes, "marker": marker}
    axes.plot(table["epoch"], table["median"], markersize=3.5, markevery=every, linewidth=1.5, **style)
    if len(table) and table["trainings"].max() > 1:
        axes.fill_between(table["epoch"], table["low"], table["high"], color=colour, alpha=0.18, linewidth=0)


def _line(look: _Look) -> Line2D:
    label, colour, dashes, marker = look
    return Line2D([], [], color=colour, linestyle=dashes, marker=marker, markersize=3.5, linewidth=1.5, label=label)


def _limit(axes: Axes, table: pd.DataFrame, *, last: bool) -> None:
    epochs = int(table["epoch"].max())
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylim(0, 1.08 * table["high"].max())
    axes.set_xticks(range(1, epochs + 1) if epochs <= 10 else range(0, epochs + 1, 5 if epochs <= 30 else 10))
    axes.set_xlim(0.5, epochs + 0.5)
    if last:
        axes.set_xlabel("Epoch")


def _heading(stage: StageHistory) -> str:
    return f"Stage {stage.stage}" + (f", {len(stage.histories)} trainings" if len(stage.histories) > 1 else "")
