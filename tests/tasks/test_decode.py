"""Class values, observed ages or a range, with no label outside them; posteriors decoded into years."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agerepro.config.learning import AgeRange, Classification, Regression
from agerepro.errors import UserError
from agerepro.tasks.decode import DECODE, argmax, bin_centres, check_labels, decode, expectation, median, posterior, rounded

BINS = np.array([10, 20, 40], np.float32)
LOGITS = arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3))
AGES = np.array([1.0, 5.0, 30.0, 62.0])


def test_observed_classes_are_the_distinct_ages_in_rising_order() -> None:
    bins = bin_centres(Classification(), np.array([30.0, 2.0, 30.0, 0.0, 69.0]))
    assert bins.dtype == np.float32
    np.testing.assert_array_equal(bins, [0, 2, 30, 69])


@given(st.lists(st.integers(0, 120), min_size=1))
def test_every_observed_label_is_a_class_and_every_class_a_label(ages: list[int]) -> None:
    bins = bin_centres(Classification(), np.array(ages, float))
    check_labels(np.array(ages), bins)
    assert set(bins) == set(ages) and list(bins) == sorted(bins)


def test_fractions_of_years_keep_their_class() -> None:
    ages = np.array([0.1, 20.7, 0.1])
    check_labels(ages, bin_centres(Classification(), ages))


def test_a_range_holds_both_ends() -> None:
    np.testing.assert_array_equal(bin_centres(Classification(ages=AgeRange(first=0, last=100)), np.array([0.0, 100.0])), np.arange(101))


@pytest.mark.parametrize("outside", [-1.0, 91.0, 30.5])
def test_a_label_outside_the_range_is_refused_not_clipped(outside: float) -> None:
    with pytest.raises(UserError, match=rf"1 of 2 .*{outside:g}.*91 .*0 to 90"):
        bin_centres(Classification(ages=AgeRange(first=0, last=90)), np.array([30.0, outside]))


def test_missing_labels_are_refused() -> None:
    for head in (Classification(), Classification(ages=AgeRange(first=0, last=90))):
        with pytest.raises(UserError, match="1 of 2 labels are missing"):
            bin_centres(head, np.array([30.0, np.nan]))


def test_no_labels_and_a_backward_range_are_refused() -> None:
    with pytest.raises(UserError, match="no labels"):
        bin_centres(Classification(), np.array([]))
    with pytest.raises(UserError, match="put the younger age first"):
        bin_centres(Classification(ages=AgeRange(first=9, last=1)), np.array([5.0]))


def test_a_regression_head_has_no_classes() -> None:
    assert bin_centres(Regression(), np.array([30.0])).shape == (0,)


def test_expectation_is_over_the_ages_of_the_neurons_by_hand() -> None:
    assert expectation(np.array([[0.5, 0.25, 0.25]]), BINS) == pytest.approx([0.5 * 10 + 0.25 * 20 + 0.25 * 40])


@pytest.mark.parametrize(("share", "years"), [(0.25, 13.0), (0.24, 12.0), (0.05, 11.0)])  # 12.5 up to 13; 12.4; 10.5 up to 11
def test_rounding_takes_halves_up(share: float, years: float) -> None:
    assert rounded(np.array([[1 - share, share]]), np.array([10.0, 20.0])) == [years]


@pytest.mark.parametrize(
    ("probabilities", "years"), [([0.5, 0.25, 0.25], 10), ([0.49, 0.02, 0.49], 20), ([0.1, 0.3, 0.6], 40), ([1 / 3] * 3, 20)]
)
def test_median_is_the_youngest_age_at_half(probabilities: list[float], years: float) -> None:
    assert median(np.array([probabilities]), BINS) == [years]


def test_median_of_an_even_number_of_equals_is_the_lower_middle() -> None:
    for count in range(2, 400, 2):  # in floating point 1 / count summed up is often just below one half
        assert median(np.full((1, count), 1 / count), np.arange(count)) == [count / 2 - 1]


def test_argmax_is_the_most_probable_age_the_youngest_of_equals() -> None:
    np.testing.assert_array_equal(argmax(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]]), BINS), [20, 10])


@given(LOGITS)
def test_posteriors_sum_to_one_and_are_softmax(logits: np.ndarray) -> None:
    ours = posterior(logits.astype(np.float32))
    assert ours.dtype == np.float64 and np.isfinite(ours).all()
    np.testing.assert_allclose(ours.sum(axis=1), 1, rtol=1e-12)
    near = np.clip(logits, -50, 50)
    np.testing.assert_allclose(posterior(near), np.exp(near) / np.exp(near).sum(axis=1)[:, None], rtol=1e-10)
    np.testing.assert_allclose(posterior(near + 7), posterior(near), rtol=1e-9)


@given(LOGITS)
def test_every_decoding_stays_among_the_ages(logits: np.ndarray) -> None:
    for name, decoding in DECODE.items():
        years = decoding(posterior(logits), AGES)
        assert years.shape == (3,) and years.dtype == np.float64
        assert (years >= 1 - 1e-9).all() and (years <= 62 + 1e-9).all(), name


def test_decoded_gives_all_columns_and_the_chosen_one() -> None:
    columns = decode(np.array([[0.5, 0.25, 0.25]]), BINS, "median")
    assert {name: float(values[0]) for name, values in columns.items()} == pytest.approx(
        {"predicted": 10, "expectation": 20, "rounded": 20, "median": 10, "argmax": 10}
    )


def test_decoded_years_have_no_posterior() -> None:
    columns = decode(np.array([[30.25], [41.0]]), np.empty(0), "output")
    np.testing.assert_array_equal(columns["predicted"], [30.25, 41.0])
    assert set(columns) == {"predicted", *DECODE} and all(np.isnan(columns[name]).all() for name in DECODE)


@given(LOGITS, arrays(np.float64, 3, elements=st.floats(-30, 90)))
def test_an_offset_is_added_to_every_decoding_and_rounding_comes_last(logits: np.ndarray, offset: np.ndarray) -> None:
    answers = posterior(logits)
    for how in DECODE:
        plain, moved = (decode(answers, AGES, how, offset=by) for by in (0.0, offset))
        for name in ("expectation", "median", "argmax"):
            np.testing.assert_allclose(moved[name], plain[name] + offset, rtol=1e-12, atol=1e-9)
        np.testing.assert_array_equal(moved["rounded"], [np.floor(years + 0.5) for years in moved["expectation"]])
        np.testing.assert_array_equal(moved["predicted"], moved[how])


def test_an_offset_is_added_to_the_one_number() -> None:
    np.testing.assert_array_equal(
        decode(np.array([[1.5], [-2.0]]), np.empty(0), "output", offset=np.array([30.0, 2.5]))["predicted"], [31.5, 0.5]
    )


def test_steps_of_a_range_are_multiples_and_hold_both_ends() -> None:
    bins = bin_centres(Classification(ages=AgeRange(first=0, last=1, step=0.05)), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(bins, np.array([0.05 * step for step in range(21)], np.float32))
    np.testing.assert_array_equal(bin_centres(Classification(ages=AgeRange(first=-50, last=50)), np.array([0.0])), np.arange(-50, 51))
    assert AgeRange(first=0, last=1, step=0.05).divides() and AgeRange(first=1, last=100).divides()
    assert not AgeRange(first=0, last=1, step=0.35).divides()
