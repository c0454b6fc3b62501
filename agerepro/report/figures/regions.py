"""Figure: how much of the maps lies in each region of the face, beside an even spread, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from agerepro.diagnosis.age_groups import ALL, in_order
from agerepro.diagnosis.regions import REGIONS, TOGETHER
from agerepro.errors import UserError
from agerepro.report.figures.style import BLACK, COLOURS, MARKERS, Caption, panels, save

_SPREAD = 0.62  # of the room of a row that several runs share


def draw_regions(runs: Mapping[str, pd.DataFrame], caption: Caption, folder: Path, *, name: str = "regions") -> list[Path]:
    """Draw the summaries [diagnosis.regions.SUMMARY] of up to seven runs: left all regions, right eyes and nose by age group.

    Raises UserError for no run, or more than there are colours.
    """
    if not runs or len(runs) > len(COLOURS):
        raise UserError(f"{len(runs)} runs cannot stand in one figure of regions: give one to {len(COLOURS)}.")
    groups = in_order(np.array(sorted({group for table in runs.values() for group in table["group"] if group != ALL})))
    many = 0.105 * len(runs)
    subtitle = "Energy of the maps a pixel, times an even spread (line at 1), with 95 % intervals over people"
    height = (len(REGIONS) + 1) * (0.24 + many) + 0.75 + (0.2 * len(runs) if len(runs) > 1 else 0)
    with panels("Where the maps lie on the face", subtitle, caption, height=height, shape=(1, 2)) as (drawn, axes):
        regions, ages = axes[0]
        for number, (label, table) in enumerate(runs.items()):
            whole = table.loc[table["group"] == ALL].set_index("region")
            together = table.loc[table["region"] == TOGETHER].set_index("group")
            _dots(regions, whole.reindex([TOGETHER, *REGIONS]), number, len(runs), label)
            _dots(ages, together.reindex(groups), number, len(runs), label)
        _rows(regions, [TOGETHER, *REGIONS], "Region, all ages")
        _rows(ages, groups, "Eyes and nose, by age")
        if len(runs) > 1:
            under = offset_copy(regions.transAxes, drawn, x=-40, y=-36, units="points")
            regions.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, borderaxespad=0, fontsize=8.5)
        return save(drawn, pd.concat([table.assign(run=label) for label, table in runs.items()], ignore_index=True), folder, name)


def _dots(axes: Axes, rows: pd.DataFrame, number: int, runs: int, label: str) -> None:
    at = np.arange(len(rows)) + (_SPREAD * (number / (runs - 1) - 0.5) if runs > 1 else 0)
    values, low, high = (rows[name].to_numpy(float) for name in ("relative", "relative_low", "relative_high"))
    colour = COLOURS[number]
    axes.hlines(at, low, high, color=colour, linewidth=1.3)
    axes.plot(values, at, MARKERS[number], color=colour, markersize=4, label=label)


def _rows(axes: Axes, names: list[str], title: str) -> None:
    axes.axvline(1, color=BLACK, linewidth=0.9)
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.tick_params(axis="x", labelsize=8.5)
    axes.set_title(title, fontsize=9.5)
    axes.set_xlabel("Times an even spread", fontsize=9)
    axes.grid(visible=False, axis="y")
