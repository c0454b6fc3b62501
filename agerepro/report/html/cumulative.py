"""Chart: the share of photos that are at most so many years off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from agerepro.evaluation.metrics import absolute_errors, near_enough
from agerepro.report.html.svg import SERIES, WIDTH, Drawn, Scale, across, chart, curve, upwards

LARGEST = 20  # years
_TOP, _BOTTOM, _LEFT = 24, 244, 44


def cumulative_chart(predictions: Mapping[str, pd.DataFrame], guess: pd.DataFrame) -> Drawn:
    """One line a run, and a thin one of `guess`, the predictor that looks at no picture. All are PREDICTIONS."""
    across_scale, up = Scale(0, LARGEST, _LEFT, WIDTH - 12), Scale(0, 100, _BOTTOM, _TOP)
    pieces = across(across_scale, top=_TOP, bottom=_BOTTOM, label="Error of at most so many years")
    pieces += upwards(up, left=_LEFT, right=WIDTH - 12, label="Photos", suffix=" %")
    pieces.append(curve(_points(guess, across_scale, up), "guess"))
    told = []
    for place, (label, frame) in enumerate(predictions.items()):
        pieces.append(curve(_points(frame, across_scale, up), f"run s{place % SERIES} d{place % SERIES}"))
        told.append(f"{label} {_share(frame, 5):.0f} %")
    said = f"Share of photos by their largest allowed error. At most five years off: {', '.join(told)}, the guess {_share(guess, 5):.0f} %."
    note = "Thin dotted line: the mean age of the training photos for everyone."
    return Drawn("Cumulative score", said, chart(pieces, height=_BOTTOM + 38, told=said), note)


def _points(frame: pd.DataFrame, right: Scale, up: Scale) -> list[tuple[float, float]]:
    return [(right(years), up(_share(frame, years))) for years in np.arange(0, LARGEST + 0.25, 0.25)]


def _share(frame: pd.DataFrame, years: float) -> float:
    return 100 * float(near_enough(absolute_errors(frame["age"], frame["predicted"]), within=years, limit="included").mean())
