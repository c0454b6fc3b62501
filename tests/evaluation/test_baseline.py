from __future__ import annotations

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.baseline import baseline_scores, mean_age_predictions

MEANS = {0: 12.0, 1: 15.0, 2: 30.0}


def test_by_hand(predictions):
    # Ages 10 11 12 | 20 | 30 40 against 12, 15, 30: errors 2 1 0 | 5 | 0 10, so folds 1, 5, 5.
    table = baseline_scores(predictions, MEANS).set_index(["aggregation", "metric"])
    assert table.loc[("macro", "mean_age_mae"), "value"] == pytest.approx(11 / 3)
    assert table.loc[("pooled", "mean_age_mae"), "value"] == pytest.approx(18 / 6)
    assert table.loc[("macro", "share_of_mean_age"), "value"] == pytest.approx(5 / (11 / 3))
    assert table.loc[("pooled", "share_of_mean_age"), "value"] == pytest.approx(26 / 18)


def test_predicting_the_mean_has_share_one_without_width(lopo):
    means = dict.fromkeys(range(40), 30.0)
    table = baseline_scores(mean_age_predictions(lopo, means), means).set_index(["aggregation", "metric"])
    assert table.loc[("macro", "share_of_mean_age"), ["value", "low", "high"]].tolist() == pytest.approx([1, 1, 1])


def test_fold_without_mean_is_named(predictions):
    with pytest.raises(UserError, match="not known for fold 2"):
        mean_age_predictions(predictions, {0: 12.0, 1: 15.0, 2: float("nan")})


def test_share_of_nothing_is_refused(make_predictions):
    with pytest.raises(UserError, match="nothing to be a share of"):
        baseline_scores(make_predictions([0, 1], [20, 20], [21, 19]), {0: 20.0, 1: 20.0})


def test_guesses_have_no_posterior(predictions):
    guesses = mean_age_predictions(predictions.assign(expectation=1.0), MEANS)
    assert np.isnan(guesses["expectation"]).all()
    assert guesses["predicted"].tolist() == [12, 12, 12, 15, 30, 30]


def test_groups_have_no_mean_age(grouped):
    with pytest.raises(UserError, match="row tells age groups apart"):
        mean_age_predictions(grouped, MEANS)
