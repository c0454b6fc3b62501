"""The page's charts as SVG: boxes over folds, errors by age, cumulative score, training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agerepro.evaluation.metrics import Floats, absolute_errors, within_tolerance
from agerepro.evaluation.subgroups import error_by_age
from agerepro.report.page.contents import History
from agerepro.report.page.svg import SERIES, WIDTH, Drawn, Scale, across, box, chart, curve, dot, line, text, upwards
from agerepro.report.tables import PrintedTable, interval_text, number_text

_ROW, _THICK = 52, 16


@dataclass(frozen=True)
class Box:
    """One run: the error of each fold (folds,), years or percent of wrong photos, and the paper's mean, or NaN."""

    label: str
    errors: Floats
    paper: float


def box_plot(boxes: Sequence[Box], *, unit: str) -> Drawn:
    """Quartiles as a box, the median as a line in it, the mean as a dot; whiskers reach the last fold within 1.5 box widths.

    Whiskers and single folds beyond them as Tukey drew them; every fold farther out is a small circle.
    """
    highest = max([float(one.errors.max()) for one in boxes] + [one.paper for one in boxes if one.paper == one.paper])
    bottom = _ROW * len(boxes) + 6
    scale = Scale(0, highest * 1.04, 12, WIDTH - 12)
    pieces = across(scale, top=4, bottom=bottom, label=f"Mean error of a fold ({unit})")
    for place, one in enumerate(boxes):
        pieces += _one(one, scale, top=4 + _ROW * place, colour=place % SERIES, unit=unit)
    told = "Errors of the folds. " + " ".join(_told(one, unit) for one in boxes)
    paper = " Dashed: the paper's mean." if any(one.paper == one.paper for one in boxes) else ""
    return Drawn("Errors of the folds", told, chart(pieces, height=bottom + 38, told=told), f"Box: quartiles. Dot: mean.{paper}")


def _one(one: Box, scale: Scale, *, top: float, colour: int, unit: str) -> list[str]:
    low, middle, high = np.quantile(one.errors, [0.25, 0.5, 0.75])
    reach = 1.5 * (high - low)
    inside = one.errors[(one.errors >= low - reach) & (one.errors <= high + reach)]
    centre = top + 34
    pieces = [text(scale.first, top + 16, one.label, look="name")]
    for start, end in ((inside.min(), low), (high, inside.max())):
        pieces.append(line((scale(start), centre), (scale(end), centre), f"whisker s{colour}"))
    where = f"{one.label}: quartiles {low:.2f} to {high:.2f} {unit}"
    pieces.append(box(scale(low), centre - _THICK / 2, scale(high) - scale(low), _THICK, f"box s{colour}", title=where))
    pieces.append(line((scale(middle), centre - _THICK / 2), (scale(middle), centre + _THICK / 2), f"median s{colour}"))
    outside = sorted(set(one.errors) - set(inside))
    pieces += [dot(scale(value), centre, 2.4, f"outlier s{colour}", title=f"{value:.2f} {unit}") for value in outside]
    pieces.append(dot(scale(one.errors.mean()), centre, 3.6, "mean", title=f"mean {one.errors.mean():.2f} {unit}"))
    if one.paper == one.paper:
        pieces.append(line((scale(one.paper), centre - 15), (scale(one.paper), centre + 15), "paper"))
    return pieces


def _told(one: Box, unit: str) -> str:
    low, middle, high = np.quantile(one.errors, [0.25, 0.5, 0.75])
    paper = f", the paper's mean {one.paper:.2f}" if one.paper == one.paper else ""
    return f"{one.label}: mean {one.errors.mean():.2f}, quartiles {low:.2f}, {middle:.2f} and {high:.2f} {unit}{paper}."


EDGES = (0, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 130)  # a child of 4 and one of 9 differ more than people of 44 and 49
_LINE = 15


