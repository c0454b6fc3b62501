"""Intervals over folds by hand, and the bootstrap over people against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import MIN_CLUSTERS, cluster_bootstrap, t_interval
from agerepro.evaluation.metrics import photo_weights


def test_interval_over_three_folds_by_hand():
    # Mean 3, sd with n - 1: sqrt((4 + 0 + 4) / 2) = 2; two degrees of freedom: t = 0.95 / sqrt(2 * 0.975 * 0.025), a closed form.
    interval = t_interval([1, 3, 5])
    half = 0.95 / np.sqrt(2 * 0.975 * 0.025) * 2 / np.sqrt(3)
    assert (interval.value, interval.n) == (3, 3)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half))


@pytest.mark.parametrize(("folds", "t"), [(2, 12.706), (5, 2.776), (10, 2.262), (82, 1.990)])
def test_few_folds_have_wider_intervals_than_the_normal_quantile(folds, t):
    """97.5 % quantiles of Student's t with folds - 1 degrees, as printed tables have them."""
    values = np.random.default_rng(folds).normal(5, 1, folds)
    interval = t_interval(values)
    assert (interval.high - interval.value) / (np.std(values, ddof=1) / np.sqrt(folds)) == pytest.approx(t, abs=1e-3)


def test_one_fold_has_no_interval():
    interval = t_interval([4.0])
    assert interval.value == 4
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_missing_values_are_refused(values):
    with pytest.raises(UserError, match="No interval"):
        t_interval(values)


@pytest.mark.parametrize("crowd", [12, 40])
def test_bootstrap_by_its_definition(crowd):
    """Efron and Tibshirani 1993, equations 14.9 to 14.15, by draws and a jackknife of our own; skewed, so that both corrections count."""
    generator = np.random.default_rng(3)
    people = np.repeat(np.arange(crowd), generator.integers(1, 9, crowd))
    errors = generator.exponential(4, len(people)) + generator.lognormal(0, 2, crowd)[people]
    sums, counts = np.bincount(people, weights=errors), np.bincount(people)
    draws = np.random.default_rng(99).multinomial(crowd, np.full(crowd, 1 / crowd), size=20_000)
    ratios = (draws @ sums) / (draws @ counts)
    without = [sums[people_left].sum() / counts[people_left].sum() for people_left in ~np.eye(crowd, dtype=bool)]
    away = np.mean(without) - np.array(without)
    acceleration = np.sum(away**3) / (6 * np.sum(away**2) ** 1.5)
    bias = stats.norm.ppf(np.mean(ratios < errors.mean()))
    tails = bias + stats.norm.ppf([0.025, 0.975])
    low, high = np.quantile(ratios, stats.norm.cdf(bias + tails / (1 - acceleration * tails)))
    interval = cluster_bootstrap(errors, np.ones(len(errors)), people, resamples=20_000)
    assert interval.value == pytest.approx(errors.mean())
    # Two random draws of 20,000: their ends differ by about 0.01 of the interval's width.
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.03 * (high - low))
    assert abs(interval.low - np.quantile(ratios, 0.025)) > 0.03 * (high - low)  # no plain percentile interval


@pytest.mark.parametrize("people", [2, MIN_CLUSTERS - 1, MIN_CLUSTERS])
def test_fewer_than_ten_people_have_no_bootstrap_interval(people):
    assert MIN_CLUSTERS == 10
    interval = cluster_bootstrap(np.arange(2.0 * people), np.ones(2 * people), np.arange(2 * people) % people)
    assert interval.value == pytest.approx(people - 0.5)
    assert np.isfinite([interval.low, interval.high]).tolist() == [people >= 10] * 2


def test_macro_bootstrap_of_one_person_a_fold_draws_folds():
    generator = np.random.default_rng(5)
    folds = np.repeat(np.arange(30), generator.integers(1, 20, 30))
    errors = generator.exponential(5, len(folds))
    fold_means = np.array([errors[folds == fold].mean() for fold in range(30)])
    weights = photo_weights(folds, "macro")
    by_photo = cluster_bootstrap(weights * errors, weights, folds)
    by_fold = cluster_bootstrap(fold_means, np.ones(30), np.arange(30))
    assert by_photo.value == pytest.approx(fold_means.mean())
    assert (by_photo.low, by_photo.high) == pytest.approx((by_fold.low, by_fold.high))


def test_photos_of_one_person_are_not_independent():
    generator = np.random.default_rng(2)
    people = np.repeat(np.arange(25), 12)
    errors = np.abs(generator.normal(0, 6, 25)[people] + generator.normal(0, 1, 300))
    clustered = cluster_bootstrap(errors, np.ones(300), people)
    as_if_independent = cluster_bootstrap(errors, np.ones(300), np.arange(300))
    assert clustered.high - clustered.low > 2.5 * (as_if_independent.high - as_if_independent.low)


def test_order_of_photos_and_names_of_people_change_no_digit():
    generator = np.random.default_rng(4)
    people, errors = generator.integers(0, 12, 60), generator.integers(0, 20, 60).astype(float)
    order = generator.permutation(60)
    first = cluster_bootstrap(errors, np.ones(60), people, seed=1)
    assert cluster_bootstrap(errors[order], np.ones(60), (11 - people)[order], seed=1) == first
    assert cluster_bootstrap(errors, np.ones(60), people, seed=2) != first


def test_equal_errors_have_an_interval_of_no_width():
    interval = cluster_bootstrap(np.full(36, 0.3), np.ones(36), np.arange(36) // 3)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.3, 0.3, 0.3))


def test_one_person_has_no_interval():
    interval = cluster_bootstrap([1, 2], [1, 1], ["a", "a"])
    assert (interval.value, interval.n) == (1.5, 1)
    assert np.isnan([interval.low, interval.high]).all()


def test_draws_in_pieces_equal_draws_at_once(monkeypatch):
    generator = np.random.default_rng(8)
    errors = generator.exponential(3, 50)
    at_once = cluster_bootstrap(errors, np.ones(50), np.arange(50), resamples=1000)
    monkeypatch.setattr("agerepro.evaluation.bootstrap._LARGEST_DRAW", 50 * 7)
    assert cluster_bootstrap(errors, np.ones(50), np.arange(50), resamples=1000) == at_once


def test_not_finite_is_refused():
    with pytest.raises(UserError, match="not finite"):
        cluster_bootstrap([1, float("nan")], [1, 1], ["a", "b"])


def test_coverage_of_a_skewed_mean_is_near_95_percent():
    """300 samples of 40 people from an exponential distribution with mean 5; the binomial spread of the count is 1.3 points."""
    generator = np.random.default_rng(11)
    hits = 0
    for sample in range(300):
        interval = cluster_bootstrap(generator.exponential(5, 40), np.ones(40), np.arange(40), seed=sample, resamples=600)
        hits += interval.low <= 5 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98
