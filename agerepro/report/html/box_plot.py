"""Chart: the errors of a run's folds as a box, one below the other, with the paper's mean as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agerepro.evaluation.metrics import Floats
from agerepro.report.html.svg import SERIES, WIDTH, Drawn, Scale, across, box, chart, dot, line, text

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
