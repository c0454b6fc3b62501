"""Scores of ages and groups by hand and against literal transcriptions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.scores import (
    baseline_scores,
    counts_of,
    fold_errors,
    group_scores,
    majority_predictions,
    majority_scores,
    mean_age_predictions,
    median_age_predictions,
    most_frequent,
    scores,
)
from agerepro.tables import SCORES, coerce


def value(table, aggregation, metric, *, fold="all", column="value"):
    rows = table[(table["aggregation"] == aggregation) & (table["metric"] == metric) & (table["fold"] == fold)]
    assert len(rows) == 1
    return rows[column].iloc[0]


def test_three_folds_by_hand(predictions):
    table = scores(predictions)
    assert [value(table, "fold", "mae", fold=str(fold)) for fold in range(3)] == [1, 5, 9]
    assert [value(table, "fold", "mae", fold=str(fold), column="n") for fold in range(3)] == [3, 1, 2]
    assert value(table, "macro", "mae") == 5
    assert value(table, "macro", "mae_bootstrap") == pytest.approx(5)
    assert value(table, "pooled", "mae") == pytest.approx(26 / 6)
    assert value(table, "macro", "median") == 5
    # Linear between the folds' 1, 5, 9.
    assert (value(table, "macro", "lower_quartile"), value(table, "macro", "upper_quartile")) == (3, 7)
    assert value(table, "pooled", "cs_5") == pytest.approx(4 / 6)
    assert value(table, "pooled", "median") == 3.5
    assert value(table, "macro", "mae", column="n") == 3
    assert value(table, "pooled", "mae", column="n") == 6


def test_interval_of_the_macro_mean_is_over_folds(predictions):
    table = scores(predictions)
    half = 4.3027 * 4 / np.sqrt(3)  # the folds' 1, 5, 9 have sd 4; 97.5 % quantile of t with 2 degrees of freedom, from a printed table
    assert value(table, "macro", "mae", column="low") == pytest.approx(5 - half, abs=1e-3)
    assert value(table, "macro", "mae", column="high") == pytest.approx(5 + half, abs=1e-3)


def test_against_a_literal_transcription(lopo):
    table = scores(lopo)
    by_person = [np.abs(lopo["predicted"] - lopo["age"])[lopo["fold"] == fold].mean() for fold in range(40)]
    assert value(table, "macro", "mae") == pytest.approx(np.mean(by_person))
    assert value(table, "macro", "median") == pytest.approx(np.median(by_person))
    assert value(table, "macro", "upper_quartile") == pytest.approx(np.percentile(by_person, 75))
    assert value(table, "macro", "lower_quartile") == pytest.approx(np.percentile(by_person, 25))
    explained = []
    for fold in range(40):
        ages, predicted = (lopo.loc[lopo["fold"] == fold, column].to_numpy() for column in ("age", "predicted"))
        if len(set(ages)) > 1:
            explained.append(1 - ((ages - predicted) ** 2).sum() / ((ages - ages.mean()) ** 2).sum())
    assert value(table, "macro", "r2") == pytest.approx(np.mean(explained))
    assert value(table, "macro", "r2", column="n") == len(explained) < 40


def test_order_of_photos_changes_no_digit(lopo):
    pd.testing.assert_frame_equal(scores(lopo.sample(frac=1, random_state=3)), scores(lopo), check_exact=True)


def test_shifting_ages_and_predictions_changes_no_error(lopo):
    moved = lopo.assign(age=lopo["age"] + 8, predicted=lopo["predicted"] + 8)
    before, after = scores(lopo), scores(moved)
    np.testing.assert_allclose(after["value"], before["value"])


def test_seeds_are_scored_alone_and_then_averaged(predictions):
    # Errors of the second seed: opposite in sign on every photo, so averaging predictions would give an error of 0.
    mirrored = predictions.assign(seed=1, predicted=2 * predictions["age"] - predictions["predicted"])
    two_seeds = scores(pd.concat([predictions, mirrored]))
    single = scores(predictions)
    for aggregation, metric in (("macro", "mae"), ("macro", "median"), ("pooled", "mae"), ("pooled", "cs_5"), ("pooled", "median")):
        assert value(two_seeds, aggregation, metric) == pytest.approx(value(single, aggregation, metric))
        assert value(two_seeds, aggregation, metric, column="n") == value(single, aggregation, metric, column="n")
    assert value(two_seeds, "fold", "mae", fold="0", column="n") == 3


def test_two_seeds_by_hand(predictions):
    # The folds' errors are 1, 5, 9 in one seed and 9, 5, 1 in the other: 5, 5, 5 on average, but each seed has quartiles 3 and 7.
    turned = predictions.assign(seed=1, predicted=predictions["age"] + predictions["fold"].map({0: 9, 1: 5, 2: 1}))
    two_seeds = scores(pd.concat([predictions, turned]))
    assert value(two_seeds, "macro", "mae") == 5
    assert (value(two_seeds, "macro", "lower_quartile"), value(two_seeds, "macro", "upper_quartile")) == (3, 7)


def test_one_photo_in_one_fold_has_a_value_and_no_interval(make_predictions):
    table = scores(make_predictions([4], [30], [33]))
    assert value(table, "macro", "mae") == 3
    assert np.isnan(value(table, "macro", "mae", column="low"))
    assert np.isnan(value(table, "macro", "r2"))
    assert value(table, "macro", "r2", column="n") == 0


def test_each_experiment_has_its_own_block_and_the_table_conforms(predictions):
    table = scores(pd.concat([predictions, predictions.assign(experiment="second")]))
    assert table.groupby("experiment").size().nunique() == 1
    pd.testing.assert_frame_equal(table, coerce(table, SCORES))


def test_fold_errors_has_a_row_a_fold_and_a_column_a_seed(predictions):
    two_seeds = pd.concat([predictions, predictions.assign(seed=5)])
    assert fold_errors(two_seeds).shape == (3, 2)


def test_shares_below_a_limit_and_rank_correlation_by_hand(predictions):
    # Errors 0 1 2 | 5 | 6 12; ages rise, predictions 10 12 10 25 24 52 rank 1.5 3 1.5 5 4 6.
    table = scores(predictions)
    assert [value(table, "pooled", f"ca_{years}") for years in (3, 5, 7)] == pytest.approx([3 / 6, 3 / 6, 5 / 6])
    ranks = np.array([1.5, 3, 1.5, 5, 4, 6])
    assert value(table, "pooled", "spearman") == pytest.approx(np.corrcoef(np.arange(1, 7), ranks)[0, 1])
    assert value(table, "pooled", "ca_5", column="n") == 6


def test_epsilon_error_where_every_photo_has_a_spread(predictions):
    spread = dict.fromkeys(predictions["photo"], 2.0)
    table = scores(predictions, age_std=spread)
    errors = np.array([0, 1, 2, 5, 6, 12])
    assert value(table, "pooled", "epsilon_error") == pytest.approx(np.mean(1 - np.exp(-(errors**2) / 8)))
    some_agreed = scores(predictions, age_std=spread | {predictions["photo"].iloc[-1]: 0.0})  # twelve years off: its error is 1 anyhow
    assert value(some_agreed, "pooled", "epsilon_error") == pytest.approx(value(table, "pooled", "epsilon_error"), abs=1e-8)
    assert "epsilon_error" not in set(scores(predictions, age_std=dict.fromkeys(predictions["photo"], 0.0))["metric"])
    spread.popitem()
    assert "epsilon_error" not in set(scores(predictions, age_std=spread)["metric"])
    assert "epsilon_error" not in set(scores(predictions)["metric"])


def test_groups_are_refused(grouped):
    with pytest.raises(UserError, match="row tells age groups apart"):
        scores(grouped)


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


def test_group_scores_against_a_literal_transcription(crowd_of_groups):
    table = group_scores(crowd_of_groups, LABELS)
    place = {label: number for number, label in enumerate(LABELS)}
    true, predicted = (np.array([place[name] for name in crowd_of_groups[column]]) for column in ("group", "predicted_group"))
    folds = crowd_of_groups["fold"].to_numpy()
    for metric, right in (("accuracy", true == predicted), ("one_off_accuracy", np.abs(true - predicted) <= 1)):
        by_fold = [right[folds == fold].mean() for fold in range(5)]
        row = cell(table, "macro", metric)
        assert row["value"] == pytest.approx(np.mean(by_fold))
        assert row["low"] < row["value"] < row["high"]
        assert cell(table, "macro", f"{metric}_std")["value"] == pytest.approx(np.sqrt(np.sum((by_fold - np.mean(by_fold)) ** 2) / 4))
        assert cell(table, "pooled", metric)["value"] == pytest.approx(right.mean())
    assert cell(table, "macro", "accuracy")["n"] == 120
    assert counts_of(crowd_of_groups, LABELS)[1, 2] == np.sum((true == 1) & (predicted == 2))


def test_order_of_photos_changes_no_digit_and_the_table_conforms(crowd_of_groups):
    table = group_scores(crowd_of_groups, LABELS)
    pd.testing.assert_frame_equal(group_scores(crowd_of_groups.sample(frac=1, random_state=3), LABELS), table, check_exact=True)
    pd.testing.assert_frame_equal(table, coerce(table, SCORES))


def test_seeds_of_groups_are_scored_alone_and_then_averaged(grouped):
    right = grouped.assign(seed=1, predicted_group=grouped["group"])
    two_seeds = group_scores(pd.concat([grouped, right]), LABELS)
    assert cell(two_seeds, "macro", "accuracy")["value"] == pytest.approx((0.5 + 1) / 2)
    assert cell(two_seeds, "macro", "one_off_accuracy_std")["value"] == pytest.approx((0.25 / np.sqrt(2) + 0) / 2)
    assert cell(two_seeds, "pooled", "accuracy")["n"] == 6
    assert cell(two_seeds, "fold", "accuracy", fold="0")["n"] == 4
    assert cell(two_seeds, "pooled", "recall_0-2")["n"] == 2


def test_one_fold_has_no_spread(grouped):
    table = group_scores(grouped[grouped["fold"] == 0], LABELS)
    assert np.isnan(cell(table, "macro", "accuracy_std")["value"])
    assert cell(table, "macro", "accuracy")["value"] == 0.5


def test_ages_and_other_labels_are_refused(grouped, predictions):
    with pytest.raises(UserError, match="row predicts ages and tells no age groups apart"):
        group_scores(predictions, LABELS)
    with pytest.raises(UserError, match="No age group '15-20'"):
        group_scores(grouped, LABELS[:3])


MEANS = {0: 12.0, 1: 15.0, 2: 30.0}
MEDIANS = {0: 11.0, 1: 16.0, 2: 35.0}


def test_mean_and_median_age_predictors_by_hand(predictions):
    # Ages 10 11 12 | 20 | 30 40 against 12, 15, 30: errors 2 1 0 | 5 | 0 10, so folds 1, 5, 5; against 11, 16, 35: 1 0 1 | 4 | 5 5.
    table = baseline_scores(predictions, MEANS, MEDIANS).set_index(["aggregation", "metric"])
    assert table.loc[("macro", "mean_age_mae"), "value"] == pytest.approx(11 / 3)
    assert table.loc[("pooled", "mean_age_mae"), "value"] == pytest.approx(18 / 6)
    assert table.loc[("macro", "median_age_mae"), "value"] == pytest.approx((2 / 3 + 4 + 5) / 3)
    assert table.loc[("pooled", "median_age_mae"), "value"] == pytest.approx(16 / 6)
    assert table.loc[("macro", "share_of_mean_age"), "value"] == pytest.approx(5 / (11 / 3))
    assert table.loc[("pooled", "share_of_mean_age"), "value"] == pytest.approx(26 / 18)


def test_no_constant_errs_less_than_the_median(make_predictions):
    ages = np.random.default_rng(9).exponential(12, 60)
    table = make_predictions([0] * 60, ages, ages)
    errors = {
        constant: baseline_scores(table, {0: float(ages.mean())}, {0: float(constant)}).set_index(["aggregation", "metric"])["value"]
        for constant in (np.median(ages), *np.linspace(0, 40, 9))
    }
    best = min(errors, key=lambda constant: errors[constant]["pooled", "median_age_mae"])
    assert best == np.median(ages)
    assert errors[best]["pooled", "median_age_mae"] < errors[best]["pooled", "mean_age_mae"]


def test_predicting_the_mean_has_share_one_without_width(lopo):
    means = dict.fromkeys(range(40), 30.0)
    table = baseline_scores(mean_age_predictions(lopo, means), means, means).set_index(["aggregation", "metric"])
    assert table.loc[("macro", "share_of_mean_age"), ["value", "low", "high"]].tolist() == pytest.approx([1, 1, 1])


def test_fold_without_mean_or_median_is_named(predictions):
    with pytest.raises(UserError, match=r"mean age .* fold 2"):
        mean_age_predictions(predictions, {0: 12.0, 1: 15.0, 2: float("nan")})
    with pytest.raises(UserError, match=r"median age .* fold 1, 2"):
        median_age_predictions(predictions, {0: 12.0})


def test_share_of_nothing_is_refused(make_predictions):
    with pytest.raises(UserError, match="row"):
        baseline_scores(make_predictions([0, 1], [20, 20], [21, 19]), {0: 20.0, 1: 20.0}, {0: 20.0, 1: 20.0})


def test_guesses_have_no_posterior(predictions):
    guesses = mean_age_predictions(predictions.assign(expectation=1.0), MEANS)
    assert np.isnan(guesses["expectation"]).all()
    assert guesses["predicted"].tolist() == [12, 12, 12, 15, 30, 30]


def test_groups_have_no_mean_age(grouped):
    with pytest.raises(UserError, match="row tells age groups apart"):
        mean_age_predictions(grouped, MEANS)


def test_majority_predictor_by_hand(grouped):
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
