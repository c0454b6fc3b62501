"""Metrics of ages in years and of age groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn import metrics

from agerepro.errors import UserError, suggest

Floats = NDArray[np.float64]
Aggregation = Literal["macro", "pooled"]
AGGREGATIONS: tuple[Aggregation, ...] = ("macro", "pooled")
Limit = Literal["included", "excluded"]
Counts = NDArray[np.int64]


def absolute_errors(ages: ArrayLike, predicted: ArrayLike) -> Floats:
    """|predicted - age| of every photo, (n,) years.

    Raises UserError when the lengths differ, nothing is there, or a value is not finite: a mean would hide it.
    """
    ages, predicted = _finite_pair(ages, predicted)
    return np.abs(predicted - ages)


def mean_absolute_error(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error over all photos, in years; 0 is best."""
    return float(metrics.mean_absolute_error(*_finite_pair(ages, predicted)))


def median_absolute_error(ages: ArrayLike, predicted: ArrayLike) -> float:
    """Median absolute error over all photos, in years; 0 is best. Not koenig2019's MedianAE, which is a median over folds."""
    return float(metrics.median_absolute_error(*_finite_pair(ages, predicted)))


def cumulative_score(ages: ArrayLike, predicted: ArrayLike, *, within: float = 5, limit: Limit = "included") -> float:
    """Share of photos, 0 to 1, at most `within` years off; 1 is best.

    limit: whether an error equal to `within` counts: `included` is CS(n) [Geng et al. 2007; pan2018, section 4.2], `excluded` is
    CA(n) [liu2020, equation 6: "smaller than n"].
    """
    return float(np.mean(within_tolerance(absolute_errors(ages, predicted), within=within, limit=limit)))


def within_tolerance(errors: Floats, *, within: float, limit: Limit) -> NDArray[np.bool_]:
    """Whether each error, (n,) years, is within the limit, that counts itself or not."""
    return errors <= within if limit == "included" else errors < within


def epsilon_errors(ages: ArrayLike, predicted: ArrayLike, age_std: ArrayLike) -> Floats:
    """1 - exp(-(predicted - age)^2 / (2 age_std^2)) of every photo, (n,), 0 best and 1 worst [pan2018, section 4.2; teh2018, equation 4].

    Their mean is the epsilon error of ChaLearn's challenges: an error costs less where the votes on a photo's age lie far apart. Where
    all votes are the same, age_std is 0, as of 11 test photos of CLAP2016: the limit is taken, 0 for the very age and 1 for any other.
    Raises UserError for a standard deviation, in years, that is missing or below 0, and as `absolute_errors`.
    """
    errors, spread = absolute_errors(ages, predicted), np.asarray(age_std, dtype="float64")
    if spread.shape != errors.shape or not (np.isfinite(spread) & (spread >= 0)).all():
        raise UserError("The epsilon error needs a standard deviation of the age, 0 or more, for every photo. Score photos that have one.")
    scaled = np.divide(errors, spread, out=np.where(errors > 0, np.inf, 0.0), where=spread > 0)
    return -np.expm1(-(scaled**2) / 2)


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
    # scikit-learn says 0 or 1 for equal ages, and warns of a single photo.
    return float("nan") if np.ptp(ages) == 0 else float(metrics.r2_score(ages, predicted))


def photo_weights(folds: ArrayLike, aggregation: Aggregation) -> Floats:
    """Weight of every photo, (n,), summing to 1: `sum(weights * errors)` is the macro or the pooled mean absolute error.

    macro: the mean over folds of the fold's mean, so a photo weighs 1 / (folds * photos of its fold). pooled: 1 / n.
    """
    _, which, photos = np.unique(np.asarray(folds), return_inverse=True, return_counts=True)
    if aggregation == "macro":
        return 1.0 / (len(photos) * photos[which])
    return np.full(len(which), 1.0 / len(which))


def groups_off(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Counts:
    """How many groups away each prediction is, (n,), 0 for right; (n,) labels each. UserError as `confusion_matrix`."""
    true, given = _group_pair(groups, predicted, labels)
    return np.abs(given - true)


def accuracy(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> float:
    """Share of photos in their right group; 1 is best. UserError as `confusion_matrix`."""
    return float(metrics.accuracy_score(*_group_pair(groups, predicted, labels)))


def one_off_accuracy(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> float:
    """Share of photos in their right group or a neighbour of it; 1 is best [koenig2019, section 5]. UserError as `confusion_matrix`.

    The thesis says "a neighboring class of the true label"; its 87.80 % beside an accuracy of 61.41 % can only count the right
    ones too.
    """
    return float(np.mean(groups_off(groups, predicted, labels) <= 1))


def confusion_matrix(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Counts:
    """(k, k) counts of photos: rows are true groups, columns predicted ones, both in the order of `labels` [koenig2019, Table 6].

    Raises UserError for no photos, unequal lengths, and a group that is none of the labels.
    """
    return np.asarray(metrics.confusion_matrix(*_group_pair(groups, predicted, labels), labels=range(len(labels))), dtype="int64")


def precision(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Floats:
    """Of the photos given to each group, the share that belongs there, (k,); NaN for a group never given. UserError as for the counts."""
    pair = _group_pair(groups, predicted, labels)
    return np.asarray(metrics.precision_score(*pair, labels=range(len(labels)), average=None, zero_division=np.nan))


def recall(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Floats:
    """Of the photos of each group, the share given to it, (k,); NaN for a group without photos. UserError as for the counts."""
    pair = _group_pair(groups, predicted, labels)
    return np.asarray(metrics.recall_score(*pair, labels=range(len(labels)), average=None, zero_division=np.nan))


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


def _group_pair(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> tuple[Counts, Counts]:
    """Numbers of the true and of the predicted groups, (n,) each, from 0 in the order of the labels."""
    true, given = _group_numbers(groups, labels), _group_numbers(predicted, labels)
    if true.shape != given.shape or not len(true):
        raise UserError(f"{len(true)} groups cannot be scored against {len(given)} predictions; give one prediction a photo.")
    return true, given


def _group_numbers(groups: ArrayLike, labels: Sequence[str]) -> Counts:
    place = {label: number for number, label in enumerate(labels)}
    names = [str(name) for name in np.asarray(groups)]
    if unknown := sorted(set(names) - set(labels)):
        raise UserError(f"No age group {unknown[0]!r}.{suggest(unknown[0], labels)}")
    return np.array([place[name] for name in names], dtype="int64")
