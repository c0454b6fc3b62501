from __future__ import annotations

import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.majority import majority_predictions, majority_scores, most_frequent

LABELS = ("0-2", "4-6", "8-12", "15-20")


def test_by_hand(grouped):
    # Fold 0 says 4-6: 1 of 4 right, 3 of 4 nearly; fold 1 says 8-12: 1 of 2 right, 1 of 2 nearly.
    table = majority_scores(grouped, {0: "4-6", 1: "8-12"}, LABELS).set_index(["aggregation", "metric"])["value"]
    assert table["macro", "majority_accuracy"] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert table["macro", "majority_one_off_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert table["pooled", "majority_accuracy"] == pytest.approx(2 / 6)
    assert set(majority_scores(grouped, {0: "4-6", 1: "8-12"}, LABELS)["fold"]) == {"all"}


def test_the_most_frequent_group_is_the_youngest_of_equals():
    assert most_frequent(pd.Series(["8-12", "4-6", "8-12"]), LABELS) == "8-12"
    assert most_frequent(pd.Series(["8-12", "4-6"]), LABELS) == "4-6"
    with pytest.raises(UserError, match="no most frequent one"):
        most_frequent(pd.Series([], dtype=str), LABELS)


def test_a_fold_without_one_and_ages_are_refused(grouped, predictions):
    with pytest.raises(UserError, match="not known for fold 1"):
        majority_predictions(grouped, {0: "4-6"})
    with pytest.raises(UserError, match="predicts ages"):
        majority_predictions(predictions, {0: "4-6"})
