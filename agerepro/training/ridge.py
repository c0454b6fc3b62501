"""The closed-form start of a value head: ridge regression from frozen features to years."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from agerepro.models.heads import FeatureBlock

STRENGTHS = tuple(float(strength) for strength in np.logspace(0, 5, 21))
INNER_FOLDS = 5


def fit_ridge(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Kernel (features, 1) and bias (1,) of the linear layer that ridge regression gives, and the chosen strength.

    features: (n, d); ages: (n,) years; weights: (n,); people: (n,) names. Features are standardised inside; the strength with
    the least weighted absolute error over inner folds of people is taken, so nobody but these people chooses anything.
    """
    features, ages = np.asarray(features, np.float64), np.asarray(ages, np.float64)
    errors = np.zeros(len(STRENGTHS))
    for fitted, checked in GroupKFold(min(INNER_FOLDS, len(set(people)))).split(features, ages, people):
        kernels, biases = _fitted(features[fitted], ages[fitted], weights[fitted], STRENGTHS)
        errors += weights[checked] @ np.abs(features[checked] @ kernels + biases - ages[checked, None])
    best = STRENGTHS[int(np.argmin(errors))]
    return (*_fitted(features, ages, weights, (best,)), best)


@dataclass(frozen=True)
class Candidate:
    """One subset of sides and statistics with its least inner error (weighted, years) and the strength that gave it."""

    sides: tuple[int, ...]
    statistics: tuple[str, ...]
    strength: float
    inner_error: float


def candidates(
    features: np.ndarray, parts: Sequence[FeatureBlock], ages: np.ndarray, weights: np.ndarray, people: np.ndarray
) -> list[Candidate]:
    """Every subset of sides with every subset of statistics, none empty, and what ridge regression on it gives on inner folds.

    features: (n, d), the parts side by side; the rest as in `fit_ridge`. Solved in its dual form: the matrix of inner products
    of a subset is the sum of those of its parts, so all subsets together cost little more than one.
    """
    features, ages = np.asarray(features, np.float64), np.asarray(ages, np.float64)
    subsets = list(product(_subsets([part.side for part in parts]), _subsets([part.statistic for part in parts])))
    errors = np.zeros((len(subsets), len(STRENGTHS)))
    for fitted, checked in GroupKFold(min(INNER_FOLDS, len(set(people)))).split(features, ages, people):
        scaler = StandardScaler().fit(features[fitted], sample_weight=weights[fitted])
        root, mean_age = np.sqrt(weights[fitted]), np.average(ages[fitted], weights=weights[fitted])
        inside, across = root[:, None] * scaler.transform(features[fitted]), scaler.transform(features[checked])
        ends = np.cumsum([part.count for part in parts])
        own, other = zip(*((inside[:, at], across[:, at]) for at in (slice(e - p.count, e) for e, p in zip(ends, parts))))
        grams, crosses = [one @ one.T for one in own], [two @ one.T for one, two in zip(own, other)]
        for row, (sides, statistics) in enumerate(subsets):
            chosen = [i for i, part in enumerate(parts) if part.side in sides and part.statistic in statistics]
            values, vectors = np.linalg.eigh(sum(grams[i] for i in chosen))
            turned = vectors.T @ (root * (ages[fitted] - mean_age))
            duals = vectors @ (turned[:, None] / (np.maximum(values, 0)[:, None] + np.array(STRENGTHS)))
            said = sum(crosses[i] for i in chosen) @ duals + mean_age
            errors[row] += weights[checked] @ np.abs(said - ages[checked, None])
    errors /= weights.sum()
    return [
        Candidate(sides, statistics, STRENGTHS[int(np.argmin(error))], float(error.min()))
        for (sides, statistics), error in zip(subsets, errors)
    ]


def fit_ridge_best_subset(
    features: np.ndarray, parts: Sequence[FeatureBlock], ages: np.ndarray, weights: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[Candidate]]:
    """Kernel (d, 1) and bias (1,) of ridge regression on the subset with the least inner error, and all candidates, best first.

    The kernel is 0 at features that were not chosen. Sizes, statistics and strength are chosen by the training people alone.
    """
    ranked = sorted(candidates(features, parts, ages, weights, people), key=lambda one: one.inner_error)
    best = ranked[0]
    used = np.concatenate([np.full(p.count, p.side in best.sides and p.statistic in best.statistics) for p in parts])
    some, bias = _fitted(np.asarray(features, np.float64)[:, used], np.asarray(ages, np.float64), weights, (best.strength,))
    kernel = np.zeros((features.shape[1], 1))
    kernel[used] = some
    return kernel, bias, ranked


def _subsets(names: Sequence[int] | Sequence[str]) -> Iterator[tuple]:
    """All subsets but the empty one, in order of size."""
    distinct = list(dict.fromkeys(names))
    return chain.from_iterable(combinations(distinct, size) for size in range(1, len(distinct) + 1))


def _fitted(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, strengths: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (d, strengths) and biases (strengths,): one singular value decomposition serves all strengths [Hastie et al., 3.4.1]."""
    scaler = StandardScaler().fit(features, sample_weight=weights)
    root, mean_age = np.sqrt(weights), np.average(ages, weights=weights)
    # Weighted columns have weighted mean 0, so the bias is not penalised.
    left, values, right = np.linalg.svd(root[:, None] * scaler.transform(features), full_matrices=False)
    shrunk = (values / (values**2 + np.array(strengths)[:, None])) * (left.T @ (root * (ages - mean_age)))
    kernels = (shrunk @ right).T / scaler.scale_[:, None]
    return kernels, mean_age - scaler.mean_ @ kernels
