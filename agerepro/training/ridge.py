"""The closed-form start of a value head: ridge regression from frozen features to years."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge
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
        for at, strength in enumerate(STRENGTHS):
            kernel, bias = _fitted(features[fitted], ages[fitted], weights[fitted], strength)
            errors[at] += np.sum(weights[checked] * np.abs(features[checked] @ kernel[:, 0] + bias[0] - ages[checked]))
    best = STRENGTHS[int(np.argmin(errors))]
    return (*_fitted(features, ages, weights, best), best)


def _fitted(features: np.ndarray, ages: np.ndarray, weights: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    scaler = StandardScaler().fit(features, sample_weight=weights)
    model = Ridge(alpha=strength, solver="cholesky" if features.shape[1] <= len(features) else "svd").fit(
        scaler.transform(features), ages, sample_weight=weights)
    kernel = model.coef_ / scaler.scale_
    bias = model.intercept_ - float(scaler.mean_ @ kernel)
    return kernel.reshape(-1, 1), np.array([bias])
