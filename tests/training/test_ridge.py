"""The ridge start against the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.training.ridge import STRENGTHS, ridge_start


def test_kernel_and_bias_solve_the_weighted_normal_equations() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 5))
    ages = 40 + features @ np.array([3.0, -2.0, 0, 1, 0]) + rng.normal(0, 1, 60)
    weights = rng.uniform(0.2, 2, 60)
    kernel, bias, strength = ridge_start(features, ages, weights, np.arange(60).astype(str))
    assert strength in STRENGTHS
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    z = (features - mean) / scale
    centred = ages - np.average(ages, weights=weights)
    closed = np.linalg.solve(z.T @ (weights[:, None] * z) + strength * np.eye(5), z.T @ (weights * centred))
    assert kernel[:, 0] == pytest.approx(closed / scale, rel=1e-6)
    assert features @ kernel[:, 0] + bias[0] == pytest.approx(z @ closed + np.average(ages, weights=weights), rel=1e-8)


def test_noise_is_met_with_a_strong_penalty() -> None:
    rng = np.random.default_rng(1)
    kernel, bias, strength = ridge_start(rng.normal(size=(80, 30)), rng.normal(50, 10, 80), np.ones(80), np.arange(80).astype(str))
    assert strength >= STRENGTHS[10] and abs(bias[0] - 50) < 4 and np.abs(kernel).max() < 1
