"""Class values: observed ages or a range, and no label outside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.errors import UserError
from agerepro.experiment.schema import AgeRange, Classes, Value
from agerepro.models.bins import bin_centres, check_labels


def test_observed_classes_are_the_distinct_ages_in_rising_order() -> None:
    bins = bin_centres(Classes(), np.array([30.0, 2.0, 30.0, 0.0, 69.0]))
    assert bins.dtype == np.float32
    np.testing.assert_array_equal(bins, [0, 2, 30, 69])


@given(st.lists(st.integers(0, 120), min_size=1))
def test_every_observed_label_is_a_class_and_every_class_a_label(ages: list[int]) -> None:
    bins = bin_centres(Classes(), np.array(ages, float))
    check_labels(np.array(ages), bins)
    assert set(bins) == set(ages) and list(bins) == sorted(bins)


def test_fractions_of_years_keep_their_class() -> None:
    ages = np.array([0.1, 20.7, 0.1])
    check_labels(ages, bin_centres(Classes(), ages))


def test_a_range_holds_both_ends() -> None:
    np.testing.assert_array_equal(bin_centres(Classes(ages=AgeRange(first=0, last=100)), np.array([0.0, 100.0])), np.arange(101))


@pytest.mark.parametrize("outside", [-1.0, 91.0, 30.5])
def test_a_label_outside_the_range_is_refused_not_clipped(outside: float) -> None:
    with pytest.raises(UserError, match=rf"1 of 2 labels are no class of the network \(values {outside:g}; 91 classes, 0 to 90\)"):
        bin_centres(Classes(ages=AgeRange(first=0, last=90)), np.array([30.0, outside]))


def test_missing_labels_are_refused() -> None:
    for head in (Classes(), Classes(ages=AgeRange(first=0, last=90))):
        with pytest.raises(UserError, match="1 of 2 labels are missing"):
            bin_centres(head, np.array([30.0, np.nan]))


def test_no_labels_and_a_backward_range_are_refused() -> None:
    with pytest.raises(UserError, match="no labels"):
        bin_centres(Classes(), np.array([]))
    with pytest.raises(UserError, match="put the younger age first"):
        bin_centres(Classes(ages=AgeRange(first=9, last=1)), np.array([5.0]))


def test_a_value_head_has_no_classes() -> None:
    assert bin_centres(Value(), np.array([30.0])).shape == (0,)
