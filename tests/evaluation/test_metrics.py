"""Metrics by hand, against papers' numbers, and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.errors import UserError
from agerepro.evaluation.metrics import (
    absolute_errors,
    accuracy,
    confusion_matrix,
    cumulative_score,
    epsilon_errors,
    groups_off,
    mean_absolute_error,
    median_absolute_error,
    one_off_accuracy,
    photo_weights,
    precision,
    r2,
    recall,
    spearman,
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


def test_mean_and_median_by_hand():
    assert mean_absolute_error(AGES, PREDICTED) == pytest.approx(11 / 3)
    assert median_absolute_error(AGES, PREDICTED) == 5


def test_r2_by_hand():
    # Residuals 0, 25, 36; ages differ from their mean by 10, 0, 10.
    assert r2(AGES, PREDICTED) == pytest.approx(1 - 61 / 200)


@pytest.mark.parametrize(("ages", "predicted"), [([8, 8, 8], [7, 8, 9]), ([8, 8], [8, 8]), ([8], [9])])
def test_r2_of_one_age_is_not_a_number(ages, predicted):
    assert np.isnan(r2(ages, predicted))


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


def test_ca_leaves_out_errors_equal_to_the_limit():
    """liu2020, equation 6: "smaller than n"; errors 0, 5, 6."""
    assert cumulative_score(AGES, PREDICTED, within=5, limit="excluded") == pytest.approx(1 / 3)
    assert cumulative_score(AGES, PREDICTED, within=5.001, limit="excluded") == pytest.approx(2 / 3)


@given(pairs)
def test_ca_is_never_above_cs_and_reaches_it_a_hair_farther(photos):
    ages, predicted = np.array(photos).T
    strict, counted = (cumulative_score(ages, predicted, within=5, limit=limit) for limit in ("excluded", "included"))
    assert strict <= counted <= cumulative_score(ages, predicted, within=np.nextafter(5, 6), limit="excluded")


def test_epsilon_errors_by_hand():
    # One standard deviation off: 1 - exp(-1/2); two of 3 years: 1 - exp(-2); none off: 0.
    errors = epsilon_errors([20, 20, 20], [24, 14, 20], [4, 3, 1])
    assert errors == pytest.approx([1 - np.exp(-0.5), 1 - np.exp(-2), 0])


@given(st.lists(st.tuples(years, years, st.floats(min_value=0.1, max_value=20)), min_size=1, max_size=30))
def test_epsilon_error_against_both_papers_as_they_print_it(photos):
    """pan2018, section 4.2: 1 - mean of exp; teh2018, equation 4: mean of 1 - exp."""
    ages, predicted, spread = np.array(photos).T
    errors = epsilon_errors(ages, predicted, spread)
    assert errors.mean() == pytest.approx(1 - np.mean([np.exp(-((y - m) ** 2) / (2 * s**2)) for m, y, s in photos]), abs=1e-9)
    assert ((errors >= 0) & (errors <= 1)).all()
    assert (epsilon_errors(ages, predicted, 2 * spread) <= errors).all()


def test_where_all_votes_agree_the_epsilon_error_is_its_limit():
    agreed = epsilon_errors([20, 20, 20], [20, 21, 24], [0, 0, 4])
    assert list(agreed) == [0, 1, pytest.approx(1 - np.exp(-0.5))]
    assert agreed[:2] == pytest.approx(epsilon_errors([20, 20], [20, 21], [1e-9, 1e-9]))


@pytest.mark.parametrize("spread", [[1, float("nan")], [1, -1], [1]])
def test_an_age_without_a_spread_has_no_epsilon_error(spread):
    with pytest.raises(UserError, match="standard deviation of the age"):
        epsilon_errors([20, 30], [20, 30], spread)


@given(st.permutations(range(12)))
def test_spearman_without_equal_values_is_the_papers_formula_with_d_squared(order):
    """pan2018, section 4.2, prints the sum of d; only with d squared is it a rank correlation."""
    ages, predicted = np.arange(12.0) ** 2, np.array(order, dtype=float)
    squares = sum((rank - other) ** 2 for rank, other in enumerate(order))
    assert spearman(ages, predicted) == pytest.approx(1 - 6 * squares / (12**3 - 12))


def test_spearman_averages_equal_ranks_and_is_none_without_spread():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: Pearson's correlation of these is 4.5 / sqrt(4.5 * 5).
    assert spearman([1, 7, 7, 9], [10, 20, 30, 40]) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(spearman([8, 8, 8], [1, 2, 3]))
    assert np.isnan(spearman([1, 2, 3], [8, 8, 8]))


LABELS = ("0-2", "4-6", "8-12", "15-20")
TRUE = ["0-2", "4-6", "8-12", "15-20", "0-2", "8-12"]
PREDICTED_GROUPS = ["0-2", "4-6", "4-6", "0-2", "4-6", "8-12"]
photos = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def test_groups_by_hand():
    assert groups_off(TRUE, PREDICTED_GROUPS, LABELS).tolist() == [0, 0, 1, 3, 1, 0]
    assert accuracy(TRUE, PREDICTED_GROUPS, LABELS) == 3 / 6
    assert one_off_accuracy(TRUE, PREDICTED_GROUPS, LABELS) == 5 / 6
    assert confusion_matrix(TRUE, PREDICTED_GROUPS, LABELS).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]


def test_table_6_of_the_thesis():
    """koenig2019, Table 6: precision 0.955, 0.188, 0.954 and recall 0.987, 0.237, 0.919 follow from its counts."""
    labels, counts = ("0-12", "15-20", "25-100"), np.array([[1646, 12, 9], [12, 36, 104], [66, 143, 2362]])
    cells = [(true, given) for true in range(3) for given in range(3) for _ in range(counts[true, given])]
    pair = [[labels[cell[side]] for cell in cells] for side in (0, 1)]
    assert confusion_matrix(*pair, labels).tolist() == counts.tolist()
    assert 100 * accuracy(*pair, labels) == pytest.approx(92.12, abs=0.005)
    assert np.round(precision(*pair, labels), 3).tolist() == [0.955, 0.188, 0.954]
    assert np.round(recall(*pair, labels), 3).tolist() == [0.987, 0.237, 0.919]


@given(photos)
def test_precision_and_recall_are_shares_of_the_matrix(pairs):
    true, given_groups = zip(*pairs)
    counts = confusion_matrix(true, given_groups, LABELS)
    assert counts.sum() == len(pairs) and accuracy(true, given_groups, LABELS) == pytest.approx(np.trace(counts) / len(pairs))
    for measure, whole in ((precision, counts.sum(axis=0)), (recall, counts.sum(axis=1))):
        shares = measure(true, given_groups, LABELS)
        assert np.isnan(shares).tolist() == (whole == 0).tolist()
        np.testing.assert_allclose(shares[whole > 0], np.diag(counts)[whole > 0] / whole[whole > 0])


@given(photos, st.randoms(use_true_random=False))
def test_order_never_matters_and_neighbours_only_add(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    before, after = zip(*pairs), zip(*shuffled)
    (true, given_groups), (other_true, other_given) = before, after
    assert confusion_matrix(true, given_groups, LABELS).tolist() == confusion_matrix(other_true, other_given, LABELS).tolist()
    assert 0 <= accuracy(true, given_groups, LABELS) <= one_off_accuracy(true, given_groups, LABELS) <= 1


def test_a_group_that_nobody_is_in_still_stands_between_its_neighbours():
    assert one_off_accuracy(["0-2"], ["8-12"], LABELS) == 0
    assert one_off_accuracy(["0-2"], ["8-12"], ("0-2", "8-12")) == 1


def test_groups_never_given_or_without_photos_have_no_precision_or_recall():
    assert np.isnan(precision(["0-2"], ["4-6"], LABELS)).tolist() == [True, False, True, True]
    assert np.isnan(recall(["0-2"], ["4-6"], LABELS)).tolist() == [False, True, True, True]


def test_unknown_groups_nothing_and_unequal_lengths_are_refused():
    with pytest.raises(UserError, match="No age group '25-32'"):
        accuracy(["25-32"], ["0-2"], LABELS)
    with pytest.raises(UserError, match="one prediction a photo"):
        confusion_matrix(["0-2", "0-2"], ["0-2"], LABELS)
    with pytest.raises(UserError, match="one prediction a photo"):
        confusion_matrix([], [], LABELS)
