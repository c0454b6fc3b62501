"""The interval: its quantile by hand, by person on clustered photos, and what an overconfident network gets."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.predict.interval import LEAST_PEOPLE, LEVEL, calibrate, conformal_quantile, interval_ends, left_out_factors, scales


def weights_of(people: np.ndarray) -> np.ndarray:
    counts = Counter(people.tolist())
    return np.array([1 / counts[person] for person in people.tolist()])


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
def test_with_one_photo_a_person_it_is_the_split_conformal_quantile(count: int, rank: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, count + 1)).astype(float)
    assert conformal_quantile(scores, np.ones(count)) == rank


def test_a_person_of_many_photos_weighs_as_one_of_one() -> None:
    # By hand: five people and one more; ann's 100 photos weigh 1/100 each. 0.8 x 6 = 4.8 of weight lies at or below 50, bob's.
    scores = np.array([1.0] * 100 + [10, 20, 30, 50])
    people = np.array(["ann"] * 100 + ["cid", "dan", "eve", "bob"])
    assert conformal_quantile(scores, weights_of(people)) == 50
    assert conformal_quantile(scores, np.ones(104)) == 1  # as if her photos were a hundred people
    # Two photos of bob: 4.5 of weight lies at or below 45.
    scores, people = np.append(scores, 45.0), np.append(people, "bob")
    assert conformal_quantile(scores, weights_of(people)) == 50
    assert conformal_quantile(scores, weights_of(people), level=0.75) == 45  # 0.75 x 6 = 4.5


def test_too_few_people_allow_no_interval() -> None:
    assert LEAST_PEOPLE == 4
    assert conformal_quantile(np.ones(3), np.ones(3)) == math.inf and conformal_quantile(np.empty(0), np.empty(0)) == math.inf
    assert conformal_quantile(np.ones(300), np.full(300, 0.01)) == math.inf  # three people of a hundred photos
    assert conformal_quantile(np.ones(4), np.ones(4)) == 1


def test_a_fold_is_held_by_the_factor_of_the_others() -> None:
    scores = np.array([1.0, 2, 3, 4, 5, 60, 70, 80, 90, 100])
    # By hand: 0.8 x 6 = 4.8, the fifth of the other five.
    np.testing.assert_array_equal(left_out_factors(scores, np.ones(10), np.repeat([0, 1], 5)), [100] * 5 + [5] * 5)


def clustered(draw: np.random.Generator, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors in years and persons of photos: of a person who is often photographed the network is less wrong."""
    counts = draw.integers(1, 3, people) + 40 * (draw.random(people) < 0.2)
    spread = np.where(counts > 10, 2.0, 8.0)
    return np.repeat(spread, counts) * draw.normal(size=counts.sum()), np.repeat(np.arange(people), counts)


def test_a_new_person_is_held_as_often_as_was_asked_where_photos_cluster() -> None:
    """Coverage of photos of a person who is new, by simulation: 200 calibrations, 50 new people each."""
    draw = np.random.default_rng(5)
    by_person, by_photo = [], []
    for _ in range(200):
        errors, people = clustered(draw, 60)
        new_errors, new_people = clustered(draw, 50)
        new_weights = weights_of(new_people)
        for weights, coverages in ((weights_of(people), by_person), (np.ones(len(people)), by_photo)):
            held = np.abs(new_errors) <= conformal_quantile(np.abs(errors), weights)
            coverages.append((new_weights * held).sum() / new_weights.sum())
    assert np.mean(by_person) == pytest.approx(LEVEL, abs=0.02)
    assert np.mean(by_photo) < 0.6, "photos taken for independent promise too much"


def test_oracle_of_a_plain_transcription() -> None:
    """In loops, from Lee, Barber and Willett, arXiv 2306.06342: the quantile of sum_k sum_i 1 / ((K + 1) N_k) at score s_ki and
    1 / (K + 1) at infinity; scores |y - f(x)| / rho(x) of Lei et al. 2018, section 5.2; people of a fold left out together."""
    draw = np.random.default_rng(1)
    people = np.repeat(np.arange(15), draw.integers(1, 9, 15))
    count, bins = len(people), np.array([10.0, 20, 30, 40])
    posteriors = draw.dirichlet([1, 1, 1, 1], count)
    ages, folds = draw.uniform(5, 45, count), people % 3
    predicted, scale = posteriors @ bins, scales(posteriors, bins)
    found = calibrate(ages, predicted, scale, folds=folds, people=people)

    def quantile(outside: list[int]) -> float:
        known = {people[n] for n in outside}
        photos = Counter(people[n] for n in outside)
        reached = 0.0
        for score, n in sorted((abs(ages[n] - predicted[n]) / scale[n], n) for n in outside):
            reached += 1 / ((len(known) + 1) * photos[people[n]])
            if reached >= 0.8 - 1e-12:
                return score
        return math.inf

    held: dict[int, list[bool]] = {}
    for row in range(count):
        deviation = math.sqrt(sum(p * (b - sum(q * c for q, c in zip(posteriors[row], bins))) ** 2 for p, b in zip(posteriors[row], bins)))
        assert scale[row] == pytest.approx(1 + deviation)
        factor = quantile([n for n in range(count) if folds[n] != folds[row]])
        held.setdefault(people[row], []).append(bool(abs(ages[row] - predicted[row]) <= factor * scale[row]))
    assert found.factor == quantile(list(range(count))) and found.people == 15
    assert found.coverage == pytest.approx(np.mean([np.mean(photos) for photos in held.values()]))
    assert list(found.held) == [value for person in range(15) for value in held[person]]


