"""The interval: its quantile by hand, its share on exchangeable data, and what an overconfident network gets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.predict.interval import LEVEL, calibrated, conformal_quantile, interval, left_out_factors, scales


@pytest.mark.parametrize(
    ("count", "rank"),
    [  # by hand: the ceil(0.8 (n + 1))-th smallest
        (4, 4),  # 0.8 x 5 = 4
        (9, 8),  # 0.8 x 10 = 8, and no ninth for the rounding of 0.8
        (10, 9),  # 8.8
        (99, 80),
        (100, 81),  # 80.8
    ],
)
def test_the_factor_is_the_quantile_with_one_more_photo(count: int, rank: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, count + 1)).astype(float)
    assert conformal_quantile(scores) == rank


def test_too_few_photos_allow_no_interval() -> None:
    assert conformal_quantile(np.ones(3)) == math.inf and conformal_quantile(np.empty(0)) == math.inf


def test_a_fold_is_held_by_the_factor_of_the_others() -> None:
    scores = np.array([1.0, 2, 3, 4, 5, 60, 70, 80, 90, 100])
    folds = np.repeat([0, 1], 5)
    # By hand: 0.8 x 6 = 4.8, the fifth of the other five.
    np.testing.assert_array_equal(left_out_factors(scores, folds), [100] * 5 + [5] * 5)


def test_oracle_of_a_plain_transcription() -> None:
    """The same steps in loops, from Lei et al. 2018, section 5.2: score |y - f(x)| / rho(x), quantile, share where left out."""
    draw = np.random.default_rng(1)
    count, bins = 60, np.array([10.0, 20, 30, 40])
    posteriors = draw.dirichlet([1, 1, 1, 1], count)
    ages, folds = draw.uniform(5, 45, count), np.arange(count) % 3
    predicted, scale = posteriors @ bins, scales(posteriors, bins)
    found = calibrated(ages, predicted, scale, folds=folds, people=np.arange(count))
    held = []
    for row in range(count):
        deviation = math.sqrt(sum(p * (b - sum(q * c for q, c in zip(posteriors[row], bins))) ** 2 for p, b in zip(posteriors[row], bins)))
        assert scale[row] == pytest.approx(1 + deviation)
        others = sorted(abs(ages[n] - predicted[n]) / scale[n] for n in range(count) if folds[n] != folds[row])
        held.append(abs(ages[row] - predicted[row]) <= others[math.ceil(0.8 * (len(others) + 1)) - 1] * scale[row])
    assert found.coverage == pytest.approx(np.mean(held))
    assert found.by_fold == pytest.approx({str(fold): np.mean([h for h, f in zip(held, folds) if f == fold]) for fold in range(3)})
    low, high = interval(predicted, scale, found.factor)
    assert 0.75 <= np.mean((ages >= low) & (ages <= high)) <= 0.9


@given(st.integers(0, 10_000), st.sampled_from(["normal", "skewed", "heavy"]))
def test_on_exchangeable_photos_the_share_is_what_was_asked(seed: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    errors = {"normal": draw.normal(0, 5, 3000), "skewed": draw.exponential(4, 3000), "heavy": draw.standard_t(2, 3000)}[kind]
    scale = draw.uniform(1, 10, 3000)
    factor = conformal_quantile(np.abs(errors[:1000]))
    held = np.mean(np.abs(errors[1000:] * scale[1000:]) <= factor * scale[1000:])
    assert held == pytest.approx(LEVEL, abs=0.06)  # five standard deviations of both draws


def test_coverage_of_left_out_folds_is_near_the_level_and_the_order_of_photos_never_matters() -> None:
    draw = np.random.default_rng(2)
    predicted, folds = draw.uniform(20, 60, 2000), np.arange(2000) % 5
    ages = predicted + draw.normal(0, 6, 2000)
    found = calibrated(ages, predicted, np.ones(2000), folds=folds, people=np.arange(2000))
    assert found.coverage == pytest.approx(LEVEL, abs=0.03) and found.low < found.coverage < found.high
    assert found.factor == pytest.approx(1.2816 * 6, rel=0.06)  # the normal's own: 80 % lie within 1.2816 standard deviations
    order = draw.permutation(2000)
    again = calibrated(ages[order], predicted[order], np.ones(2000), folds=folds[order], people=order)
    assert (again.factor, again.coverage, again.by_fold) == (found.factor, found.coverage, found.by_fold)


def test_an_overconfident_posterior_gets_a_wider_interval() -> None:
    draw = np.random.default_rng(3)
    ages = draw.uniform(20, 60, 500)
    predicted = ages + draw.normal(0, 6, 500)
    sure = calibrated(ages, predicted, np.full(500, 1.0), folds=np.arange(500) % 5, people=np.arange(500))
    unsure = calibrated(ages, predicted, np.full(500, 4.0), folds=np.arange(500) % 5, people=np.arange(500))
    assert sure.factor == pytest.approx(4 * unsure.factor) and sure.width == pytest.approx(unsure.width)


def test_one_fold_is_measured_by_people_and_one_person_not_at_all() -> None:
    ages, predicted = np.arange(20.0), np.zeros(20)
    by_people = calibrated(ages, predicted, np.ones(20), folds=np.zeros(20), people=np.repeat(["ann", "bob"], 10))
    assert set(by_people.by_fold) == {"ann", "bob"}
    alone = calibrated(ages, predicted, np.ones(20), folds=np.zeros(20), people=np.repeat(["ann"], 20))
    assert math.isnan(alone.coverage) and math.isfinite(alone.factor)


def test_a_value_head_has_one_width_and_no_age_is_below_0() -> None:
    np.testing.assert_array_equal(scales(np.array([[3.0], [40.0]]), np.empty(0)), [1, 1])
    low, high = interval(np.array([3.0, 40.0]), np.ones(2), 5.0)
    np.testing.assert_array_equal(low, [0, 35])
    np.testing.assert_array_equal(high, [8, 45])
