"""Paired tests, Holm's correction and Welch's test against closed forms and published p-values."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.significance import holm, normality_p, paired, paired_p_values, welch


def better(predictions, by=0.5):
    """The same run with every error halved and a little noise, so that folds differ."""
    noise = np.random.default_rng(1).normal(0, 0.5, len(predictions))
    return predictions.assign(predicted=predictions["age"] + by * (predictions["predicted"] - predictions["age"]) + noise)


def test_paired_over_folds_against_scipy_on_fold_means(lopo):
    other = better(lopo)
    test = paired(other, lopo)
    means = [np.array([np.abs(run["predicted"] - run["age"])[run["fold"] == fold].mean() for fold in range(40)]) for run in (other, lopo)]
    assert test.n == 40
    assert test.difference == pytest.approx(means[0].mean() - means[1].mean())
    assert test.t_p == pytest.approx(stats.ttest_rel(*means).pvalue)
    assert test.wilcoxon_p == pytest.approx(stats.wilcoxon(*means).pvalue)
    assert test.low < test.difference < test.high < 0


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
    test = paired(lopo, lopo)
    assert (test.difference, test.low, test.high, test.t_p, test.wilcoxon_p) == (0, 0, 0, 1, 1)


def test_equal_differences_have_no_spread(predictions):
    farther = predictions.assign(predicted=predictions["predicted"] + np.where(predictions["predicted"] >= predictions["age"], 2, -2))
    test = paired(farther, predictions)
    assert (test.difference, test.t_p) == (2, 0)
    assert test.wilcoxon_p == pytest.approx(0.25)  # three pairs: 2 / 2^3


def test_only_shared_folds_are_paired(lopo):
    test = paired(lopo[lopo["fold"] < 30], better(lopo)[lambda run: run["fold"] >= 10])
    assert test.n == 20


def test_over_people_when_folds_hold_many(make_predictions):
    generator = np.random.default_rng(0)
    subject = [f"person {number}" for number in np.repeat(np.arange(30), 3)]
    run = make_predictions(np.repeat(np.arange(90) // 45, 1), generator.normal(40, 10, 90), generator.normal(40, 10, 90), subject=subject)
    assert paired(better(run), run, unit="subject").n == 30
    assert paired(better(run), run).n == 2


def test_seeds_are_averaged_before_pairing(lopo):
    twice = pd.concat([lopo, better(lopo).assign(seed=1)])
    test = paired(twice, lopo)
    assert test.difference == pytest.approx(paired(better(lopo), lopo).difference / 2)


def test_other_photos_in_a_shared_fold_are_refused(predictions):
    with pytest.raises(UserError, match="fold 0 holds other photos, ages or groups"):
        paired(predictions, predictions.assign(age=predictions["age"] + (predictions["photo"] == "set/0001.jpg")))
    with pytest.raises(UserError, match="fold 2 holds other photos"):
        paired(predictions, predictions.iloc[:-1])


def test_one_shared_fold_is_too_few(predictions):
    with pytest.raises(UserError, match="needs two folds"):
        paired(predictions[predictions["fold"] == 0], predictions)


def test_shapiro_wilk_is_of_the_paired_differences(lopo):
    other = better(lopo)
    means = [np.array([np.abs(run["predicted"] - run["age"])[run["fold"] == fold].mean() for fold in range(40)]) for run in (other, lopo)]
    assert paired(other, lopo).shapiro_p == pytest.approx(stats.shapiro(means[0] - means[1]).pvalue)


def test_shapiro_wilk_of_three_values_has_a_closed_form():
    """Three values: W = (b x_3 - b x_1)^2 / SS with b = sqrt(1/2), p = (6 / pi) (asin sqrt W - asin sqrt(3/4)) [Royston 1995]."""
    values = np.array([1.0, 2.0, 7.0])
    w = ((values[2] - values[0]) * np.sqrt(0.5)) ** 2 / np.sum((values - values.mean()) ** 2)
    assert normality_p(values) == pytest.approx(6 / np.pi * (np.arcsin(np.sqrt(w)) - np.arcsin(np.sqrt(0.75))), abs=1e-4)


def test_shapiro_wilk_is_none_where_it_has_nothing_to_say():
    for differences in ([1.0, 2.0], [2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0], np.arange(5001.0)):
        assert np.isnan(normality_p(np.asarray(differences)))


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        # By hand: 0.01 * 4, then max(0.04, 0.02 * 3), max(0.06, 0.03 * 2), max(0.06, 0.5).
        ([0.03, 0.01, 0.5, 0.02], [0.06, 0.04, 0.5, 0.06]),
        # 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 raised to the one before it.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([0.04], [0.04]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, corrected):
    assert holm(p_values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_what_the_closed_test_with_bonferroni_rejects(p_values):
    """Holm 1979: a hypothesis falls at level a where every set of hypotheses that holds it does, by Bonferroni's test of the set."""
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    bonferroni = {chosen: min(len(chosen) * min(p_values[place] for place in chosen), 1.0) for chosen in sets}
    assert holm(p_values) == pytest.approx([max(p for chosen, p in bonferroni.items() if place in chosen) for place in places])


