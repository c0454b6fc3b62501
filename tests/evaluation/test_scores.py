from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.scores import fold_errors, scores
from agerepro.tables import SCORES, conform


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


def test_normal_interval_is_over_folds(predictions):
    table = scores(predictions)
    half = 1.96 * 4 / np.sqrt(3)  # the folds' 1, 5, 9 have sd 4
    assert value(table, "macro", "mae", column="low") == pytest.approx(5 - half)
    assert value(table, "macro", "mae", column="high") == pytest.approx(5 + half)


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
    both = scores(pd.concat([predictions, mirrored]))
    one = scores(predictions)
    for aggregation, metric in (("macro", "mae"), ("macro", "median"), ("pooled", "mae"), ("pooled", "cs_5"), ("pooled", "median")):
        assert value(both, aggregation, metric) == pytest.approx(value(one, aggregation, metric))
        assert value(both, aggregation, metric, column="n") == value(one, aggregation, metric, column="n")
    assert value(both, "fold", "mae", fold="0", column="n") == 3


def test_two_seeds_by_hand(predictions):
    # The folds' errors are 1, 5, 9 in one seed and 9, 5, 1 in the other: 5, 5, 5 on average, but each seed has quartiles 3 and 7.
    turned = predictions.assign(seed=1, predicted=predictions["age"] + predictions["fold"].map({0: 9, 1: 5, 2: 1}))
    both = scores(pd.concat([predictions, turned]))
    assert value(both, "macro", "mae") == 5
    assert (value(both, "macro", "lower_quartile"), value(both, "macro", "upper_quartile")) == (3, 7)


def test_one_photo_in_one_fold_has_a_value_and_no_interval(make_predictions):
    table = scores(make_predictions([4], [30], [33]))
    assert value(table, "macro", "mae") == 3
    assert np.isnan(value(table, "macro", "mae", column="low"))
    assert np.isnan(value(table, "macro", "r2"))
    assert value(table, "macro", "r2", column="n") == 0


def test_each_experiment_has_its_own_block_and_the_table_conforms(predictions):
    table = scores(pd.concat([predictions, predictions.assign(experiment="second")]))
    assert table.groupby("experiment").size().nunique() == 1
    pd.testing.assert_frame_equal(table, conform(table, SCORES))


def test_fold_errors_has_a_row_a_fold_and_a_column_a_seed(predictions):
    both = pd.concat([predictions, predictions.assign(seed=5)])
    assert fold_errors(both).shape == (3, 2)


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
    spread.popitem()
    assert "epsilon_error" not in set(scores(predictions, age_std=spread)["metric"])
    assert "epsilon_error" not in set(scores(predictions)["metric"])


def test_groups_are_refused(grouped):
    with pytest.raises(UserError, match="row tells age groups apart"):
        scores(grouped)
