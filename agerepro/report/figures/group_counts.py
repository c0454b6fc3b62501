"""Figure: how many photos each age group has [koenig2019, Figure 6]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from agerepro.errors import UserError
from agerepro.report.figures.style import BLUE, Caption, figure, save


def draw_group_counts(
    data: str, groups: pd.Series, labels: Sequence[str], caption: Caption, folder: Path, *, name: str = "groups"
) -> list[Path]:
    """Draw a bar a group with its photos and their share; groups: (n,) label of each photo; labels: all in rising order.

    Raises UserError for a photo in none of the labels.
    """
    outside = sorted(set(groups) - set(labels))
    if outside or groups.empty:
        what = f"Photos are in groups {', '.join(map(repr, outside))}, which" if outside else "There are no photos, and groups"
        raise UserError(f"{what} are none of {', '.join(labels)}. Give the labels that the run tells apart.")
    counts = groups.value_counts().reindex(list(labels), fill_value=0)
    shares = counts / counts.sum()
    with figure(f"Photos of {data} by age group", f"{len(groups):,} photos", caption, height=3.5) as (drawn, axes):
        bars = axes.bar(range(len(labels)), counts, width=0.78, color=BLUE)
        written = [f"{count:,}\n{100 * share:.1f} %" for count, share in zip(counts, shares)]
        axes.bar_label(bars, written, padding=2, fontsize=8.5)
        axes.set_xticks(range(len(labels)), list(labels))
        axes.set(xlabel="Age group (years)", ylabel="Photos")
        axes.set_ylim(0, 1.16 * counts.max())
        axes.grid(visible=False)
        axes.tick_params(axis="x", length=0)
        return save(drawn, pd.DataFrame({"group": list(labels), "photos": counts.to_numpy(), "share": shares.to_numpy()}), folder, name)
