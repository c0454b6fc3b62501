from __future__ import annotations

import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.baseline import baseline_scores
from agerepro.evaluation.compare import COLUMNS, RunScores, compare
from agerepro.evaluation.scores import scores
from agerepro.evaluation.standing import standing
from agerepro.experiment.schema import Reproduces

ROW = Reproduces(paper="koenig2019", table="table4", row="VGG-16-IMDB-AgeDB")


@pytest.fixture
def run_of(predictions):
    table = pd.concat([scores(predictions), baseline_scores(predictions, {0: 12.0, 1: 15.0, 2: 30.0})])

    def make(*, banner="", folds_done=3, folds_total=3, reproduces=ROW, profile="paper"):
        return RunScores("row", profile, banner, folds_done, folds_total, reproduces, table)

    return make


def test_a_full_run_of_the_paper_stands_beside_its_numbers(run_of):
    table = compare([run_of()]).set_index("metric")
    assert table.loc["MAE (macro)", ["paper", "ours", "difference"]].tolist() == pytest.approx([2.68, 5, 2.32])
    assert table.loc["MedianAE (over folds)", ["paper", "ours"]].tolist() == [2.24, 5]
    assert table.loc["Upper quartile (over folds)", ["paper", "ours"]].tolist() == [3.35, 7]
    assert table.loc["Lower quartile (over folds)", ["paper", "ours"]].tolist() == [1.58, 3]
    assert table.loc["MAE (pooled)", ["paper", "difference"]].isna().all()
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
    assert standing(*arguments) == text
