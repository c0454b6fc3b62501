"""The ridge start against the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from agerepro.models.heads import FeatureBlock
from agerepro.training.ridge import STRENGTHS, candidates, fit_ridge, fit_ridge_best_subset


def test_kernel_and_bias_solve_the_weighted_normal_equations() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (60, 5))
    ages = 40 + features @ np.array([3.0, -2.0, 0, 1, 0]) + rng.normal(0, 1, 60)
    weights = rng.uniform(0.2, 2, 60)
    kernel, bias, strength = fit_ridge(features, ages, weights, np.arange(60).astype(str))
    assert strength in STRENGTHS
    mean = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    z = (features - mean) / scale
    centred = ages - np.average(ages, weights=weights)
    closed = np.linalg.solve(z.T @ (weights[:, None] * z) + strength * np.eye(5), z.T @ (weights * centred))
    assert kernel[:, 0] == pytest.approx(closed / scale, rel=1e-6)
    assert features @ kernel[:, 0] + bias[0] == pytest.approx(z @ closed + np.average(ages, weights=weights), rel=1e-8)


def test_more_features_than_photos_give_the_dual_solution() -> None:
    rng = np.random.default_rng(2)
    features, weights = rng.normal(3, 2, (40, 90)), rng.uniform(0.2, 2, 40)
    ages = 40 + features @ rng.normal(0, 1, 90)
    kernel, bias, strength = fit_ridge(features, ages, weights, np.arange(40).astype(str))
    mean = np.average(features, axis=0, weights=weights)
    z = (features - mean) / np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    years = np.average(ages, weights=weights)
    dual = np.linalg.solve(z @ z.T + strength * np.diag(1 / weights), ages - years)
    assert features @ kernel[:, 0] + bias[0] == pytest.approx(z @ z.T @ dual + years, rel=1e-8)


def test_the_strength_has_the_least_error_on_people_left_out() -> None:
    rng = np.random.default_rng(3)
    features, people = rng.normal(size=(60, 20)), np.repeat(np.arange(20), 3).astype(str)
    ages, weights = 50 + 6 * features[:, 0] + rng.normal(0, 4, 60), rng.uniform(0.5, 1.5, 60)
    errors = np.zeros(len(STRENGTHS))
    for fitted, checked in GroupKFold(5).split(features, ages, people):
        scaler = StandardScaler().fit(features[fitted], sample_weight=weights[fitted])
        for at, strength in enumerate(STRENGTHS):
            model = Ridge(alpha=strength).fit(scaler.transform(features[fitted]), ages[fitted], sample_weight=weights[fitted])
            errors[at] += weights[checked] @ np.abs(model.predict(scaler.transform(features[checked])) - ages[checked])
    assert fit_ridge(features, ages, weights, people)[2] == STRENGTHS[int(np.argmin(errors))]


def test_noise_is_met_with_a_strong_penalty() -> None:
    rng = np.random.default_rng(1)
    kernel, bias, strength = fit_ridge(rng.normal(size=(80, 30)), rng.normal(50, 10, 80), np.ones(80), np.arange(80).astype(str))
    assert strength >= STRENGTHS[10] and abs(bias[0] - 50) < 4 and np.abs(kernel).max() < 1


BLOCKS = (FeatureBlock(150, "mean", 4), FeatureBlock(150, "max", 3), FeatureBlock(224, "mean", 4), FeatureBlock(224, "max", 3))


def test_every_candidate_has_the_inner_error_of_ridge_on_its_columns() -> None:
    # scikit-learn's Ridge on the columns themselves, in place of the sums of inner products.
    rng = np.random.default_rng(4)
    features, people = rng.normal(2, 3, (60, 14)), np.repeat(np.arange(20), 3).astype(str)
    ages, weights = 50 + features[:, 8] + rng.normal(0, 3, 60), rng.uniform(0.5, 1.5, 60)
    every = candidates(features, BLOCKS, ages, weights, people)
    assert len({(candidate.sides, candidate.statistics) for candidate in every}) == len(every) == 3 * 3
    for candidate in every:
        used = np.concatenate([np.full(b.count, b.side in candidate.sides and b.statistic in candidate.statistics) for b in BLOCKS])
        errors = np.zeros(len(STRENGTHS))
        for fitted, checked in GroupKFold(5).split(features, ages, people):
            scaler = StandardScaler().fit(features[fitted][:, used], sample_weight=weights[fitted])
            x, y = scaler.transform(features[fitted][:, used]), scaler.transform(features[checked][:, used])
            for at, strength in enumerate(STRENGTHS):
                model = Ridge(alpha=strength).fit(x, ages[fitted], sample_weight=weights[fitted])
                errors[at] += weights[checked] @ np.abs(model.predict(y) - ages[checked]) / weights.sum()
        assert candidate.inner_error == pytest.approx(errors.min(), rel=1e-8) and candidate.strength == STRENGTHS[int(np.argmin(errors))]


def test_the_best_subset_is_fitted_as_by_itself_and_leaves_the_rest_at_zero() -> None:
    rng = np.random.default_rng(5)
    features, people = rng.normal(2, 3, (80, 14)), np.arange(80).astype(str)
    ages, weights = 50 + 4 * features[:, 8] + rng.normal(0, 1, 80), np.ones(80)
    kernel, bias, ranked = fit_ridge_best_subset(features, BLOCKS, ages, weights, people)
    assert (ranked[0].sides, ranked[0].statistics) == ((224,), ("mean",))
    assert [candidate.inner_error for candidate in ranked] == sorted(candidate.inner_error for candidate in ranked)
    alone, own_bias, _ = fit_ridge(features[:, 7:11], ages, weights, people)
    assert kernel[7:11] == pytest.approx(alone) and bias == pytest.approx(own_bias)
    assert not kernel[:7].any() and not kernel[11:].any()