# teh2018, Tables VII and VIII: five runs each of the baseline and of the relational network, MAE and epsilon error.
TEH2018 = {
    ("2015", "mae"): ([3.825, 3.892, 4.051, 3.987, 3.991], [3.806, 3.850, 3.883, 3.883, 3.776]),
    ("2015", "epsilon"): ([0.351, 0.356, 0.372, 0.371, 0.366], [0.351, 0.352, 0.360, 0.358, 0.347]),
    ("2016", "mae"): ([5.085, 5.083, 5.392, 5.363, 5.156], [4.981, 4.950, 4.874, 4.766, 4.930]),
    ("2016", "epsilon"): ([0.402, 0.397, 0.408, 0.416, 0.400], [0.390, 0.390, 0.389, 0.384, 0.391]),
}


@pytest.mark.parametrize(
    "which, p", [(("2015", "mae"), 0.0414), (("2015", "epsilon"), 0.0471), (("2016", "mae"), 0.0360), (("2016", "epsilon"), 0.0252)]
)
def test_p_values_printed_by_teh2018_are_of_paired_tests(which, p):
    """teh2018, section V, prints these four p-values; they follow from its tables only with pairs."""
    baseline, ours = map(np.array, TEH2018[which])
    assert paired_p_values(baseline - ours)[0] == pytest.approx(p, abs=5e-4)


def test_welch_on_teh2018_finds_less_in_2015():
    """Without pairs, 0.052 and 0.090 on 2015; by a literal transcription of Welch 1947 with the tail of Student's t."""
    for metric, p in (("mae", 0.052), ("epsilon", 0.090)):
        first, second = map(np.array, TEH2018["2015", metric])
        test = welch(first, second)
        a, b = first.var(ddof=1) / 5, second.var(ddof=1) / 5
        assert test.t == pytest.approx((first.mean() - second.mean()) / np.sqrt(a + b))
        assert test.degrees == pytest.approx((a + b) ** 2 / (a**2 / 4 + b**2 / 4))
        assert test.p == pytest.approx(2 * stats.t.sf(abs(test.t), test.degrees))
        assert test.p == pytest.approx(p, abs=5e-4)
        assert test.difference == pytest.approx(first.mean() - second.mean())


def test_every_sample_of_teh2018_passes_shapiro_wilk():
    """teh2018, section V: "all results pass"; the smallest of the eight is 0.0525."""
    p_values = [normality_p(np.array(sample)) for samples in TEH2018.values() for sample in samples]
    assert min(p_values) == pytest.approx(0.0525, abs=5e-4)


@pytest.mark.parametrize("samples", [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_samples_without_spread_are_refused_by_welch(samples):
    with pytest.raises(UserError, match="two values in each sample"):
        welch(*map(np.array, samples))


def test_groups_are_paired_by_their_share_of_wrong_photos(grouped):
    # Fold 0 has 2 of 4 wrong and fold 1 has 1 of 2; without any wrong, both folds gain a half.
    right = grouped.assign(predicted_group=grouped["group"])
    test = paired(right, grouped)
    assert (test.measure, test.n, test.difference) == ("wrong", 2, -0.5)
    assert paired(right, grouped, unit="subject").difference == pytest.approx(-(0 + 1 + 1 + 1 + 0) / 5)


def test_other_groups_in_a_shared_fold_are_refused(grouped):
    other = grouped.assign(group=grouped["group"].replace("15-20", "8-12"))
    with pytest.raises(UserError, match="fold 0 holds other photos, ages or groups"):
        paired(grouped, other)


def test_ages_and_groups_cannot_be_paired(grouped, predictions):
    with pytest.raises(UserError, match="one predicts ages, the other tells age groups apart"):
        paired(grouped, predictions)
