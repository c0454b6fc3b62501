"""Runs of one experiment under names of their own, and the table that needs them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.report.results import compare_results, plot_figures, write_results
from agerepro.report.run_result import disambiguate
from agerepro.tables import SCORES, read_table


def test_what_was_changed_becomes_part_of_the_name(make_run, tmp_path):
    usual = make_run("vgg16-imdb", row=None)
    other = replace(
        make_run("vgg16-imdb", error=2, row=None), changed=("stages.fgnet.batch_size=32", "backbone.frozen_batch_norm=batch_statistics")
    )
    third = make_run("other", row=None)
    named = disambiguate([usual, other, third])
    assert [run.experiment for run in named] == ["vgg16-imdb", "vgg16-imdb, batch_size=32, frozen_batch_norm=batch_statistics", "other"]
    assert [run.experiment for run in disambiguate([other, third])] == ["vgg16-imdb", "other"]  # alone, the banner says it
    (table, *_) = write_results(compare_results(named[:2]), tmp_path)
    text = " ".join(table.read_text().split())
    assert "batch_size=32, frozen_batch_norm=batch_statistics against vgg16-imdb" in text


def test_the_same_twice_stays_an_error(make_run, tmp_path):
    both = disambiguate([make_run("vgg16-imdb", row=None), make_run("vgg16-imdb", error=2, row=None)])
    with pytest.raises(UserError, match="Name each run once"):
        write_results(compare_results(both), tmp_path)


@pytest.fixture
def drawn(monkeypatch):
    """Names and captions of the figures that would be drawn; nothing is, since drawing takes half a second each."""
    asked = []
    for figure in ("predicted-against-true", "cumulative-score", "error-by-age", "confusion", "fold-boxes"):

        def draw(what, *others, name=figure, guess=None, on="", earlier=None, published=None):
            caption, _ = others[-2:]
            asked.append((name, caption))
            return []

        monkeypatch.setattr(f"agerepro.report.results.plot_{figure.replace('-', '_')}", draw)
    return asked


def test_two_runs_give_tables_scores_and_figures(make_run, tmp_path):
    runs = [make_run(), make_run("vgg16-imdb-agedb", error=2, row="VGG-16-IMDB-AgeDB")]
    paths = write_results(compare_results(runs), tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in paths} == {
        "table.txt",
        "table.csv",
        "table.md",
        "table.tex",
        "scores.csv",
        *(
            f"figures/{name}.{ending}"
            for ending in ("png", "pdf", "csv")
            for name in (
                "predicted-against-true-vgg16-faces2",
                "predicted-against-true-vgg16-imdb-agedb",
                "cumulative-score",
                "error-by-age",
                "fold-boxes",
            )
        ),
    }
    text = paths[0].read_text(encoding="utf-8")
    assert "demo: synthetic faces" in text.splitlines()[0] and "leave one person out" in text
    assert "vgg16-imdb-agedb against vgg16-faces2" in text and "12 folds" in text
    scores = read_table(tmp_path / "scores.csv", SCORES)
    errors = np.abs(runs[1].predictions["predicted"] - runs[1].predictions["age"])
    macro = scores[(scores["experiment"] == "vgg16-imdb-agedb") & (scores["aggregation"] == "macro")].set_index("metric")["value"]
    assert macro["mae"] == pytest.approx(errors.groupby(runs[1].predictions["fold"]).mean().mean())
    assert macro["share_of_mean_age"] == pytest.approx(macro["mae"] / macro["mean_age_mae"])


def test_a_partial_run_says_so_everywhere(make_run, tmp_path, drawn):
    run = make_run(banner="", profile="paper", done=9)
    for path in write_results(compare_results([run]), tmp_path)[:4]:
        assert "9 of 12 folds" in path.read_text(encoding="utf-8"), path.name
    assert [name for name, _ in drawn] == ["predicted-against-true", "cumulative-score", "error-by-age"]
    assert {caption.banner for _, caption in drawn} == {"partial: 9 of 12 folds"}


def test_the_same_runs_give_the_same_files(make_run, tmp_path, drawn):
    runs = [make_run(seeds=2), make_run("other", error=3, row=None)]
    first, second = write_results(compare_results(runs), tmp_path / "a"), write_results(compare_results(runs), tmp_path / "b")
    for path, again in zip(first, second):
        assert path.read_bytes() == again.read_bytes(), path.name
    assert "mean of 2 seeds" in " ".join(first[0].read_text().split())


def test_the_same_experiment_in_two_profiles_is_told_apart(make_run, tmp_path, drawn):
    write_results(compare_results([make_run(), make_run(profile="paper", banner="", error=3)]), tmp_path)
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert "vgg16-faces2 (paper) against vgg16-faces2 (demo)" in text
    assert [name for name, _ in drawn][:2] == ["predicted-against-true-vgg16-faces2--demo", "predicted-against-true-vgg16-faces2--paper"]
    assert drawn[1][1].banner == ""
    assert drawn[2][1].banner == "demo: synthetic faces"  # one demo run in a figure makes it a demo figure


def test_folds_that_do_not_match_the_predictions_are_refused(make_run, tmp_path):
    with pytest.raises(UserError, match=r"12 of 12 folds .* of 9"):
        run = make_run(done=9)
        write_results(compare_results([type(run)(**{**vars(run), "folds_done": 12})]), tmp_path)


def test_no_runs_and_a_run_twice_are_refused(make_run, tmp_path):
    with pytest.raises(UserError, match="no run to report"):
        write_results(compare_results([]), tmp_path)
    with pytest.raises(UserError, match="Two runs are both named"):
        write_results(compare_results([make_run(), make_run()]), tmp_path)


def test_eight_runs_are_drawn_in_two_figures(make_run, tmp_path, drawn):
    plot_figures([make_run(f"run-{i}", error=2 + i) for i in range(8)], tmp_path)
    assert [name for name, _ in drawn if name.startswith("cumulative-score")] == ["cumulative-score-1", "cumulative-score-2"]


def test_runs_that_are_tested_otherwise_have_figures_and_guesses_of_their_own(make_run, tmp_path, drawn, monkeypatch):
    """pan2018, Figure 4: FG-NET by people, MORPH by images; here MORPH by people as well."""
    asked = {}

    def draw(runs, caption, folder, *, guess, on, name):
        asked[name] = (list(runs), caption.run, guess["predicted"].iloc[0], on)
        return []

    monkeypatch.setattr("agerepro.report.results.plot_cumulative_score", draw)
    tested = [("morph", "by image"), ("morph", "people apart"), ("fgnet", "one person out")]
    runs = [
        replace(
            make_run(f"{loss}-{place}"),
            tested=on,
            division=division,
            protocol=f"{division}, {loss}",
            training_means=dict.fromkeys(range(12), 20.0 + place),
        )
        for loss in ("softmax", "proposed")
        for place, (on, division) in enumerate(tested)
    ]
    plot_figures(runs, tmp_path)
    assert asked == {
        "cumulative-score-morph-by-image": (["softmax-0", "proposed-0"], "softmax-0, proposed-0", 20, "morph, by image"),
        "cumulative-score-morph-people-apart": (["softmax-1", "proposed-1"], "softmax-1, proposed-1", 21, "morph, people apart"),
        "cumulative-score-fgnet": (["softmax-2", "proposed-2"], "softmax-2, proposed-2", 22, "fgnet, one person out"),
    }
    assert [name for name, _ in drawn if name.startswith("error-by-age")] == [
        name.replace("cumulative-score", "error-by-age") for name in asked
    ]


@pytest.fixture
def boxes(monkeypatch):
    """What the box plots over folds would be drawn with."""
    asked = []

    def draw(runs, caption, folder, **options):
        asked.append((list(runs), options))
        return []

    monkeypatch.setattr("agerepro.report.results.plot_fold_boxes", draw)
    return asked


def test_box_plots_over_folds_hold_the_runs_of_one_kind_beside_published_numbers(make_run, make_group_run, tmp_path, drawn, boxes):
    runs = [make_run(), make_run("vgg16-imdb-agedb", row="VGG-16-IMDB-AgeDB")]
    plot_figures([*runs, make_group_run(), make_group_run("other", row=None)], tmp_path)
    (ages, of_ages), (groups, of_groups) = boxes
    assert ages == ["vgg16-faces2", "vgg16-imdb-agedb"] and groups == ["adience", "other"]
    # koenig2019, Table 4 (the runs' own) and Table 2 (the three baselines of Figure 11).
    assert of_ages["published"] == {"vgg16-faces2": 4.78, "vgg16-imdb-agedb": 2.68}
    assert list(of_ages["earlier"].values()) == [2.39, 2.84, 3.09]
    assert "VGG-16 with Expected Value [40]" in of_ages["earlier"]
    # One of these runs is of no table: nobody says that its folds are those of the papers in Table 3.
    assert of_groups == {"earlier": {}, "published": {"adience": 61.41}, "name": "fold-boxes-groups"}


def test_one_run_has_no_box_plot(make_run, tmp_path, drawn, boxes):
    plot_figures([make_run()], tmp_path)
    assert boxes == []


def test_results_load_no_network_framework():
    code = "import sys, agerepro.report.results; print(sorted({'tensorflow', 'keras', 'cv2', 'matplotlib.pyplot'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_run_of_groups_gives_its_accuracies_and_a_confusion_matrix(make_group_run, tmp_path, drawn):
    run = make_group_run()
    paths = write_results(compare_results([run]), tmp_path)
    assert [path.name for path in paths] == ["table.txt", "table.csv", "table.md", "table.tex", "scores.csv", "confusion.csv"]
    assert [name for name, _ in drawn] == ["confusion"]
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert "61.41 +- 4.37 %" in text and "87.80 +- 2.22 %" in text
    assert "bootstrap over people (BCa)" in text
    counts = pd.read_csv(tmp_path / "confusion.csv")
    assert counts[["0-12", "15-20", "25-100"]].to_numpy().sum() == 150
    right = (run.predictions["group"] == run.predictions["predicted_group"]).mean()
    assert sum(counts.loc[i, label] for i, label in enumerate(run.groups)) / 150 == pytest.approx(right)


def test_runs_of_both_kinds_stand_in_one_table_each_with_its_own_figures(make_run, make_group_run, tmp_path, drawn):
    write_results(compare_results([make_group_run(), make_run()]), tmp_path)
    assert [name for name, _ in drawn] == ["confusion-adience", "predicted-against-true-vgg16-faces2", "cumulative-score", "error-by-age"]
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert "Accuracy (macro)" in text and "MAE (macro), years" in text
    assert (tmp_path / "confusion-adience.csv").is_file()


def test_epochs_and_genders_are_written_where_they_are_known(make_run, with_epochs, tmp_path, drawn):
    run = with_epochs(make_run())
    run = type(run)(**{**vars(run), "genders": dict.fromkeys(run.predictions["photo"], "f")})
    assert [path.name for path in write_results(compare_results([run]), tmp_path)[5:]] == ["error-by-gender.csv", "epochs.csv"]
    epochs = pd.read_csv(tmp_path / "epochs.csv")
    overall = epochs[epochs["fold"] == "all"].set_index("choice")["value"]
    scores = read_table(tmp_path / "scores.csv", SCORES)
    macro = scores[(scores["aggregation"] == "macro") & (scores["metric"] == "mae")]["value"].item()
    assert overall["last"] == pytest.approx(macro)
    assert overall["least_validation_loss"] == pytest.approx(macro + 1)
    assert pd.read_csv(tmp_path / "error-by-gender.csv")["gender"].tolist() == ["f"]


def test_a_run_that_is_not_of_the_kind_it_says_is_refused(make_run, make_group_run, tmp_path):
    run = make_group_run()
    with pytest.raises(UserError, match=r"adience .* ages, .* groups"):
        write_results(compare_results([type(run)(**{**vars(run), "groups": ()})]), tmp_path)
