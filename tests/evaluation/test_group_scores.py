from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.group_scores import counts_of, group_scores
from agerepro.tables import SCORES, conform

LABELS = ("0-2", "4-6", "8-12", "15-20")


def cell(table, aggregation, metric, *, fold="all"):
    rows = table[(table["aggregation"] == aggregation) & (table["metric"] == metric) & (table["fold"] == fold)]
    assert len(rows) == 1, (aggregation, metric, fold)
    return rows.iloc[0]


def test_two_folds_by_hand(grouped):
    table = group_scores(grouped, LABELS)
    assert [cell(table, "fold", "accuracy", fold=fold)["value"] for fold in "01"] == [2 / 4, 1 / 2]
    assert [cell(table, "fold", "one_off_accuracy", fold=fold)["value"] for fold in "01"] == [3 / 4, 2 / 2]
    assert cell(table, "macro", "accuracy")["value"] == pytest.approx(0.5)
    assert cell(table, "macro", "accuracy_std")["value"] == 0
    assert cell(table, "macro", "one_off_accuracy")["value"] == pytest.approx(0.875)
    # sd with n - 1 of 0.75 and 1: their difference over the root of two.
    assert cell(table, "macro", "one_off_accuracy_std")["value"] == pytest.approx(0.25 / np.sqrt(2))
    assert cell(table, "pooled", "one_off_accuracy")["value"] == pytest.approx(5 / 6)
    assert cell(table, "pooled", "precision_4-6")["value"] == pytest.approx(1 / 3)
    assert cell(table, "pooled", "recall_0-2")["value"] == pytest.approx(1 / 2)
    assert np.isnan(cell(table, "pooled", "precision_15-20")["value"])
    assert [cell(table, *key)["n"] for key in (("macro", "accuracy"), ("macro", "accuracy_std"), ("pooled", "accuracy"))] == [5, 2, 6]
    assert [cell(table, "pooled", metric)["n"] for metric in ("precision_4-6", "recall_4-6")] == [3, 1]


def test_against_a_literal_transcription(crowd_of_groups):
    table = group_scores(crowd_of_groups, LABELS)
    place = {label: number for number, label in enumerate(LABELS)}
    true, said = (np.array([place[name] for name in crowd_of_groups[column]]) for column in ("group", "predicted_group"))
    folds = crowd_of_groups["fold"].to_numpy()
    for metric, right in (("accuracy", true == said), ("one_off_accuracy", np.abs(true - said) <= 1)):
        by_fold = [right[folds == fold].mean() for fold in range(5)]
        found = cell(table, "macro", metric)
        assert found["value"] == pytest.approx(np.mean(by_fold))
        assert found["low"] < found["value"] < found["high"]
        assert cell(table, "macro", f"{metric}_std")["value"] == pytest.approx(np.sqrt(np.sum((by_fold - np.mean(by_fold)) ** 2) / 4))
        assert cell(table, "pooled", metric)["value"] == pytest.approx(right.mean())
    assert cell(table, "macro", "accuracy")["n"] == 120
    assert counts_of(crowd_of_groups, LABELS)[1, 2] == np.sum((true == 1) & (said == 2))


def test_order_of_photos_changes_no_digit_and_the_table_conforms(crowd_of_groups):
    table = group_scores(crowd_of_groups, LABELS)
    pd.testing.assert_frame_equal(group_scores(crowd_of_groups.sample(frac=1, random_state=3), LABELS), table, check_exact=True)
    pd.testing.assert_frame_equal(table, conform(table, SCORES))


def test_seeds_are_scored_alone_and_then_averaged(grouped):
    right = grouped.assign(seed=1, predicted_group=grouped["group"])
    both = group_scores(pd.concat([grouped, right]), LABELS)
    assert cell(both, "macro", "accuracy")["value"] == pytest.approx((0.5 + 1) / 2)
    assert cell(both, "macro", "one_off_accuracy_std")["value"] == pytest.approx((0.25 / np.sqrt(2) + 0) / 2)
    assert cell(both, "pooled", "accuracy")["n"] == 6
    assert cell(both, "fold", "accuracy", fold="0")["n"] == 4
    assert cell(both, "pooled", "recall_0-2")["n"] == 2


def test_one_fold_has_no_spread(grouped):
    table = group_scores(grouped[grouped["fold"] == 0], LABELS)
    assert np.isnan(cell(table, "macro", "accuracy_std")["value"])
    assert cell(table, "macro", "accuracy")["value"] == 0.5


def test_ages_and_other_labels_are_refused(grouped, predictions):
    with pytest.raises(UserError, match="row predicts ages and tells no age groups apart"):
        group_scores(predictions, LABELS)
    with pytest.raises(UserError, match="No age group '15-20'"):
        group_scores(grouped, LABELS[:3])
