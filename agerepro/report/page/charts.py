"""The page's charts as SVG: boxes over folds, errors by age, cumulative score, training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agerepro.evaluation.metrics import Floats, absolute_errors, within_tolerance
from agerepro.evaluation.subgroups import error_by_age
from agerepro.report.figures.training_curves import StageHistory
from agerepro.report.page.svg import SERIES, WIDTH, Chart, Scale, across, chart, curve, dot, line, rectangle, text, upwards
from agerepro.report.tables import BOOTSTRAP, PrintedTable, count_text, interval_text, number_text

EDGES = (0, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 130)  # a child of 4 and one of 9 differ more than people of 44 and 49
LARGEST = 20  # years that the cumulative score is drawn to
# In the chart's own units.
_ROW, _THICK = 52, 16
_LINE = 15
_TOP, _LEFT, _AXIS = 24, 44, 38
_CUMULATIVE_BOTTOM, _CURVES_BOTTOM = 244, 174
_CURVES = (("loss", "training", 0), ("validation_loss", "validation", 1))  # column of a history, its name, its colour and dashes


@dataclass(frozen=True)
class Box:
    """One run: the error of each fold (folds,), years or percent of wrong photos, and the paper's mean, or NaN."""

    label: str
    errors: Floats
    paper: float


def box_plot(boxes: Sequence[Box], *, unit: str) -> Chart:
    """Quartiles as a box, the median as a line in it, the mean as a dot; whiskers reach the last fold within 1.5 box widths.

    Whiskers and single folds beyond them as Tukey drew them; every fold farther out is a small circle.
    """
    highest = max([float(box.errors.max()) for box in boxes] + [box.paper for box in boxes if box.paper == box.paper])
    bottom = _ROW * len(boxes) + 6
    scale = Scale(0, highest * 1.04, 12, WIDTH - 12)
    pieces = across(scale, top=4, bottom=bottom, label=f"Mean error of a fold ({unit})")
    for place, box in enumerate(boxes):
        pieces += _box_pieces(box, scale, top=4 + _ROW * place, colour=place % SERIES, unit=unit)
    description = "Errors of the folds. " + " ".join(_describe(box, unit) for box in boxes)
    paper = " Dashed: the paper's mean." if any(box.paper == box.paper for box in boxes) else ""
    picture = chart(pieces, height=bottom + _AXIS, description=description)
    return Chart("Errors of the folds", description, picture, f"Box: quartiles. Dot: mean.{paper}")


