"""The table of regions: every region once, over all photos, and a dash for what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agerepro.diagnosis.regions import REGIONS, SUMMARY, TOGETHER, region_summary, region_table
from agerepro.report.html.regions import regions_page

LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def test_a_row_a_region_with_what_the_summary_has() -> None:
    photos = pd.DataFrame({"photo": list("abcdef"), "subject": list("112233"), "age": 30.0})
    maps = np.random.default_rng(0).random((6, 5, 5))
    summary = region_summary(region_table(photos, maps, np.repeat(LANDMARKS[None], 6, axis=0)), pd.Series("20-39", index=photos["photo"]))
    page = regions_page(summary, "a run")
    assert page is not None and page.title == "Where the maps of a run lie"
    assert [row[1] for row in page.rows] == [TOGETHER, *REGIONS] and {len(row) for row in page.rows} == {len(page.headings)}
    eyes = summary.loc[(summary["group"] == "all") & (summary["region"] == "eyes")].iloc[0]
    shown = dict(zip(page.headings[1:4], next(row for row in page.rows if row[1] == "eyes")[1:4]))
    assert shown == {
        "Region": "eyes",
        "Share of energy": f"{eyes['share']:.1%}",
        "95 % interval": f"[{eyes['share_low']:.1%}, {eyes['share_high']:.1%}]",
    }
    assert next(row for row in page.rows if row[1] == "eyes")[5] == f"{eyes['relative']:.2f}"


def test_no_landmarks_no_table_and_no_interval_a_dash() -> None:
    assert regions_page(pd.DataFrame(columns=list(SUMMARY)), "a") is None
    nothing = float("nan")
    rows = [("all", region, 1, 1, 0.5, 0.4, 0.6, 0.1, nothing, nothing, nothing) for region in (*REGIONS, TOGETHER)]
    page = regions_page(pd.DataFrame(rows, columns=list(SUMMARY)), "a")
    assert page is not None and {row[5:] for row in page.rows} == {("-", "-")}