@given(st.integers(0, 10_000), st.sampled_from(["normal", "skewed", "heavy"]))
def test_on_exchangeable_photos_the_share_is_what_was_asked(seed: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    errors = {"normal": draw.normal(0, 5, 3000), "skewed": draw.exponential(4, 3000), "heavy": draw.standard_t(2, 3000)}[kind]
    scale = draw.uniform(1, 10, 3000)
    factor = conformal_quantile(np.abs(errors[:1000]), np.ones(1000))
    held = np.mean(np.abs(errors[1000:] * scale[1000:]) <= factor * scale[1000:])
    assert held == pytest.approx(LEVEL, abs=0.06)  # five standard deviations of both draws


def test_coverage_of_left_out_folds_is_near_the_level_and_the_order_of_photos_never_matters() -> None:
    draw = np.random.default_rng(2)
    predicted, folds = draw.uniform(20, 60, 2000), np.arange(2000) % 5
    ages = predicted + draw.normal(0, 6, 2000)
    found = calibrate(ages, predicted, np.ones(2000), folds=folds, people=np.arange(2000))
    assert found.coverage == pytest.approx(LEVEL, abs=0.03) and found.low < found.coverage < found.high
    assert found.factor == pytest.approx(1.2816 * 6, rel=0.06)  # the normal's own: 80 % lie within 1.2816 standard deviations
    order = draw.permutation(2000)
    again = calibrate(ages[order], predicted[order], np.ones(2000), folds=folds[order], people=order)
    assert (again.factor, again.coverage) == (found.factor, found.coverage) and again.width == pytest.approx(found.width)


def test_an_overconfident_posterior_gets_a_wider_interval() -> None:
    draw = np.random.default_rng(3)
    ages = draw.uniform(20, 60, 500)
    predicted = ages + draw.normal(0, 6, 500)
    sure = calibrate(ages, predicted, np.full(500, 1.0), folds=np.arange(500) % 5, people=np.arange(500))
    unsure = calibrate(ages, predicted, np.full(500, 4.0), folds=np.arange(500) % 5, people=np.arange(500))
    assert sure.factor == pytest.approx(4 * unsure.factor) and sure.width == pytest.approx(unsure.width)


@pytest.mark.parametrize("folds", [np.zeros(50), np.arange(50) % 5], ids=["one fold", "folds that share people"])
def test_a_person_is_left_out_whole_where_folds_do_not_part_people(folds: np.ndarray) -> None:
    people = np.repeat(np.arange(10), 5)
    errors = np.where(people == 9, 50.0, 1.0 + people)
    found = calibrate(errors, np.zeros(50), np.ones(50), folds=folds, people=people)
    # By hand: of the nine others, 0.8 x 10 = 8 people lie at or below 8 years (without person 9), so that 9 is not held; of the
    # rest, all but person 8 (9 years; eight of the others lie at or below 8, 50 years are the ninth).
    assert found.held == tuple(bool(value) for value in people < 8)
    assert found.coverage == pytest.approx(0.8)


def test_few_people_have_an_interval_whose_coverage_is_not_measured() -> None:
    ages, predicted, people = np.arange(20.0), np.zeros(20), np.repeat(np.arange(4), 5)
    found = calibrate(ages, predicted, np.ones(20), folds=people, people=people)
    assert found.factor == 19 and math.isnan(found.coverage) and found.held == ()
    two = calibrate(ages, predicted, np.ones(20), folds=np.zeros(20), people=np.repeat(["ann", "bob"], 10))
    assert math.isinf(two.factor) and math.isnan(two.coverage) and two.people == 2


def test_a_regression_head_has_one_width_and_no_age_is_below_0() -> None:
    np.testing.assert_array_equal(scales(np.array([[3.0], [40.0]]), np.empty(0)), [1, 1])
    low, high = interval_ends(np.array([3.0, 40.0]), np.ones(2), 5.0)
    np.testing.assert_array_equal(low, [0, 35])
    np.testing.assert_array_equal(high, [8, 45])
