"""Printed tables for the page: sections, and what happens to them on a phone."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.evaluation.compare import compare
from agerepro.explain.regions import EYES_AND_NOSE, REGIONS, SUMMARY, region_summary, region_table
from agerepro.report.page.numbers import numbers_of, on_phones, regions_page, sections, summary, with_standing_above
from agerepro.report.results import score_run
from agerepro.report.tables import PrintedTable

PAGE = PrintedTable("t", "", ("Run", "Score", "Paper"), (2,), (("a", "x", "1"), ("", "y", "-"), ("b", "x", "2")))


def test_rows_without_a_first_cell_belong_to_the_run_above():
    first, second = sections(PAGE)
    assert (first.label, len(first.rows), second.label, len(second.rows)) == ("a", 2, "b", 1)
    assert first.rows[1] == (("Score", "y", False), ("Paper", "-", True))


def test_profile_and_folds_move_above_the_rows():
    page = PrintedTable(
        "t", "", ("Run", "Score", "Profile", "Folds"), (1,), (("a", "1", "demo", "82 folds"), ("", "2", "demo", "82 folds"))
    )
    moved = with_standing_above(page)
    assert moved.headings == ("Run", "Score") and moved.rows == (("a · demo · 82 folds", "1"), ("", "2"))


def test_small_tables_stay_long_words_stack_and_wide_tables_scroll():
    assert on_phones(PAGE) == "compact"
    assert on_phones(PrintedTable("t", "", ("Run", "Score"), (), (("a", "MAE (macro), bootstrap interval"),))) == "stack"
    assert on_phones(PrintedTable("t", "", tuple("abcdefghij"), (), (tuple("abcdefghij"),))) == "wide"


LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def test_a_row_a_region_with_what_the_summary_has() -> None:
    photos = pd.DataFrame({"photo": list("abcdefghijkl"), "subject": list("abcdefghijkl"), "age": 30.0})
    maps = np.random.default_rng(0).random((12, 5, 5))
    summary = region_summary(region_table(photos, maps, np.repeat(LANDMARKS[None], 12, axis=0)), pd.Series("20-39", index=photos["photo"]))
    page = regions_page(summary, "a run")
    assert page is not None and page.title == "Where the maps of a run lie"
    assert [row[1] for row in page.rows] == [EYES_AND_NOSE, *REGIONS] and {len(row) for row in page.rows} == {len(page.headings)}
    eyes = summary.loc[(summary["group"] == "all") & (summary["region"] == "eyes")].iloc[0]
    cells = dict(zip(page.headings[1:4], next(row for row in page.rows if row[1] == "eyes")[1:4]))
    assert cells == {
        "Region": "eyes",
        "Share of energy": f"{eyes['share']:.1%}",
        "95 % interval": f"[{eyes['share_low']:.1%}, {eyes['share_high']:.1%}]",
    }
    assert next(row for row in page.rows if row[1] == "eyes")[5] == f"{eyes['relative']:.2f}"


def test_no_landmarks_no_table_and_no_interval_a_dash() -> None:
    assert regions_page(pd.DataFrame(columns=list(SUMMARY)), "a") is None
    nothing = float("nan")
    rows = [("all", region, 1, 1, 0.5, nothing, nothing, 0.1, nothing, nothing, nothing) for region in (*REGIONS, EYES_AND_NOSE)]
    page = regions_page(pd.DataFrame(rows, columns=list(SUMMARY)), "a")
    assert page is not None and {row[2:] for row in page.rows} == {("50.0%", "-", "10.0%", "-", "-")}


def sentences(*runs) -> list[str]:
    return summary(runs, compare([score_run(run) for run in runs]))


def test_a_demo_run_is_not_set_against_the_paper(make_run):
    run = make_run()
    result, guess, paper = sentences(run)
    comparison = compare([score_run(run)]).set_index("metric")["ours"]
    assert f"{comparison['MAE (macro)']:.2f} years" in result and "95 % interval" in result
    assert f"{run.predictions['photo'].nunique()} photos of 12 people" in result and "leave one person out" in result
    assert f"{comparison['Mean-age predictor, MAE (macro)']:.2f} years" in guess
    assert "4.78 years" in paper and "demo: synthetic faces" in paper and "ours" not in paper  # koenig2019, Table 4


def test_a_run_in_full_says_the_difference(make_run):
    run = make_run(profile="paper", banner="")
    ours = compare([score_run(run)]).set_index("metric").loc["MAE (macro)", "ours"]
    paper = sentences(run)[2]
    assert "4.78 years" in paper and f"{abs(ours - 4.78):.2f} years {'more' if ours > 4.78 else 'less'}" in paper


def test_without_a_published_row_nothing_is_claimed(make_run):
    assert "No published number" in sentences(make_run(row=None))[2]


def test_several_runs_are_ranked_by_their_error(make_run):
    tested, ranked, paper = sentences(make_run("good", error=2.0), make_run("bad", error=12.0))
    assert tested.startswith("2 runs")
    assert ranked.index("(good)") < ranked.index("(bad)")
    assert "for good" in paper and "for bad" in paper


def test_cumulative_scores_stand_together_where_the_test_is_the_same_in_the_colours_of_the_page(make_run, make_group_run):
    tested = [("morph", "by image"), ("fgnet", "one person out"), ("morph", "by image")]
    ages = [replace(make_run(f"run-{place}"), tested=on, division=division) for place, (on, division) in enumerate(tested)]
    charts = numbers_of([make_group_run(), *ages]).cumulative
    assert [chart.title.partition(": ")[2] for chart in charts] == ["morph, by image", "fgnet, one person out"]
    colours = [sorted(set(re.findall(r'class="run s(\d)', chart.picture))) for chart in charts]
    assert colours == [["1", "3"], ["2"]]
    (alone,) = numbers_of(ages[:1]).cumulative
    assert "morph" not in alone.title and numbers_of([make_group_run()]).cumulative == ()


@pytest.mark.parametrize("right", [0.7])
def test_groups_are_told_in_shares(make_group_run, right):
    result, guess, _ = sentences(replace(make_group_run(right=right), reproduces=None))
    comparison = compare([score_run(make_group_run(right=right))]).set_index("metric")["ours"]
    assert f"{comparison['Accuracy (macro)']:.2f} %" in result
    assert f"{comparison['Majority predictor, accuracy (macro)']:.2f} %" in guess
