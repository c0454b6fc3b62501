"""Where a run's maps lie on the face, over all photos, as a table of the page."""

from __future__ import annotations

import pandas as pd

from agerepro.diagnosis.age_groups import ALL
from agerepro.diagnosis.regions import REGIONS, TOGETHER, of_region
from agerepro.report.page import Page

HEADINGS = ("", "Region", "Share of energy", "95 % interval", "Share of crop", "Times even", "95 % interval")
NOTE = "Energy: absolute value of the maps. Times even: energy a pixel beside an even spread. Means over photos, intervals over people."


def regions_page(summary: pd.DataFrame, label: str) -> Page | None:
    """regions-summary.csv [diagnosis.regions.SUMMARY] of the run called `label`; None where no photo has landmarks."""
    if summary.empty:
        return None
    rows = []
    for row in of_region(summary, (TOGETHER, *REGIONS), group=ALL):
        share, relative = ([float(row[f"{name}{end}"]) for end in ("", "_low", "_high")] for name in ("share", "relative"))
        shown = [f"{value:.1%}" for value in (*share, float(row["area_share"]))]
        times = ["-" if value != value else f"{value:.2f}" for value in relative]
        rows.append(("", str(row["region"]), shown[0], _between(*shown[1:3]), shown[3], times[0], _between(*times[1:])))
    return Page(f"Where the maps of {label} lie", "", HEADINGS, (2, 3, 4, 5, 6), tuple(rows), (NOTE,))


def _between(low: str, high: str) -> str:
    return "-" if low == "-" else f"[{low}, {high}]"
