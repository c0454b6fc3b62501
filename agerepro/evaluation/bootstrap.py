"""95 % intervals of means: Student's t over folds, and a bootstrap that draws people.

The photos of one person resemble each other, so treating them as independent gives intervals that are too narrow. The
bootstrap therefore draws whole people with replacement. Every statistic here is a ratio of two sums over photos (weighted
errors over weights), so one person is two numbers, and thousands of draws cost next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.metrics import Floats

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Few clusters have few different draws, and BCa corrects its tails by a skewness that so few cannot show.
MIN_CLUSTERS = 10
_LARGEST_DRAW = 4_000_000  # counts held in memory at once


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval and the number of folds, people or photos behind it.

    `low` and `high` are NaN where there is no interval: of one fold, of fewer than MIN_CLUSTERS people, of a score that has none.
    """

    value: float
    low: float
    high: float
    n: int


def t_interval(values: ArrayLike) -> Interval:
    """Mean +- t sd / sqrt(n) of (n,) values, one a fold: sd with n - 1, t the 97.5 % quantile of Student's t with n - 1 degrees.

    koenig2019, section 5: intervals "around the mean based on the standard deviation of the errors", without a formula. The
    normal quantile 1.96 would be 30 % too narrow for five folds and 1.5 % for 82. It takes folds for independent and their errors
    for normal. UserError for no values, and for one that is not finite.
    """
    values = np.asarray(values, dtype="float64")
    if not len(values) or not np.all(np.isfinite(values)):
        wrong = int(np.sum(~np.isfinite(values)))
        raise UserError(f"No interval: {wrong} of {len(values)} values are not finite. Score finished folds only.")
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Interval(mean, float("nan"), float("nan"), n)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def cluster_bootstrap(
    numerators: ArrayLike, denominators: ArrayLike, people: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """sum(numerators) / sum(denominators) with its BCa bootstrap interval over people; all arguments (n,), one a photo.

    With `weights = photo_weights(folds, "macro")`, numerators `weights * errors` and denominators `weights` this is the
    macro MAE: when a fold is a person, drawing people is drawing folds; when a fold holds several, every photo keeps its
    weight and the weights of the people drawn are scaled to 1. Bias-corrected and accelerated [Efron 1987], since errors
    are skewed; no interval for fewer than MIN_CLUSTERS people. Repeatable: the same seed and photos give the same ends,
    whatever the order of people's names. UserError for no photos, and for a value that is not finite.
    """
    numerators, denominators = np.asarray(numerators, dtype="float64"), np.asarray(denominators, dtype="float64")
    if not len(numerators) or not (np.all(np.isfinite(numerators)) and np.all(np.isfinite(denominators))):
        raise UserError("No bootstrap interval: nothing to draw from, or a value is not finite. Score finished folds only.")
    names, person = np.unique(np.asarray(people), return_inverse=True)
    above = np.bincount(person, weights=numerators).astype("float64")
    below = np.bincount(person, weights=denominators).astype("float64")
    # Sorted, so that renaming people changes no digit.
    order = np.lexsort((below, above))
    above, below = above[order], below[order]
    value, n = float(above.sum() / below.sum()), len(names)
    if n < MIN_CLUSTERS:
        return Interval(value, float("nan"), float("nan"), n)
    if np.allclose(above, value * below, rtol=1e-12, atol=1e-12 * float(np.abs(below).max())):
        return Interval(value, value, value, n)  # whoever is drawn; BCa divides by the spread
    ends = stats.bootstrap(
        (above, below),
        _ratio_of_sums,
        paired=True,
        n_resamples=resamples,
        batch=max(1, _LARGEST_DRAW // n),
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value, float(ends.low), float(ends.high), n)


def _ratio_of_sums(above: Floats, below: Floats, *, axis: int = -1) -> Floats:
    return np.asarray(above.sum(axis=axis) / below.sum(axis=axis))
