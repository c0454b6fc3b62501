"""Error measures of predicted ages: plain numbers from NumPy arrays, in years unless the name says otherwise."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from agerepro.errors import UserError

Floats = NDArray[np.float64]
Aggregation = Literal["macro", "pooled"]
AGGREGATIONS: tuple[Aggregation, ...] = ("macro", "pooled")
Limit = Literal["included", "excluded"]


def absolute_errors(ages: ArrayLike, predicted: ArrayLike) -> Floats:
    """|predicted - age| of every photo, (n,) years.

    Raises UserError when the lengths differ, nothing is there, or a value is not finite: a mean would hide it.
    """
    ages, predicted = _finite_pair(ages, predicted)
    return np.abs(predicted - ages)


def mean_absolute_error(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error over all photos, in years; 0 is best."""
    return float(np.mean(absolute_errors(ages, predicted)))


def median_absolute_error(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Median absolute error over all photos, in years; 0 is best. Not koenig2019's MedianAE, which is a median over folds."""
    return float(np.median(absolute_errors(ages, predicted)))


def cumulative_score(ages: ArrayLike, predicted: ArrayLike, *, within: float = 5, limit: Limit = "included") -> float:
    """Share of photos, 0 to 1, at most `within` years off; 1 is best.

    limit: whether an error equal to `within` counts: `included` is CS(n) [Geng et al. 2007; pan2018, section 4.2], `excluded` is
    CA(n) [liu2020, equation 6: "smaller than n"].
    """
    return float(np.mean(near_enough(absolute_errors(ages, predicted), within=within, limit=limit)))


def near_enough(errors: Floats, *, within: float, limit: Limit) -> NDArray[np.bool_]:
    """Whether each error, (n,) years, is within the limit, that counts itself or not."""
    return errors <= within if limit == "included" else errors < within


def epsilon_errors(ages: ArrayLike, predicted: ArrayLike, age_std: ArrayLike) -> Floats:
    """1 - exp(-(predicted - age)^2 / (2 age_std^2)) of every photo, (n,), 0 best and 1 worst [pan2018, section 4.2; teh2018, equation 4].

    Their mean is the epsilon error of ChaLearn's challenges: an error costs less where the votes on a photo's age lie far apart.
    Raises UserError for a standard deviation, in years, that is missing or not above 0, and as `absolute_errors`.
    """
    errors, spread = absolute_errors(ages, predicted), np.asarray(age_std, dtype="float64")
    if spread.shape != errors.shape or not (np.isfinite(spread) & (spread > 0)).all():
        raise UserError("The epsilon error needs a standard deviation of the age above 0 for every photo. Score photos that have one.")
    return -np.expm1(-(errors**2) / (2 * spread**2))


def spearman(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Spearman's rank correlation, -1 to 1, ranks of equal values averaged; NaN when all ages or all predictions are equal.

    pan2018 (section 4.2) prints 1 - 6 sum(d) / (n^3 - n); with d squared, as it must be, that is this without equal values.
    """
    ages, predicted = _finite_pair(ages, predicted)
    if np.ptp(ages) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    return float(stats.spearmanr(ages, predicted).statistic)


def r2(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Coefficient of determination, 1 - residual / total sum of squares; 1 is best, 0 is the mean age, below 0 worse than it.

    NaN when all ages are equal: there is nothing to explain, and the caller has to leave such a fold out and say so.
    """
    ages, predicted = _finite_pair(ages, predicted)
    if np.all(ages == ages[0]):
        return float("nan")
    return float(1 - np.sum((ages - predicted) ** 2) / np.sum((ages - ages.mean()) ** 2))


def photo_weights(folds: ArrayLike, aggregation: Aggregation) -> Floats:
    """Weight of every photo, (n,), summing to 1: `sum(weights * errors)` is the macro or the pooled mean absolute error.

    macro: the mean over folds of the fold's mean, so a photo weighs 1 / (folds * photos of its fold). pooled: 1 / n.
    """
    _, which, photos = np.unique(np.asarray(folds), return_inverse=True, return_counts=True)
    if aggregation == "macro":
        return 1.0 / (len(photos) * photos[which])
    return np.full(len(which), 1.0 / len(which))


def _finite_pair(ages: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    ages, predicted = np.asarray(ages, dtype="float64"), np.asarray(predicted, dtype="float64")
    if ages.ndim != 1 or ages.shape != predicted.shape:
        raise UserError(
            f"Ages of shape {ages.shape} cannot be scored against predictions of shape {predicted.shape}; give one prediction a photo."
        )
    if not len(ages):
        raise UserError("There are no predictions to score. Finish at least one fold first.")
    wrong = int(np.sum(~(np.isfinite(ages) & np.isfinite(predicted))))
    if wrong:
        raise UserError(f"{wrong} of {len(ages)} photos have no finite age or no finite prediction; a mean over the others would hide it.")
    return ages, predicted
