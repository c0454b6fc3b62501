"""The closed-form start of a regression head: ridge regression from frozen features to years.

scikit-learn standardises and divides; its RidgeCV does not fit here. It cannot standardise inside each inner fold, and given folds
of people it becomes a grid search, which averages the folds' scores without their weights (ours is one weighted absolute error over
all people left out) and solves anew for each strength, where one decomposition serves all 21, and all subsets of features.
"""

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

    features: (n, d); ages: (n,) years; weights: (n,) of photos; people: (n,) names. Features are standardised inside; the strength with
    the least weighted absolute error over inner folds of people is taken, so nobody but these people chooses anything.
    """
    features, ages = np.asarray(features, np.float64), np.asarray(ages, np.float64)
    errors = np.zeros(len(STRENGTHS))
    for fitted, checked in GroupKFold(min(INNER_FOLDS, len(set(people)))).split(features, ages, people):
        kernels, biases = _solve(features[fitted], ages[fitted], weights[fitted], STRENGTHS)
        errors += weights[checked] @ np.abs(features[checked] @ kernels + biases - ages[checked, None])
    best = STRENGTHS[int(np.argmin(errors))]
    return (*_solve(features, ages, weights, (best,)), best)


@dataclass(frozen=True)
class Candidate:
    """One subset of sides and statistics with its least inner error (weighted, years) and the strength that gave it."""

    sides: tuple[int, ...]
    statistics: tuple[str, ...]
    strength: float
    inner_error: float


def candidates(
    features: np.ndarray, blocks: Sequence[FeatureBlock], ages: np.ndarray, weights: np.ndarray, people: np.ndarray
) -> list[Candidate]:
    """Every subset of sides with every subset of statistics, none empty, and what ridge regression on it gives on inner folds.

    features: (n, d), the blocks side by side; the rest as in `fit_ridge`. Solved in its dual form: the matrix of inner products
    of a subset is the sum of those of its blocks, so all subsets together cost little more than one.
    """
    features, ages = np.asarray(features, np.float64), np.asarray(ages, np.float64)
    subsets = list(product(_subsets([block.side for block in blocks]), _subsets([block.statistic for block in blocks])))
    errors = np.zeros((len(subsets), len(STRENGTHS)))
    for fitted, checked in GroupKFold(min(INNER_FOLDS, len(set(people)))).split(features, ages, people):
        scaler = StandardScaler().fit(features[fitted], sample_weight=weights[fitted])
        root, mean_age = np.sqrt(weights[fitted]), np.average(ages[fitted], weights=weights[fitted])
        inside, outside = root[:, None] * scaler.transform(features[fitted]), scaler.transform(features[checked])
        columns = [slice(end - block.count, end) for end, block in zip(np.cumsum([block.count for block in blocks]), blocks)]
        grams = [inside[:, span] @ inside[:, span].T for span in columns]
        crosses = [outside[:, span] @ inside[:, span].T for span in columns]
        for row, (sides, statistics) in enumerate(subsets):
            chosen = [i for i, block in enumerate(blocks) if block.side in sides and block.statistic in statistics]
            values, vectors = np.linalg.eigh(sum(grams[i] for i in chosen))
            rotated = vectors.T @ (root * (ages[fitted] - mean_age))
            duals = vectors @ (rotated[:, None] / (np.maximum(values, 0)[:, None] + np.array(STRENGTHS)))
            predicted = sum(crosses[i] for i in chosen) @ duals + mean_age
            errors[row] += weights[checked] @ np.abs(predicted - ages[checked, None])
    errors /= weights.sum()
    return [
        Candidate(sides, statistics, STRENGTHS[int(np.argmin(error))], float(error.min()))
        for (sides, statistics), error in zip(subsets, errors)
    ]


def fit_ridge_best_subset(
    features: np.ndarray, blocks: Sequence[FeatureBlock], ages: np.ndarray, weights: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[Candidate]]:
    """Kernel (d, 1) and bias (1,) of ridge regression on the subset with the least inner error, and all candidates, best first.

    The kernel is 0 at features that were not chosen. Sizes, statistics and strength are chosen by the training people alone.
    """
    ranked = sorted(candidates(features, blocks, ages, weights, people), key=lambda candidate: candidate.inner_error)
    best = ranked[0]
    used = np.concatenate([np.full(b.count, b.side in best.sides and b.statistic in best.statistics) for b in blocks])
    used_kernel, bias = _solve(np.asarray(features, np.float64)[:, used], np.asarray(ages, np.float64), weights, (best.strength,))
    kernel = np.zeros((features.shape[1], 1))
    kernel[used] = used_kernel
    return kernel, bias, ranked


def _subsets(names: Sequence[int] | Sequence[str]) -> Iterator[tuple]:
    """All subsets but the empty one, in order of size."""
    distinct = list(dict.fromkeys(names))
    return chain.from_iterable(combinations(distinct, size) for size in range(1, len(distinct) + 1))


def _solve(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, strengths: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (d, strengths) and biases (strengths,): one singular value decomposition serves all strengths [Hastie et al., 3.4.1]."""
    scaler = StandardScaler().fit(features, sample_weight=weights)
    root, mean_age = np.sqrt(weights), np.average(ages, weights=weights)
    # Weighted columns have weighted mean 0, so the bias is not penalised.
    left, values, right = np.linalg.svd(root[:, None] * scaler.transform(features), full_matrices=False)
    shrunk = (values / (values**2 + np.array(strengths)[:, None])) * (left.T @ (root * (ages - mean_age)))
    kernels = (shrunk @ right).T / scaler.scale_[:, None]
    return kernels, mean_age - scaler.mean_ @ kernels