def errors_by_age(predictions: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """`error_by_age` of each run's PREDICTIONS, by its label."""
    return {label: error_by_age(frame, edges=EDGES) for label, frame in predictions.items()}


def age_page(binned: Mapping[str, pd.DataFrame], banner: str) -> PrintedTable:
    """The table."""
    rows = []
    for label, table in binned.items():
        for place, bin_ in enumerate(table.to_dict("records")):
            numbers = (f"{bin_['photos']:,}", f"{bin_['people']:,}", number_text(bin_["mae"], "years"))
            span = interval_text(bin_["low"], bin_["high"], "years")
            rows.append((label if not place else "", _ages(bin_["first"], bin_["before"]), *numbers, span))
    headings = ("Experiment", "True age", "Photos", "People", "MAE (years)", "95 % interval")
    notes = ("Mean over the photos of these ages. Intervals: bootstrap over people (BCa); none where a row shows one person.",)
    return PrintedTable("Errors by age, children first", banner, headings, (2, 3, 4, 5), tuple(rows), notes)


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


LARGEST = 20  # years
_CUMULATIVE_TOP, _CUMULATIVE_BOTTOM, _CUMULATIVE_LEFT = 24, 244, 44


def cumulative_chart(predictions: Mapping[str, pd.DataFrame], guess: pd.DataFrame) -> Drawn:
    """One line a run, and a thin one of `guess`, the predictor that looks at no picture. All are PREDICTIONS."""
    across_scale, up = Scale(0, LARGEST, _CUMULATIVE_LEFT, WIDTH - 12), Scale(0, 100, _CUMULATIVE_BOTTOM, _CUMULATIVE_TOP)
    pieces = across(across_scale, top=_CUMULATIVE_TOP, bottom=_CUMULATIVE_BOTTOM, label="Error of at most so many years")
    pieces += upwards(up, left=_CUMULATIVE_LEFT, right=WIDTH - 12, label="Photos", suffix=" %")
    pieces.append(curve(_points(guess, across_scale, up), "guess"))
    told = []
    for place, (label, frame) in enumerate(predictions.items()):
        pieces.append(curve(_points(frame, across_scale, up), f"run s{place % SERIES} d{place % SERIES}"))
        told.append(f"{label} {_share(frame, 5):.0f} %")
    said = f"Share of photos by their largest allowed error. At most five years off: {', '.join(told)}, the guess {_share(guess, 5):.0f} %."
    note = "Thin dotted line: the mean age of the training photos for everyone."
    return Drawn("Cumulative score", said, chart(pieces, height=_CUMULATIVE_BOTTOM + 38, told=said), note)


def _points(frame: pd.DataFrame, right: Scale, up: Scale) -> list[tuple[float, float]]:
    return [(right(years), up(_share(frame, years))) for years in np.arange(0, LARGEST + 0.25, 0.25)]


def _share(frame: pd.DataFrame, years: float) -> float:
    return 100 * float(within_tolerance(absolute_errors(frame["age"], frame["predicted"]), within=years, limit="included").mean())


_CURVES_TOP, _CURVES_BOTTOM, _CURVES_LEFT = 24, 174, 44
_LINES = (("loss", "training", 0), ("validation_loss", "validation", 1))


def training_curves(history: History) -> Drawn | None:
    """Solid: training loss; dashed: validation loss, where there is one. None where no loss is finite."""
    tables = {column: _by_epoch(history, column) for column, _, _ in _LINES}
    finite = [table.to_numpy()[np.isfinite(table.to_numpy())] for table in tables.values()]
    if not any(len(values) for values in finite):
        return None
    everything = np.concatenate(finite)
    low, high = float(everything.min()), float(np.quantile(everything, 0.995))
    epochs = max(len(table) for table in tables.values())
    right, up = Scale(1, max(epochs, 2), _CURVES_LEFT, WIDTH - 12), Scale(min(low, high * 0.9), high, _CURVES_BOTTOM, _CURVES_TOP)
    pieces = across(right, top=_CURVES_TOP, bottom=_CURVES_BOTTOM, label="Epoch") + upwards(
        up, left=_CURVES_LEFT, right=WIDTH - 12, label="Loss"
    )
    told = []
    for column, name, place in _LINES:
        table = tables[column].dropna(how="all")
        if table.empty:
            continue
        mean = table.mean(axis=1)
        pieces += _band(table, right, up, place)
        points = [(right(float(str(epoch))), up(min(float(value), high))) for epoch, value in mean.items()]
        pieces.append(curve(points, f"run s{place} d{place}") if len(points) > 1 else dot(*points[0], 4, f"mark s{place}"))
        told.append(f"{name} loss from {mean.iloc[0]:.2f} to {mean.iloc[-1]:.2f}")
    said = f"{history.stage}: {', '.join(told)} in {epochs} epoch{'' if epochs == 1 else 's'}."
    return Drawn(history.stage, said, chart(pieces, height=_CURVES_BOTTOM + 38, told=said))


def _by_epoch(history: History, column: str) -> pd.DataFrame:
    """Epochs down, trainings across; infinite losses count as missing."""
    table = pd.concat([one.set_index("epoch")[column] for one in history.trainings], axis=1)
    return table.replace([np.inf, -np.inf], np.nan)


def _band(table: pd.DataFrame, right: Scale, up: Scale, place: int) -> list[str]:
    if table.shape[1] < 3 or len(table) < 2:
        return []
    low, high = (table.quantile(share, axis=1).clip(lower=up.low, upper=up.high) for share in (0.1, 0.9))
    there, back = ([(right(float(str(epoch))), up(float(value))) for epoch, value in end.items()] for end in (low, high))
    return [curve([*there, *back[::-1]], f"band s{place}", closed=True)]
