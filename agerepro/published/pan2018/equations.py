"""Equations of pan2018 as printed, in NumPy: p (n, K) are probabilities, z (n, K) outputs before the softmax, labels (n,) are 1 to K.

They are written from the paper's text alone and share nothing with the losses that networks are trained by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agerepro.published.claims import numerical_gradient

Floats = NDArray[np.float64]
TOLERANCE = 1e-7  # of differences of step 1e-5 in float64; a wrong sign or factor is off by more than 1e-3


class Batch(NamedTuple):
    """Outputs z (n, K) before the softmax and labels (n,), 1 to K."""

    z: Floats
    labels: Floats


def example_batch() -> Batch:
    """Eight photos and nine classes, drawn once: wide and narrow distributions, with labels on both sides of their means."""
    draw = np.random.default_rng(2018)
    return Batch(draw.normal(0, 1.5, (8, 9)), draw.integers(1, 10, 8).astype("float64"))


def softmax(z: Floats) -> Floats:
    """Equation 1."""
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def means(p: Floats) -> Floats:
    """Equation 2, (n, 1)."""
    return np.asarray((p * _classes(p)).sum(axis=1, keepdims=True))


def variances(p: Floats) -> Floats:
    """Equation 3, (n, 1); alpha of equation 14."""
    return np.asarray((p * (_classes(p) - means(p)) ** 2).sum(axis=1, keepdims=True))


def mean_loss(p: Floats, labels: Floats) -> float:
    """Equation 4."""
    return float(((means(p)[:, 0] - labels) ** 2).sum() / (2 * len(p)))


def variance_loss(p: Floats) -> float:
    """Equation 5."""
    return float(variances(p).sum() / len(p))


def softmax_loss(p: Floats, labels: Floats) -> float:
    """The first term of equation 6: mean of -log p of the label."""
    return float(-np.log(p[np.arange(len(p)), labels.astype(int) - 1]).mean())


def joint_loss_by_photo(p: Floats, labels: Floats, weights: tuple[float, float]) -> float:
    """Equation 6, second line, with its sum over all three terms; `weights` are lambda 1 and 2."""
    likelihoods = p[np.arange(len(p)), labels.astype(int) - 1]
    return float((-np.log(likelihoods) + weights[0] / 2 * (means(p)[:, 0] - labels) ** 2 + weights[1] * variances(p)[:, 0]).mean())


def equation_8(p: Floats, labels: Floats) -> Floats:
    """Gradient of the mean loss by p."""
    return np.asarray((means(p) - labels[:, None]) * _classes(p) / len(p))


def equations_9_and_10(p: Floats) -> Floats:
    """Gradient of p_j by z_r, (n, K, K)."""
    return np.asarray(p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :])


def equation_11(p: Floats, labels: Floats) -> Floats:
    """Gradient of the mean loss by z."""
    return np.asarray((means(p) - labels[:, None]) / len(p) * p * (_classes(p) - means(p)))


def equation_12(p: Floats) -> Floats:
    """Gradient of the variance loss by p, the middle expression."""
    by_mean = (p * (_classes(p) - means(p))).sum(axis=1, keepdims=True)
    return np.asarray(((_classes(p) - means(p)) ** 2 - 2 * _classes(p) * by_mean) / len(p))


def equation_12_short(p: Floats) -> Floats:
    """Gradient of the variance loss by p, the last expression."""
    return np.asarray((_classes(p) - means(p)) ** 2 / len(p))


def equation_13(p: Floats) -> Floats:
    """Gradient of the variance loss by z, the first line: own class less all others."""
    squares = (_classes(p) - means(p)) ** 2
    others = np.stack([np.delete(squares * p, j, axis=1).sum(axis=1) * p[:, j] for j in range(p.shape[1])], axis=1)
    return np.asarray((squares * (p - p**2) - others) / len(p))


def equation_14(p: Floats) -> Floats:
    """Gradient of the variance loss by z, simplified."""
    return np.asarray(p * ((_classes(p) - means(p)) ** 2 - variances(p)) / len(p))


def gradient_by_z(loss: str, batch: Batch) -> Floats:
    """Central differences of the `mean` or the `variance` loss by the outputs, (n, K)."""
    if loss == "mean":
        return numerical_gradient(lambda z: mean_loss(softmax(z), batch.labels), batch.z)
    return numerical_gradient(lambda z: variance_loss(softmax(z)), batch.z)


def gradient_by_p(loss: str, batch: Batch) -> Floats:
    """The same by the probabilities, each taken as free."""
    if loss == "mean":
        return numerical_gradient(lambda p: mean_loss(p, batch.labels), softmax(batch.z))
    return numerical_gradient(variance_loss, softmax(batch.z))


def jacobian_of_softmax(z: Floats) -> Floats:
    """Central differences of p_j by z_r, (n, K, K)."""

    def probability(j: int) -> Callable[[Floats], float]:
        return lambda photo: float(softmax(photo[None])[0, j])

    return np.array([[numerical_gradient(probability(j), photo) for j in range(z.shape[1])] for photo in z])


def near(a: Floats, b: Floats) -> bool:
    """Whether two gradients are the same but for the error of differences."""
    return bool(np.abs(a - b).max() < TOLERANCE)


def within_deviation(p: Floats) -> NDArray[np.bool_]:
    """Which classes lie less than a standard deviation from the mean, (n, K): the interval of equation 15; the rest is that of 16."""
    return np.asarray(np.abs(_classes(p) - means(p)) < np.sqrt(variances(p)))


def above_mean(p: Floats) -> NDArray[np.bool_]:
    """Which classes lie above the mean, (n, K)."""
    return np.asarray(_classes(p) > means(p))


def after_step(loss: str, batch: Batch, rate: float = 1e-3) -> Floats:
    """Probabilities after one step of gradient descent on a loss by the outputs themselves, (n, K)."""
    return softmax(batch.z - rate * gradient_by_z(loss, batch))


def printed_rho(ranks: Floats, estimated: Floats) -> float:
    """rho of section 4.2 as printed: 1 - 6 sum(d) / (N^3 - N)."""
    count = len(ranks)
    return float(1 - 6 * (ranks - estimated).sum() / (count**3 - count))


def squared_rho(ranks: Floats, estimated: Floats) -> float:
    """The same with d squared."""
    count = len(ranks)
    return float(1 - 6 * ((ranks - estimated) ** 2).sum() / (count**3 - count))


def spearman(ranks: Floats, estimated: Floats) -> float:
    """Spearman's rank correlation by SciPy."""
    return float(stats.spearmanr(ranks, estimated).statistic)


def _classes(p: Floats) -> Floats:
    """The classes' numbers, 1 to K."""
    return np.arange(1, p.shape[1] + 1, dtype="float64")
