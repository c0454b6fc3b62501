"""Our scores beside a paper's, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from agerepro.config.schema import Reproduces
from agerepro.errors import UserError
from agerepro.evaluation.compare import COLUMNS, METRICS, RunScores, compare, in_unit, metric_spec, unit_of_score
from agerepro.evaluation.scores import baseline_scores, group_scores, majority_scores, scores
from agerepro.runs.layout import run_status


def test_precision_and_recall_of_any_group_have_a_line():
    spec = metric_spec("pooled", "recall_25-32")
    assert spec is not None
    assert (spec.label, spec.unit, spec.key) == ("Recall of 25-32 (pooled)", "share", ("pooled", "recall_25-32"))
    assert metric_spec("macro", "recall_25-32") is None
    assert metric_spec("pooled", "nothing") is None


def test_listed_lines_show_each_score_once():
    keys = [key for spec in METRICS for key in (spec.key, spec.spread_key) if key[1]]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    "value, unit, of, expected",
    [(0.9, "percent", "share", 90), (61.41, "share", "percent", 0.6141), (2, "years", "years", 2), (3, "", "none", 3)],
)
def test_shares_and_percents_become_one_another(value, unit, of, expected):
    assert in_unit(value, unit, of=of) == pytest.approx(expected)


def test_percents_are_shares_in_a_scores_table():
    assert [unit_of_score(spec) for spec in METRICS[:1]] == ["years"]
    assert {unit_of_score(spec) for spec in METRICS if spec.unit == "percent"} == {"share"}


ROW = Reproduces(paper="koenig2019", table="table4", row="VGG-16-IMDB-AgeDB")


@pytest.fixture
def run_of(predictions):
    table = pd.concat([scores(predictions), baseline_scores(predictions, {0: 12.0, 1: 15.0, 2: 30.0}, {0: 11.0, 1: 16.0, 2: 35.0})])

    def make(*, banner="", folds_done=3, folds_total=3, reproduces=ROW, profile="paper", people=""):
        return RunScores("row", profile, banner, folds_done, folds_total, reproduces, table, people)

    return make


def test_a_full_run_of_the_paper_stands_beside_its_numbers(run_of):
    table = compare([run_of()]).set_index("metric")
    assert table.loc["MAE (macro)", ["paper", "ours", "difference"]].tolist() == pytest.approx([2.68, 5, 2.32])
    assert table.loc["MedianAE (over folds)", ["paper", "ours"]].tolist() == [2.24, 5]
    assert table.loc["Upper quartile (over folds)", ["paper", "ours"]].tolist() == [3.35, 7]
    assert table.loc["Lower quartile (over folds)", ["paper", "ours"]].tolist() == [1.58, 3]
    assert table.loc["MAE (pooled)", ["paper", "difference"]].isna().all()
    assert table.loc["Mean-age predictor, MAE (macro)", "ours"] == pytest.approx(11 / 3)
    assert table.loc["Median-age predictor, MAE (macro)", "ours"] == pytest.approx((2 / 3 + 4 + 5) / 3)
    assert table.loc["MAE as share of mean-age predictor", "ours"] == pytest.approx(15 / 11)
    assert (table["standing"] == "").all()


@pytest.mark.parametrize(
    "warned, text",
    [({"banner": "demo: synthetic faces", "profile": "demo"}, "demo: synthetic faces"), ({"folds_total": 82}, "partial: 3 of 82 folds")],
)
def test_a_demo_or_partial_run_is_marked_and_has_no_difference(run_of, warned, text):
    table = compare([run_of(**warned)])
    assert (table["standing"] == text).all()
    assert table["difference"].isna().all()
    assert table["paper"].notna().sum() == 4


def test_a_paper_that_divides_images_is_reproduced_and_the_table_says_so(run_of):
    table = compare([run_of(people="12 % of test people also in training")]).set_index("metric")
    assert (table["standing"] == "12 % of test people also in training").all()
    assert table.loc["MAE (macro)", "difference"] == pytest.approx(2.32)


def test_other_settings_than_the_papers_have_no_difference_even_on_its_data(run_of):
    assert compare([run_of(profile="demo")])["difference"].isna().all()


def test_without_a_published_row_there_is_no_paper(run_of):
    table = compare([run_of(reproduces=None)])
    assert table["paper"].isna().all()
    assert tuple(table.columns) == COLUMNS


def test_table_5_brings_r2(run_of):
    row = Reproduces(paper="koenig2019", table="table5", row="VGG-16-Faces2")
    table = compare([run_of(reproduces=row)]).set_index("metric")
    assert table.loc["R2 (mean over folds)", "paper"] == 0.40


def test_published_scores_that_we_do_not_compute_are_named(run_of):
    row = Reproduces(paper="koenig2019", table="adience", row="VGG-16-IMDB-AgeDB")
    with pytest.raises(UserError, match=r"publishes accuracy \(macro\)"):
        compare([run_of(reproduces=row)])


def test_no_runs_are_refused():
    with pytest.raises(UserError, match="no run"):
        compare([])


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("", 82, 82), ""),
        (("", 61, 82), "partial: 61 of 82 folds"),
        (("demo: synthetic faces", 82, 82), "demo: synthetic faces"),
        (("demo: synthetic faces", 61, 82), "demo: synthetic faces; partial: 61 of 82 folds"),
        (("partial: 61 of 82 folds", 61, 82), "partial: 61 of 82 folds"),
    ],
)
def test_standing(arguments, text):
    assert run_status(*arguments) == text


@pytest.fixture
def run_of_groups(crowd_of_groups):
    def make(row, labels=("0-2", "4-6", "8-12", "15-20")):
        training = dict.fromkeys(range(5), "4-6")
        table = pd.concat([group_scores(crowd_of_groups, labels), majority_scores(crowd_of_groups, training, labels)])
        return RunScores("row", "paper", "", 5, 5, row, table)

    return make


def test_adience_stands_beside_the_thesis_with_both_standard_deviations(run_of_groups):
    """koenig2019, section 5: 61.41 +- 4.37 % and 87.80 +- 2.22 %; the run's shares become percents."""
    run = run_of_groups(Reproduces(paper="koenig2019", table="adience", row="VGG-16-IMDB-AgeDB"))
    table = compare([run]).set_index("metric")
    ours = run.scores[run.scores["aggregation"] == "macro"].set_index("metric")["value"]
    for label, metric, paper in (("Accuracy", "accuracy", (61.41, 4.37)), ("1-off accuracy", "one_off_accuracy", (87.80, 2.22))):
        line = table.loc[f"{label} (macro)"]
        assert (line["paper"], line["paper_std"], line["unit"]) == (*paper, "percent")
        assert [line["ours"], line["ours_std"]] == pytest.approx([100 * ours[metric], 100 * ours[f"{metric}_std"]])
        assert line["difference"] == pytest.approx(100 * ours[metric] - paper[0])
        assert line["low"] < line["ours"] < line["high"]
    assert table.loc["Majority predictor, accuracy (macro)", "ours"] == pytest.approx(100 * ours["majority_accuracy"])
    assert not table.index.str.startswith("Precision").any()


