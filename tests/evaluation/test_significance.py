from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.significance import paired, paired_p_values


def better(predictions, by=0.5):
    """The same run with every error halved and a little noise, so that folds differ."""
    noise = np.random.default_rng(1).normal(0, 0.5, len(predictions))
    return predictions.assign(predicted=predictions["age"] + by * (predictions["predicted"] - predictions["age"]) + noise)


def test_paired_over_folds_against_scipy_on_fold_means(lopo):
    other = better(lopo)
    found = paired(other, lopo)
    means = [np.array([np.abs(run["predicted"] - run["age"])[run["fold"] == fold].mean() for fold in range(40)]) for run in (other, lopo)]
    assert found.n == 40
    assert found.difference == pytest.approx(means[0].mean() - means[1].mean())
    assert found.t_p == pytest.approx(stats.ttest_rel(*means).pvalue)
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(*means).pvalue)
    assert found.low < found.difference < found.high < 0


def test_t_by_hand():
    # Differences 1, 2, 3: t = 2 / (1 / sqrt(3)) with 2 degrees of freedom; p from the closed form of that distribution.
    t = 2 * np.sqrt(3)
    assert paired_p_values(np.array([1.0, 2.0, 3.0]))[0] == pytest.approx(1 - t / np.sqrt(2 + t**2))


def test_wilcoxon_of_five_pairs_cannot_go_below_a_sixteenth():
    # All five ranks positive: two-sided p is 2 / 2^5.
    assert paired_p_values(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))[1] == pytest.approx(0.0625)


def test_swapping_the_runs_swaps_the_sign(lopo):
    other = better(lopo)
    first, second = paired(other, lopo), paired(lopo, other)
    assert first.difference == pytest.approx(-second.difference)
    assert first.t_p == pytest.approx(second.t_p)


def test_a_run_against_itself_differs_by_nothing(lopo):
    found = paired(lopo, lopo)
    assert (found.difference, found.low, found.high, found.t_p, found.wilcoxon_p) == (0, 0, 0, 1, 1)


def test_equal_differences_have_no_spread(predictions):
    farther = predictions.assign(predicted=predictions["predicted"] + np.where(predictions["predicted"] >= predictions["age"], 2, -2))
    found = paired(farther, predictions)
    assert (found.difference, found.t_p) == (2, 0)
    assert found.wilcoxon_p == pytest.approx(0.25)  # three pairs: 2 / 2^3


def test_only_shared_folds_are_paired(lopo):
    found = paired(lopo[lopo["fold"] < 30], better(lopo)[lambda run: run["fold"] >= 10])
    assert found.n == 20


def test_over_people_when_folds_hold_many(make_predictions):
    generator = np.random.default_rng(0)
    subject = [f"person {number}" for number in np.repeat(np.arange(30), 3)]
    run = make_predictions(np.repeat(np.arange(90) // 45, 1), generator.normal(40, 10, 90), generator.normal(40, 10, 90), subject=subject)
    assert paired(better(run), run, unit="subject").n == 30
    assert paired(better(run), run).n == 2


def test_seeds_are_averaged_before_pairing(lopo):
    twice = pd.concat([lopo, better(lopo).assign(seed=1)])
    found = paired(twice, lopo)
    assert found.difference == pytest.approx(paired(better(lopo), lopo).difference / 2)


def test_other_photos_in_a_shared_fold_are_refused(predictions):
    with pytest.raises(UserError, match="fold 0 holds other photos or ages"):
        paired(predictions, predictions.assign(age=predictions["age"] + (predictions["photo"] == "set/0001.jpg")))
    with pytest.raises(UserError, match="fold 2 holds other photos"):
        paired(predictions, predictions.iloc[:-1])


def test_one_shared_fold_is_too_few(predictions):
    with pytest.raises(UserError, match="needs two folds"):
        paired(predictions[predictions["fold"] == 0], predictions)
