"""The closed-form start of a value head: ridge regression from frozen features to years."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

STRENGTHS = tuple(float(strength) for strength in np.logspace(0, 5, 21))
INNER_FOLDS = 5


def ridge_start(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
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


def _fitted(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, strengths: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (d, strengths) and biases (strengths,): one singular value decomposition serves all strengths [Hastie et al., 3.4.1]."""
    scaler = StandardScaler().fit(features, sample_weight=weights)
    root, mean_age = np.sqrt(weights), np.average(ages, weights=weights)
    # Weighted columns have weighted mean 0, so the bias is not penalised.
    left, values, right = np.linalg.svd(root[:, None] * scaler.transform(features), full_matrices=False)
    shrunk = (values / (values**2 + np.array(strengths)[:, None])) * (left.T @ (root * (ages - mean_age)))
    kernels = (shrunk @ right).T / scaler.scale_[:, None]
    return kernels, mean_age - scaler.mean_ @ kernels