def test_precision_and_recall_are_shown_where_they_are_published(make_groups):
    """koenig2019, Table 6; a run by hand with 2 of 3 children found and no other photo taken for a child."""
    labels = ("0-12", "15-20", "25-100")
    frame = make_groups([0, 0, 0, 0, 0], ["0-12", "0-12", "0-12", "15-20", "25-100"], ["0-12", "0-12", "15-20", "15-20", "25-100"])
    row = Reproduces(paper="koenig2019", table="adience_three_groups", row="VGG-16-IMDB-AgeDB")
    table = compare([RunScores("row", "demo", "demo", 1, 1, row, group_scores(frame, labels))]).set_index("metric")
    assert table.loc["Accuracy (macro)", ["paper", "ours"]].tolist() == pytest.approx([92.12, 80])
    assert table.loc["Precision of 0-12 (pooled)", ["paper", "ours"]].tolist() == pytest.approx([0.955, 1])
    assert table.loc["Recall of 0-12 (pooled)", ["paper", "ours"]].tolist() == pytest.approx([0.987, 2 / 3])


def test_a_published_row_of_other_groups_is_refused(run_of_groups):
    row = Reproduces(paper="koenig2019", table="adience_three_groups", row="VGG-16-IMDB-AgeDB")
    with pytest.raises(UserError, match=r"publishes precision_0-12 \(pooled\)"):
        compare([run_of_groups(row)])
