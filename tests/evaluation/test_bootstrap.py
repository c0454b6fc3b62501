"""TODO."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import cluster_bootstrap, normal_interval
from agerepro.evaluation.metrics import photo_weights


def test_normal_interval_by_hand():
    # Mean 3, sd with n - 1: sqrt((4 + 0 + 4) / 2) = 2.
    found = normal_interval([1, 3, 5])
    assert (found.value, found.n) == (3, 3)
    assert found.low == pytest.approx(3 - 1.96 * 2 / np.sqrt(3))
    assert found.high == pytest.approx(3 + 1.96 * 2 / np.sqrt(3))


def test_one_fold_has_no_interval():
    found = normal_interval([4.0])
    assert found.value == 4
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_missing_values_are_refused(values):
    with pytest.raises(UserError, match="No interval"):
        normal_interval(values)


@pytest.mark.parametrize("crowd", [8, 40])
def test_bootstrap_agrees_with_scipy_on_a_ratio_of_sums(crowd):
    """Skewed errors, so that the bias and the acceleration both move the ends by more than the tolerance."""
    generator = np.random.default_rng(3)
    people = np.repeat(np.arange(crowd), generator.integers(1, 9, crowd))
    errors = generator.exponential(4, len(people)) + generator.lognormal(0, 2, crowd)[people]
    sums, counts = np.bincount(people, weights=errors), np.bincount(people).astype(float)
    theirs = stats.bootstrap(
        (sums, counts),
        lambda above, below, axis=-1: above.sum(axis) / below.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    ours = cluster_bootstrap(errors, np.ones(len(errors)), people, resamples=20_000)
    assert ours.value == pytest.approx(errors.mean())
    # Two random draws of 20,000: their ends differ by about 0.01 of the interval's width.
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


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
    found = cluster_bootstrap(np.full(9, 4.0), np.ones(9), np.arange(9) // 3)
    assert (found.value, found.low, found.high) == (4, 4, 4)


def test_one_person_has_no_interval():
    found = cluster_bootstrap([1, 2], [1, 1], ["a", "a"])
    assert (found.value, found.n) == (1.5, 1)
    assert np.isnan([found.low, found.high]).all()


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
        found = cluster_bootstrap(generator.exponential(5, 40), np.ones(40), np.arange(40), seed=sample, resamples=600)
        hits += found.low <= 5 <= found.high
    assert 0.90 <= hits / 300 <= 0.98
