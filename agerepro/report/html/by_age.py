"""Errors by age, children in fine steps first: the table, and the same numbers as a chart."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from agerepro.evaluation.by_age import error_by_age
from agerepro.report.html.svg import SERIES, WIDTH, Drawn, Scale, across, chart, dot, line, text
from agerepro.report.page import Page
from agerepro.report.tables import interval_text, number_text

EDGES = (0, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 130)  # a child of 4 and one of 9 differ more than people of 44 and 49
_LINE = 15


def errors_by_age(predictions: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """`error_by_age` of each run's PREDICTIONS, by its label."""
    return {label: error_by_age(frame, edges=EDGES) for label, frame in predictions.items()}


def age_page(binned: Mapping[str, pd.DataFrame], banner: str) -> Page:
    """The table."""
    rows = []
    for label, table in binned.items():
        for place, bin_ in enumerate(table.to_dict("records")):
            numbers = (f"{bin_['photos']:,}", f"{bin_['people']:,}", number_text(bin_["mae"], "years"))
            span = interval_text(bin_["low"], bin_["high"], "years")
            rows.append((label if not place else "", _ages(bin_["first"], bin_["before"]), *numbers, span))
    headings = ("Experiment", "True age", "Photos", "People", "MAE (years)", "95 % interval")
    notes = ("Mean over the photos of these ages. Intervals: bootstrap over people (BCa); none where a row shows one person.",)
    return Page("Errors by age, children first", banner, headings, (2, 3, 4, 5), tuple(rows), notes)


def age_chart(binned: Mapping[str, pd.DataFrame]) -> Drawn:
    """A dot with its interval for every run and bin, youngest on top; long intervals end at the chart's edge."""
    firsts = sorted({float(first) for table in binned.values() for first in table["first"]})
    highest = max(max(float(table["mae"].max()) * 1.25, float(table["high"].quantile(0.8))) for table in binned.values())
    scale, step = Scale(0, highest, 62, WIDTH - 12), 14 + _LINE * len(binned)
    bottom = step * len(firsts) + 6
    pieces = across(scale, top=4, bottom=bottom, label="Mean absolute error (years)")
    for row, first in enumerate(firsts):
        pieces.append(text(54, 4 + step * (row + 0.5) + 4, _ages(first, _end(first)), anchor="end"))
    for place, (label, table) in enumerate(binned.items()):
        for one in table.to_dict("records"):
            y = 4 + step * firsts.index(one["first"]) + 7 + _LINE * (place + 0.5)
            look = f"s{place % SERIES}"
            if one["low"] == one["low"]:
                pieces.append(line((scale(one["low"]), y), (scale(min(one["high"], highest)), y), f"whisker {look}"))
            pieces.append(
                dot(scale(one["mae"]), y, 4, f"mark {look}", title=f"{label}, {_ages(one['first'], one['before'])}: {one['mae']:.2f}")
            )
    worst = [f"{label} is wrong by {table.iloc[0]['mae']:.2f} years for the youngest" for label, table in binned.items()]
    told = f"Mean absolute error in {len(firsts)} bins of true age, with intervals. {'; '.join(worst)}. The table has every number."
    return Drawn("Errors by age", told, chart(pieces, height=bottom + 38, told=told), "Dots: mean. Lines: 95 % interval over people.")


def _ages(first: float, before: float) -> str:
    return f"{first:g}-{before - 1:g}" if before < EDGES[-1] else f"{first:g}+"


def _end(first: float) -> float:
    return float(EDGES[EDGES.index(int(first)) + 1])
