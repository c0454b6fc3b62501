"""Figure: mean absolute error in bins of true age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.by_age import DECADES, error_by_age
from agerepro.evaluation.check import ages_only, check_one_run
from agerepro.report.figures.style import COLOURS, FEW, MARKERS, Caption, figure, height_with, legend, save

_MOST = len(COLOURS)


def draw_error_by_age(
    runs: Mapping[str, pd.DataFrame], caption: Caption, folder: Path, *, edges: Sequence[float] = DECADES, name: str = "error-by-age"
) -> list[Path]:
    """Draw each run's (label -> PREDICTIONS) mean error a bin of true age, with 95 % intervals over people.

    The labels under the bins count the first run's photos. Raises UserError for no runs or too many, and as `error_by_age`.
    """
    if not 0 < len(runs) <= _MOST:
        raise UserError(f"An error by age figure holds 1 to {_MOST} runs, not {len(runs)}. Name fewer.")
    runs = {label: ages_only(check_one_run(predictions)) for label, predictions in runs.items()}
    binned = {label: error_by_age(predictions, edges=edges) for label, predictions in runs.items()}
    firsts = np.unique(np.concatenate([table["first"] for table in binned.values()]))
    subtitle = "Whiskers: 95 % bootstrap intervals over people; none where there is one person"
    with figure("Mean absolute error by true age", subtitle, caption, *runs.values(), height=height_with(len(runs))) as (drawn, axes):
        for index, (label, table) in enumerate(binned.items()):
            beside = (index - (len(binned) - 1) / 2) * min(0.14, 0.7 / len(binned))
            where = np.searchsorted(firsts, table["first"]) + beside
            reach = np.abs(table[["low", "high"]].to_numpy().T - table["mae"].to_numpy())
            axes.errorbar(
                where,
                table["mae"],
                yerr=np.nan_to_num(reach),
                color=COLOURS[index],
                marker=MARKERS[index],
                markersize=5.5,
                linewidth=0,
                elinewidth=1.4,
                capsize=3,
                label=label,
            )
        axes.set_xticks(range(len(firsts)), _bin_labels(next(iter(binned.values())), firsts, edges))
        axes.set(
            xlim=(-0.6, len(firsts) - 0.4),
            ylabel="Mean absolute error (years)",
            xlabel=f"True age (years) and number of photos{_whose(binned)}",
        )
        # Room for the legend over the tallest whisker.
        inside = len(runs) if len(runs) <= FEW else 0
        axes.set_ylim(0, axes.get_ylim()[1] * (1.05 + 0.09 * inside))
        axes.grid(visible=False, axis="x")
        legend(axes, "upper left", entries=len(runs), below=58)
        return save(drawn, pd.concat([table.assign(run=label) for label, table in binned.items()], ignore_index=True), folder, name)


def _whose(binned: Mapping[str, pd.DataFrame]) -> str:
    """Whose photos are counted under the bins, said when the runs differ in them."""
    counts = {tuple(zip(table["first"], table["photos"])) for table in binned.values()}
    return "" if len(counts) == 1 else " (first run)"


def _bin_labels(table: pd.DataFrame, firsts: np.ndarray, edges: Sequence[float]) -> list[str]:
    photos = dict(zip(table["first"], table["photos"]))
    before = dict(zip(edges, list(edges)[1:]))
    return [f"{first:g}-{before[first] - 1:g}\n{photos.get(first, 0):,}" for first in firsts]
