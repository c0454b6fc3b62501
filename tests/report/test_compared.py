"""Figures of several runs: which photos stand in them, with which truths, and whether faces are shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.config.learning import Age
from agerepro.report import compared
from agerepro.report.compared import EXAMPLES, compared_examples, plot_compared, runs_of_same_photos
from agerepro.report.loading import load_run
from agerepro.report.run_figures import plot_ages_known
from agerepro.tables import PHOTOS, write_table


@pytest.fixture
def runs(make_folder):
    """Two runs of the same photos."""
    return [load_run(make_folder(name=name, error=error).folder, partial=False) for name, error in (("one", 3.0), ("other", 9.0))]


def with_apparent(run, *, judged_by="age", gap=2.5):
    """The run on photos that look `gap` years older than they are."""
    photos, experiment = run.photos.assign(apparent_age=run.photos["age"] + gap), run.experiment
    if judged_by != "age":
        photos = photos.assign(age=photos[judged_by])
        last = replace(experiment.stages[-1], target=Age(column=judged_by))
        experiment = replace(experiment, stages=(*experiment.stages[:-1], last))
        result = replace(run.result, predictions=run.result.predictions.assign(age=lambda frame: frame["age"] + gap))
        return replace(run, photos=photos, experiment=experiment, result=result)
    return replace(run, photos=photos, experiment=experiment)


def keep_prepared_photos(run):
    place = run.runs / "faces" / run.provenance["data"][run.dataset]["prepared"]
    write_table(place / "photos.csv", run.photos, PHOTOS)


def test_photos_of_a_data_set_without_apparent_ages_have_one_age(runs, tmp_path):
    assert runs[0].both_ages() is None and plot_ages_known(runs[0], tmp_path) == []


def test_both_ages_are_known_whichever_the_run_is_judged_by(runs):
    real = runs[0].photos.set_index("photo")["age"]
    by_apparent = with_apparent(runs[0], judged_by="apparent_age")
    assert by_apparent.both_ages() is None  # the faces are gone, and the real age with them
    keep_prepared_photos(runs[0])
    for ages in (with_apparent(runs[0]).both_ages(), by_apparent.both_ages()):
        np.testing.assert_allclose(ages["age"], real)
        np.testing.assert_allclose(ages["apparent_age"], real + 2.5)


def test_tested_photos_that_lack_one_of_the_two_have_no_figure(runs, tmp_path):
    run = with_apparent(runs[0])
    run.photos.loc[0, "apparent_age"] = np.nan
    assert run.both_ages() is None and plot_ages_known(run, tmp_path) == []


def test_examples_go_from_the_least_error_of_the_last_run_to_the_greatest(runs):
    examples, truths = compared_examples({"a": runs[0], "b": runs[1]})
    frame = runs[1].result.predictions.set_index("photo")
    errors = (frame["predicted"] - frame["age"]).abs()
    assert truths == ["true age"] and len(examples) == min(EXAMPLES, len(frame))
    assert examples["error"].is_monotonic_increasing
    assert (examples["error"].iloc[0], examples["error"].iloc[-1]) == pytest.approx((errors.min(), errors.max()))
    for label, run in (("a", runs[0]), ("b", runs[1])):
        predicted = run.result.predictions.set_index("photo")["predicted"]
        np.testing.assert_allclose(examples[label], predicted[examples["photo"]])


def test_runs_judged_by_different_ages_show_both(runs):
    keep_prepared_photos(runs[0])
    examples, truths = compared_examples({"a": with_apparent(runs[0], judged_by="apparent_age"), "b": with_apparent(runs[1])})
    assert truths == ["real age", "apparent age"]
    np.testing.assert_allclose(examples["apparent age"] - examples["real age"], 2.5)
    np.testing.assert_allclose(examples["error"], (examples["b"] - examples["real age"]).abs())


def test_runs_of_other_photos_are_not_compared(runs, make_folder, tmp_path):
    fewer = load_run(make_folder(name="fewer", people=4).folder, partial=False)
    assert runs_of_same_photos([fewer, *runs]) == runs and runs_of_same_photos([*runs, fewer]) == [fewer]
    assert plot_compared([runs[0], fewer], tmp_path) == []


def test_faces_are_shown_where_they_may_be(runs, tmp_path, monkeypatch):
    shown = []

    def plot(examples, pictures, *more, **options):
        shown.append(set(pictures) == set(examples["photo"]))
        return []

    monkeypatch.setattr(compared, "plot_compared_examples", plot)
    real = [replace(run, provenance=run.provenance | {"synthetic": []}) for run in runs]
    plot_compared(runs, tmp_path)
    plot_compared(real, tmp_path)
    plot_compared(real, tmp_path, faces="in")
    plot_compared(runs, tmp_path, faces="out")
    assert shown == [True, False, True, False]


def test_both_ages_and_examples_are_drawn_together(runs, tmp_path):
    written = plot_compared([with_apparent(run) for run in runs], tmp_path)
    assert [path.stem for path in written if path.suffix == ".png"] == ["apparent-ages", "real-and-apparent-age", "examples-compared"]
    assert {"one", "other", "real age", "apparent age"} <= set(pd.read_csv(tmp_path / "examples-compared.csv").columns)
