"""The median over photos with its bootstrap interval over people."""

from __future__ import annotations

import numpy as np

from agerepro.evaluation.intervals import CONFIDENCE, Interval

RESAMPLES = 2_000


def median_over_people(values: np.ndarray, people: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Median of (n,) values, one a photo, NaN left out, with the 95 % percentile interval over draws of whole people.

    A median is no ratio of sums, so evaluation.intervals cannot draw it. NaN all over where nothing is left; ends are NaN for one
    person alone. n is the number of people.
    """
    known = np.isfinite(values)
    values, people = np.asarray(values, float)[known], np.asarray(people)[known]
    nan = float("nan")
    if not len(values):
        return Interval(nan, nan, nan, 0)
    names = np.unique(people)
    value = float(np.median(values))
    if len(names) < 2:
        return Interval(value, nan, nan, len(names))
    of_person = [values[people == name] for name in names]
    draw = np.random.default_rng(seed)
    medians = [np.median(np.concatenate([of_person[k] for k in draw.integers(len(names), size=len(names))])) for _ in range(resamples)]
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high), len(names))
