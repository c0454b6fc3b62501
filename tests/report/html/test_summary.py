"""The sentences on top: from the numbers of the comparison, and never more than they allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agerepro.evaluation.compare import compare
from agerepro.report.html.summary import summary
from agerepro.report.results import score_run


def told(*runs) -> list[str]:
    return summary(runs, compare([score_run(run) for run in runs]))


def test_a_demo_run_is_not_set_against_the_paper(make_run):
    run = make_run()
    result, guess, paper = told(run)
    comparison = compare([score_run(run)]).set_index("metric")["ours"]
    assert f"is wrong by {comparison['MAE (macro)']:.2f} years on average over folds (95 % interval " in result
    assert f"{run.predictions['photo'].nunique()} photos of 12 people (leave one person out)" in result
    assert f"would be wrong by {comparison['Mean-age predictor, MAE (macro)']:.2f} years" in guess and "% of the photos" in guess
    assert paper == "The paper prints 4.78 years, which this run does not reproduce (demo: synthetic faces)."  # koenig2019, Table 4


def test_a_run_in_full_says_the_difference(make_run):
    run = make_run(profile="paper", banner="")
    ours = compare([score_run(run)]).set_index("metric").loc["MAE (macro)", "ours"]
    assert told(run)[2] == f"The paper prints 4.78 years, and ours is {abs(ours - 4.78):.2f} years {'more' if ours > 4.78 else 'less'}."


def test_without_a_published_row_nothing_is_claimed(make_run):
    assert told(make_run(row=None))[2].startswith("No published number belongs to these settings")


def test_several_runs_are_ranked_by_their_error(make_run):
    tested, ranked, paper = told(make_run("good", error=2.0), make_run("bad", error=12.0))
    assert tested.startswith("2 runs, tested on ")
    assert ranked.index("(good)") < ranked.index("(bad)") and "runs from" in ranked
    assert "for good" in paper and "for bad" in paper


@pytest.mark.parametrize("right", [0.7])
def test_groups_are_told_in_shares(make_group_run, right):
    result, guess, _ = told(replace(make_group_run(right=right), reproduces=None))
    assert "of the photos into their right age group" in result and " %" in result
    assert guess.startswith("Always saying the most frequent group is right for ")