def errors_by_age(predictions: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """`error_by_age` of each run's PREDICTIONS, by its label."""
    return {label: error_by_age(frame, edges=EDGES) for label, frame in predictions.items()}


def age_page(binned: Mapping[str, pd.DataFrame], banner: str) -> PrintedTable:
    """The table of each run's errors by age, youngest first."""
    rows = []
    for label, table in binned.items():
        for place, row in enumerate(table.to_dict("records")):
            numbers = (f"{row['photos']:,}", count_text(row["people"]), number_text(row["mae"], "years"))
            interval = interval_text(row["low"], row["high"], "years")
            rows.append((label if not place else "", _ages(row["first"], row["before"]), *numbers, interval))
    headings = ("Experiment", "True age", "Photos", "People", "MAE (years)", "95 % interval")
    notes = (f"Mean over the photos of these ages. Intervals: {BOOTSTRAP}.",)
    return PrintedTable("Errors by age, children first", banner, headings, (2, 3, 4, 5), tuple(rows), notes)


def age_chart(binned: Mapping[str, pd.DataFrame]) -> Chart:
    """A dot with its interval for every run and bin, youngest on top; long intervals end at the chart's edge."""
    firsts = sorted({float(first) for table in binned.values() for first in table["first"]})
    highest = max(max(float(table["mae"].max()) * 1.25, float(table["high"].quantile(0.8))) for table in binned.values())
    scale, step = Scale(0, highest, 62, WIDTH - 12), 14 + _LINE * len(binned)
    bottom = step * len(firsts) + 6
    pieces = across(scale, top=4, bottom=bottom, label="Mean absolute error (years)")
    for place, first in enumerate(firsts):
        pieces.append(text(54, 4 + step * (place + 0.5) + 4, _ages(first, _end(first)), anchor="end"))
    for place, (label, table) in enumerate(binned.items()):
        look = f"s{place % SERIES}"
        for row in table.to_dict("records"):
            y = 4 + step * firsts.index(row["first"]) + 7 + _LINE * (place + 0.5)
            if row["low"] == row["low"]:
                pieces.append(line((scale(row["low"]), y), (scale(min(row["high"], highest)), y), f"whisker {look}"))
            title = f"{label}, {_ages(row['first'], row['before'])}: {row['mae']:.2f}"
            pieces.append(dot(scale(row["mae"]), y, 4, f"mark {look}", title=title))
    youngest = [f"{label} is wrong by {table.iloc[0]['mae']:.2f} years for the youngest" for label, table in binned.items()]
    description = (
        f"Mean absolute error in {len(firsts)} bins of true age, with intervals. {'; '.join(youngest)}. The table has every number."
    )
    picture = chart(pieces, height=bottom + _AXIS, description=description)
    return Chart("Errors by age", description, picture, "Dots: mean. Lines: 95 % interval over people.")


def cumulative_chart(runs: Mapping[int, tuple[str, pd.DataFrame]], guess: pd.DataFrame, *, on: str = "") -> Chart:
    """One line a run, and a thin one of `guess`, the predictor that looks at no picture. All are PREDICTIONS.

    runs: label and predictions, by the run's place on the page, which gives its colour; on: what they are tested on, for the title.
    """
    right, up = Scale(0, LARGEST, _LEFT, WIDTH - 12), Scale(0, 100, _CUMULATIVE_BOTTOM, _TOP)
    pieces = across(right, top=_TOP, bottom=_CUMULATIVE_BOTTOM, label="Error of at most so many years")
    pieces += upwards(up, left=_LEFT, right=WIDTH - 12, label="Photos", suffix=" %")
    pieces.append(curve(_points(guess, right, up), "guess"))
    for place, (_, frame) in runs.items():
        pieces.append(curve(_points(frame, right, up), f"run s{place % SERIES} d{place % SERIES}"))
    shares = ", ".join(f"{label} {_share(frame, 5):.0f} %" for label, frame in runs.values())
    description = f"Share of photos by their largest allowed error. At most five years off: {shares}, the guess {_share(guess, 5):.0f} %."
    picture = chart(pieces, height=_CUMULATIVE_BOTTOM + _AXIS, description=description)
    title = f"Cumulative score: {on}" if on else "Cumulative score"
    return Chart(title, description, picture, "Thin dotted line: the mean age of the training photos for everyone.")


def training_curves(stage: StageHistory) -> Chart | None:
    """Solid: training loss; dashed: validation loss, where there is one. None where no loss is finite."""
    tables = {column: _by_epoch(stage, column) for column, _, _ in _CURVES}
    finite = [table.to_numpy()[np.isfinite(table.to_numpy())] for table in tables.values()]
    if not any(len(values) for values in finite):
        return None
    losses = np.concatenate(finite)
    low, high = float(losses.min()), float(np.quantile(losses, 0.995))
    epochs = max(len(table) for table in tables.values())
    right, up = Scale(1, max(epochs, 2), _LEFT, WIDTH - 12), Scale(min(low, high * 0.9), high, _CURVES_BOTTOM, _TOP)
    pieces = across(right, top=_TOP, bottom=_CURVES_BOTTOM, label="Epoch")
    pieces += upwards(up, left=_LEFT, right=WIDTH - 12, label="Loss")
    parts = []
    for column, name, place in _CURVES:
        table = tables[column].dropna(how="all")
        if table.empty:
            continue
        mean = table.mean(axis=1)
        pieces += _band(table, right, up, place)
        points = [(right(float(str(epoch))), up(min(float(value), high))) for epoch, value in mean.items()]
        pieces.append(curve(points, f"run s{place} d{place}") if len(points) > 1 else dot(*points[0], 4, f"mark s{place}"))
        parts.append(f"{name} loss from {mean.iloc[0]:.2f} to {mean.iloc[-1]:.2f}")
    description = f"{stage.stage}: {', '.join(parts)} in {epochs} epoch{'' if epochs == 1 else 's'}."
    return Chart(stage.stage, description, chart(pieces, height=_CURVES_BOTTOM + _AXIS, description=description))


def _box_pieces(box: Box, scale: Scale, *, top: float, colour: int, unit: str) -> list[str]:
    low, middle, high = np.quantile(box.errors, [0.25, 0.5, 0.75])
    reach = 1.5 * (high - low)
    inside = box.errors[(box.errors >= low - reach) & (box.errors <= high + reach)]
    centre = top + 34
    pieces = [text(scale.first, top + 16, box.label, look="name")]
    for start, end in ((inside.min(), low), (high, inside.max())):
        pieces.append(line((scale(start), centre), (scale(end), centre), f"whisker s{colour}"))
    title = f"{box.label}: quartiles {low:.2f} to {high:.2f} {unit}"
    pieces.append(rectangle(scale(low), centre - _THICK / 2, scale(high) - scale(low), _THICK, f"box s{colour}", title=title))
    pieces.append(line((scale(middle), centre - _THICK / 2), (scale(middle), centre + _THICK / 2), f"median s{colour}"))
    outside = sorted(set(box.errors) - set(inside))
    pieces += [dot(scale(value), centre, 2.4, f"outlier s{colour}", title=f"{value:.2f} {unit}") for value in outside]
    pieces.append(dot(scale(box.errors.mean()), centre, 3.6, "mean", title=f"mean {box.errors.mean():.2f} {unit}"))
    if box.paper == box.paper:
        pieces.append(line((scale(box.paper), centre - 15), (scale(box.paper), centre + 15), "paper"))
    return pieces


def _describe(box: Box, unit: str) -> str:
    low, middle, high = np.quantile(box.errors, [0.25, 0.5, 0.75])
    paper = f", the paper's mean {box.paper:.2f}" if box.paper == box.paper else ""
    return f"{box.label}: mean {box.errors.mean():.2f}, quartiles {low:.2f}, {middle:.2f} and {high:.2f} {unit}{paper}."


def _ages(first: float, before: float) -> str:
    return f"{first:g}-{before - 1:g}" if before < EDGES[-1] else f"{first:g}+"


def _end(first: float) -> float:
    return float(EDGES[EDGES.index(int(first)) + 1])


def _points(frame: pd.DataFrame, right: Scale, up: Scale) -> list[tuple[float, float]]:
    return [(right(years), up(_share(frame, years))) for years in np.arange(0, LARGEST + 0.25, 0.25)]


def _share(frame: pd.DataFrame, years: float) -> float:
    return 100 * float(within_tolerance(absolute_errors(frame["age"], frame["predicted"]), within=years, limit="included").mean())


def _by_epoch(stage: StageHistory, column: str) -> pd.DataFrame:
    """Epochs down, trainings across; infinite losses count as missing."""
    table = pd.concat([history.set_index("epoch")[column] for history in stage.histories], axis=1)
    return table.replace([np.inf, -np.inf], np.nan)


def _band(table: pd.DataFrame, right: Scale, up: Scale, place: int) -> list[str]:
    if table.shape[1] < 3 or len(table) < 2:
        return []
    low, high = (table.quantile(share, axis=1).clip(lower=up.low, upper=up.high) for share in (0.1, 0.9))
    there, back = ([(right(float(str(epoch))), up(float(value))) for epoch, value in end.items()] for end in (low, high))
    return [curve([*there, *back[::-1]], f"band s{place}", closed=True)]
