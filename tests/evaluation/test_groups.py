from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_score, recall_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from agerepro.errors import UserError
from agerepro.evaluation.groups import accuracy, confusion_matrix, groups_off, one_off_accuracy, precision, recall

LABELS = ("0-2", "4-6", "8-12", "15-20")
TRUE = ["0-2", "4-6", "8-12", "15-20", "0-2", "8-12"]
SAID = ["0-2", "4-6", "4-6", "0-2", "4-6", "8-12"]
photos = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def test_by_hand():
    assert groups_off(TRUE, SAID, LABELS).tolist() == [0, 0, 1, 3, 1, 0]
    assert accuracy(TRUE, SAID, LABELS) == 3 / 6
    assert one_off_accuracy(TRUE, SAID, LABELS) == 5 / 6
    assert confusion_matrix(TRUE, SAID, LABELS).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]


def test_table_6_of_the_thesis():
    """koenig2019, Table 6: precision 0.955, 0.188, 0.954 and recall 0.987, 0.237, 0.919 follow from its counts."""
    counts = np.array([[1646, 12, 9], [12, 36, 104], [66, 143, 2362]])
    assert np.round(precision(counts), 3).tolist() == [0.955, 0.188, 0.954]
    assert np.round(recall(counts), 3).tolist() == [0.987, 0.237, 0.919]


@given(photos)
def test_against_scikit_learn(pairs):
    true, said = zip(*pairs)
    counts = confusion_matrix(true, said, LABELS)
    assert counts.tolist() == sklearn_confusion(true, said, labels=list(LABELS)).tolist()
    assert accuracy(true, said, LABELS) == pytest.approx(accuracy_score(true, said))
    theirs = {"labels": list(LABELS), "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(precision(counts), precision_score(true, said, **theirs))
    np.testing.assert_allclose(recall(counts), recall_score(true, said, **theirs))


@given(photos, st.randoms(use_true_random=False))
def test_order_never_matters_and_neighbours_only_add(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    before, after = zip(*pairs), zip(*shuffled)
    (true, said), (other_true, other_said) = before, after
    assert confusion_matrix(true, said, LABELS).tolist() == confusion_matrix(other_true, other_said, LABELS).tolist()
    assert 0 <= accuracy(true, said, LABELS) <= one_off_accuracy(true, said, LABELS) <= 1


def test_a_group_that_nobody_is_in_still_stands_between_its_neighbours():
    assert one_off_accuracy(["0-2"], ["8-12"], LABELS) == 0
    assert one_off_accuracy(["0-2"], ["8-12"], ("0-2", "8-12")) == 1


def test_groups_never_given_or_without_photos_have_no_precision_or_recall():
    counts = confusion_matrix(["0-2"], ["4-6"], LABELS)
    assert np.isnan(precision(counts)).tolist() == [True, False, True, True]
    assert np.isnan(recall(counts)).tolist() == [False, True, True, True]


def test_unknown_groups_nothing_and_unequal_lengths_are_refused():
    with pytest.raises(UserError, match="No age group '25-32'"):
        accuracy(["25-32"], ["0-2"], LABELS)
    with pytest.raises(UserError, match="one prediction a photo"):
        confusion_matrix(["0-2", "0-2"], ["0-2"], LABELS)
    with pytest.raises(UserError, match="one prediction a photo"):
        confusion_matrix([], [], LABELS)
