"""95 % intervals of mean errors: the thesis's over folds, and a bootstrap that draws people.

The photos of one person resemble each other, so treating them as independent gives intervals that are too narrow. The
bootstrap therefore draws whole people with replacement. Every statistic here is a ratio of two sums over photos (weighted
errors over weights), so one person is two numbers, and thousands of draws cost next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from agerepro.errors import UserError
from agerepro.evaluation.metrics import Floats

CONFIDENCE = 0.95
RESAMPLES = 10_000
_LARGEST_DRAW = 4_000_000  # counts held in memory at once


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval; `low` and `high` are NaN where one fold or person allows none."""

    value: float
    low: float
    high: float
    n: int


def normal_interval(values: ArrayLike) -> Interval:
    """Mean +- 1.96 sd / sqrt(n), sd with n - 1, of (n,) values, one a fold.

    koenig2019, section 5: intervals "around the mean based on the standard deviation of the errors"; the normal quantile
    and n - 1 are our reading. It takes folds for independent and their mean for normal.
    """
    values = np.asarray(values, dtype="float64")
    if not len(values) or not np.all(np.isfinite(values)):
        wrong = int(np.sum(~np.isfinite(values)))
        raise UserError(f"No interval: {wrong} of {len(values)} values are not finite. Score finished folds only.")
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Interval(mean, float("nan"), float("nan"), n)
    half = 1.96 * float(np.std(values, ddof=1)) / np.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def cluster_bootstrap(
    numerators: ArrayLike, denominators: ArrayLike, people: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """sum(numerators) / sum(denominators) with its BCa bootstrap interval over people; all arguments (n,), one a photo.

    With `weights = photo_weights(folds, "macro")`, numerators `weights * errors` and denominators `weights` this is the
    macro MAE: when a fold is a person, drawing people is drawing folds; when a fold holds several, every photo keeps its
    weight and the weights of the people drawn are scaled to 1. Bias-corrected and accelerated [Efron 1987], since errors
    are skewed. Repeatable: the same seed and photos give the same ends, whatever the order of people's names.
    """
    numerators, denominators = np.asarray(numerators, dtype="float64"), np.asarray(denominators, dtype="float64")
    if not len(numerators) or not (np.all(np.isfinite(numerators)) and np.all(np.isfinite(denominators))):
        raise UserError("No bootstrap interval: nothing to draw from, or a value is not finite. Score finished folds only.")
    names, who = np.unique(np.asarray(people), return_inverse=True)
    above = np.bincount(who, weights=numerators).astype("float64")
    below = np.bincount(who, weights=denominators).astype("float64")
    # Sorted, so that renaming people changes no digit.
    order = np.lexsort((below, above))
    above, below = above[order], below[order]
    value, n = float(above.sum() / below.sum()), len(names)
    if n < 2:
        return Interval(value, float("nan"), float("nan"), n)
    drawn = _draw(above, below, seed, resamples)
    low, high = _bias_corrected(value, drawn, _jackknife(above, below))
    return Interval(value, low, high, n)


def _draw(above: Floats, below: Floats, seed: int, resamples: int) -> Floats:
    """The ratio in each of `resamples` draws of all people with replacement, (resamples,)."""
    generator, people = np.random.default_rng(seed), len(above)
    step = max(1, _LARGEST_DRAW // people)
    ratios = []
    for start in range(0, resamples, step):
        size = (min(step, resamples - start), people)
        chosen = generator.integers(people, size=size)
        ratios.append(above[chosen].sum(axis=1) / below[chosen].sum(axis=1))
    return np.concatenate(ratios)


def _jackknife(above: Floats, below: Floats) -> Floats:
    """The ratio without each person in turn, (people,)."""
    return (above.sum() - above) / (below.sum() - below)


def _bias_corrected(value: float, drawn: Floats, without_one: Floats) -> tuple[float, float]:
    """Ends of the BCa interval [Efron and Tibshirani 1993, equations 14.9 to 14.15]."""
    away = without_one.mean() - without_one
    if not np.any(away):
        return value, value
    acceleration = np.sum(away**3) / (6 * np.sum(away**2) ** 1.5)
    below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
    edge = 0.5 / len(drawn)
    bias = ndtri(np.clip(below, edge, 1 - edge))
    tails = ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) + bias
    levels = ndtr(bias + tails / (1 - acceleration * tails))
    low, high = np.quantile(drawn, levels)
    return float(low), float(high)
