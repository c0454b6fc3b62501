"""Three choices of an epoch, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agerepro.errors import UserError
from agerepro.evaluation.epochs import COLUMNS, LAST, OPTIMISM, TEST, VALIDATION, FoldEpochs, epoch_scores, epoch_table, errors_by_epoch


def fold(number, errors, losses, *, seed=0):
    errors = np.array(errors, dtype=float)
    return FoldEpochs(number, seed, tuple(f"set/{number}-{i}.jpg" for i in range(errors.shape[1])), errors, np.array(losses, dtype=float))


@pytest.fixture
def folds():
    """Fold 0: MAE 4, 2, 3 after its epochs, least loss in the first; fold 1: 6, 5, 8, least loss in the second."""
    return [fold(0, [[3, 5], [2, 2], [2, 4]], [1.0, 1.5, 1.2]), fold(1, [[6], [5], [8]], [3.0, 2.0, 2.5])]


def test_three_choices_by_hand(folds):
    scores = {score.choice: score for score in epoch_scores(folds, measure="years")}
    assert [scores[choice].mean.value for choice in (LAST, VALIDATION, TEST)] == [(3 + 8) / 2, (4 + 5) / 2, (2 + 5) / 2]
    assert [scores[choice].epochs for choice in (LAST, VALIDATION, TEST)] == [(3, 3), (1, 2), (2, 2)]
    assert scores[OPTIMISM].mean.value == pytest.approx(((2 - 3) + (5 - 8)) / 2)
    # The folds' 3 and 8 have sd 5 / sqrt(2); the 97.5 % quantile with one degree of freedom is tan(0.475 pi).
    assert scores[LAST].mean.high == pytest.approx(5.5 + np.tan(0.475 * np.pi) * 5 / 2)


def test_the_table_has_a_row_a_fold_and_choice_and_says_which_is_no_result(folds):
    table = epoch_table(folds, measure="years", experiment="row", profile="demo")
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2 * 3 + 4
    assert set(table.loc[table["valid"] == "no", "choice"]) == {TEST, OPTIMISM}
    last = table[(table["fold"] == "0") & (table["choice"] == LAST)].iloc[0]
    assert (last["epoch"], last["epochs"], last["value"], last["n"], last["metric"]) == (3, 3, 3, 2, "mae")
    assert table[table["fold"] == "all"]["epoch"].isna().all()


def test_groups_give_accuracies(folds):
    wrong = [fold(0, [[1, 1], [0, 0], [0, 1]], [1, 2, 3])]
    scores = {score.choice: score.mean.value for score in epoch_scores(wrong, measure="wrong")}
    assert scores == {LAST: 0.5, VALIDATION: 0.0, TEST: 1.0, OPTIMISM: 0.5}


def test_one_fold_without_validation_makes_that_choice_unavailable(folds):
    scores = {score.choice: score for score in epoch_scores([folds[0], fold(1, [[6], [5]], [np.nan, np.nan])], measure="years")}
    assert not scores[VALIDATION].available and scores[VALIDATION].epochs == (1,)
    assert scores[LAST].available and scores[TEST].available


def test_seeds_are_averaged_within_a_fold(folds):
    other = fold(0, [[1, 1], [9, 9], [7, 7]], [1, 2, 3], seed=1)
    scores = {score.choice: score.mean for score in epoch_scores([*folds, other], measure="years")}
    assert scores[LAST].value == pytest.approx(((3 + 7) / 2 + 8) / 2)
    assert scores[LAST].n == 2


def test_the_gain_has_an_interval_over_ten_folds_and_none_over_nine():
    folds = [fold(number, [[number], [2.0 * number], [9.0]], [1, 2, 3]) for number in range(10)]
    gains = [epoch_scores(some, measure="years")[-1].mean for some in (folds[:9], folds)]
    assert [np.isfinite(gain.low) for gain in gains] == [False, True]


@given(arrays(float, (4, 3, 5), elements=st.floats(0, 50)), arrays(float, (4, 3), elements=st.floats(0, 5)))
def test_the_choice_on_the_test_is_never_worse(errors, losses):
    folds = [fold(number, errors[number], losses[number]) for number in range(4)]
    scores = {score.choice: score.mean.value for score in epoch_scores(folds, measure="years")}
    assert scores[TEST] <= min(scores[LAST], scores[VALIDATION]) + 1e-9
    assert scores[OPTIMISM] == pytest.approx(scores[TEST] - scores[LAST], abs=1e-9)


def test_outputs_are_decoded_as_the_experiment_says():
    # One epoch, two photos, ages 10, 20, 30: logits of ln 1, ln 1, ln 2 mean (10 + 20 + 60) / 4 = 22.5; the second is sure of 10.
    logits = np.log(np.array([[[1.0, 1.0, 2.0], [1.0, 1e-12, 1e-12]]]))
    bins, truth = np.array([10.0, 20.0, 30.0]), np.array([20.0, 20.0])
    assert errors_by_epoch(logits, bins, truth, decode="expectation", measure="years")[0] == pytest.approx([2.5, 10])
    assert errors_by_epoch(logits, bins, truth, decode="median", measure="years")[0].tolist() == [0, 10]
    assert errors_by_epoch(logits, bins, truth, decode="argmax", measure="years")[0].tolist() == [10, 10]


def test_groups_are_decoded_by_the_largest_output_whatever_the_experiment_says():
    logits = np.array([[[0.0, 3.0, 1.0], [2.0, 0.0, 1.0]], [[4.0, 3.0, 1.0], [2.0, 0.0, 1.0]]])
    scores = errors_by_epoch(logits, np.arange(3.0), np.array([1, 0]), decode="expectation", measure="wrong")
    assert scores.tolist() == [[0, 0], [1, 0]]


def test_years_without_bins_are_taken_as_they_are():
    scores = errors_by_epoch(np.array([[[12.0]], [[9.0]]]), np.empty(0), np.array([10.0]), decode="output", measure="years")
    assert scores.tolist() == [[2], [1]]


def test_other_photos_and_no_epochs_are_refused():
    with pytest.raises(UserError, match="not one row an epoch and 3 photos"):
        errors_by_epoch(np.zeros((2, 4, 1)), np.empty(0), np.zeros(3), decode="output", measure="years")
    with pytest.raises(UserError, match="no epoch to choose"):
        epoch_scores([FoldEpochs(0, 0, ("a",), np.zeros((0, 1)), np.zeros(0))], measure="years")
    with pytest.raises(UserError, match="no epoch to choose"):
        epoch_scores([], measure="years")
