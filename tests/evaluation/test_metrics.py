from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error as sklearn_mae
from sklearn.metrics import median_absolute_error as sklearn_median
from sklearn.metrics import r2_score

from agerepro.errors import UserError
from agerepro.evaluation.metrics import (
    absolute_errors,
    cumulative_score,
    mean_absolute_error,
    median_absolute_error,
    photo_weights,
    r2,
)

AGES, PREDICTED = np.array([20.0, 30.0, 40.0]), np.array([20.0, 35.0, 46.0])  # errors 0, 5, 6
years = st.floats(min_value=0, max_value=120, allow_nan=False)
pairs = st.lists(st.tuples(years, years), min_size=1, max_size=30)


def test_absolute_errors_by_hand():
    assert absolute_errors([20, 30], [18.5, 31]).tolist() == [1.5, 1.0]


def test_cumulative_score_counts_errors_equal_to_the_limit():
    assert cumulative_score(AGES, PREDICTED, within=5) == pytest.approx(2 / 3)
    assert cumulative_score(AGES, PREDICTED, within=6) == 1
    assert cumulative_score(AGES, PREDICTED, within=0) == pytest.approx(1 / 3)


def test_means_by_hand_and_against_scikit_learn():
    assert mean_absolute_error(AGES, PREDICTED) == pytest.approx(11 / 3) == pytest.approx(sklearn_mae(AGES, PREDICTED))
    assert median_absolute_error(AGES, PREDICTED) == 5 == sklearn_median(AGES, PREDICTED)


def test_r2_by_hand_and_against_scikit_learn():
    # Residuals 0, 25, 36; ages differ from their mean by 10, 0, 10.
    assert r2(AGES, PREDICTED) == pytest.approx(1 - 61 / 200) == pytest.approx(r2_score(AGES, PREDICTED))


def test_r2_of_one_age_is_not_a_number():
    assert np.isnan(r2([8, 8, 8], [7, 8, 9]))


def test_photo_weights_by_hand():
    folds = [3, 3, 3, 1]
    assert photo_weights(folds, "macro") == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert photo_weights(folds, "pooled") == pytest.approx([0.25] * 4)


@given(st.lists(st.tuples(st.integers(0, 5), years), min_size=1, max_size=40))
def test_photo_weights_give_the_mean_over_folds(photos):
    folds, errors = np.array([fold for fold, _ in photos]), np.array([error for _, error in photos])
    mean_of_means = np.mean([errors[folds == fold].mean() for fold in sorted(set(folds))])
    assert np.sum(photo_weights(folds, "macro") * errors) == pytest.approx(mean_of_means)
    assert np.sum(photo_weights(folds, "pooled") * errors) == pytest.approx(errors.mean())


@given(pairs, st.floats(min_value=-30, max_value=30))
def test_shifting_ages_and_predictions_together_changes_nothing(photos, shift):
    ages, predicted = np.array(photos).T
    assert mean_absolute_error(ages + shift, predicted + shift) == pytest.approx(mean_absolute_error(ages, predicted), abs=1e-9)


@given(pairs, st.randoms(use_true_random=False))
def test_order_of_photos_never_matters(photos, random):
    shuffled = random.sample(photos, len(photos))
    before, after = np.array(photos).T, np.array(shuffled).T
    for measure in (mean_absolute_error, median_absolute_error, cumulative_score):
        assert measure(*after) == pytest.approx(measure(*before))


@given(pairs)
def test_cumulative_score_grows_to_one(photos):
    ages, predicted = np.array(photos).T
    shares = [cumulative_score(ages, predicted, within=limit) for limit in (0, 1, 5, 20, 120)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("hidden", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_refused(hidden):
    with pytest.raises(UserError, match="1 of 2 photos"):
        mean_absolute_error([20, 30], [20, hidden])


def test_nothing_and_unequal_lengths_are_refused():
    with pytest.raises(UserError, match="no predictions"):
        mean_absolute_error([], [])
    with pytest.raises(UserError, match="one prediction a photo"):
        mean_absolute_error([1, 2], [1])
