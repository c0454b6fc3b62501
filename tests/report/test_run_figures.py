"""Figures of a run folder: what is read of it, what is drawn, and what is left out where the data are missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.config.divisions import LeaveOneSubjectOut, PredefinedFolds
from agerepro.config.learning import Adam, Age, AgeGroups
from agerepro.config.schema import Backbone, Experiment, Faces, Stage
from agerepro.errors import UserError
from agerepro.report.loading import LoadedRun
from agerepro.report.run_figures import example_photos, fold_histories, plot_run, shared_histories
from agerepro.runs.layout import Run
from agerepro.tables import AGES, PHOTOS, PREDICTIONS, coerce, write_table

LABELS = ("0-12", "15-20", "25-100")


def history(epochs, score, value):
    return pd.DataFrame({"epoch": range(1, epochs + 1), "learning_rate": 0.1, "loss": 2.0, score: value, "validation_loss": np.nan})


def stage_on_disk(runs, name, digest, start, epochs=2):
    folder = runs / "stages" / f"{name}-vgg16-{digest}"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"stage": {"name": name, "epochs": epochs}, "start": start}))
    history(epochs, "mae", 9.0).to_csv(folder / "history.csv", index=False)


@pytest.fixture
def on_disk(tmp_path):
    """Writes a RunResult as a run folder whose folds start from agedb, which starts from imdb, which starts from published weights."""

    def write(result, *, groups=(), epochs=2, value_head=False, starts=None):
        folder = tmp_path / "runs" / "paper" / result.experiment / "demo-0123"
        target = {"target": AgeGroups(labels=groups)} if groups else {}
        protocol = PredefinedFolds() if groups else LeaveOneSubjectOut(validation_subjects=0)
        last = Stage(
            name="last", data="fgnet", epochs=epochs, batch_size=8, optimizer=Adam(0.1), protocol=protocol, start_from="scratch", **target
        )
        experiment = Experiment(
            faces=Faces(), backbone=Backbone(name="vgg16"), stages=(last,), decode="argmax" if groups else "expectation"
        )
        stage_on_disk(tmp_path / "runs", "agedb", "a" * 16, "b" * 16)
        stage_on_disk(tmp_path / "runs", "imdb", "b" * 16, "rcmalli_vggface.h5 " + "c" * 64, epochs=3)
        frame = result.predictions
        for fold, part in frame.groupby("fold"):
            place = folder / "folds" / f"{fold:03d}"
            write_table(place / "predictions.csv", part, PREDICTIONS)
            history(epochs, "accuracy" if groups else "mae", 0.5).to_csv(place / "history.csv", index=False)
            bins = np.arange(len(groups) or 70) if not value_head else np.zeros(0)
            np.savez(place / "posteriors.npz", posteriors=shares_of(part, len(bins)), bins=bins)
        photos = coerce(frame[["photo", "subject", "age", "group"]].assign(path=frame["photo"]), PHOTOS)
        return LoadedRun(Run(folder), experiment, result, photos, pd.DataFrame(), {"starts": starts or {"0": "a" * 16}})

    return write


def shares_of(part, bins):
    """Rows that sum to one and differ from photo to photo by its number."""
    number = part["photo"].str.extract(r"(\d+)")[0].astype(int).to_numpy()
    raw = 1 + ((number[:, None] * 7 + np.arange(max(bins, 1)) * 3) % 11)
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def names_of(paths):
    return [path.stem for path in paths if path.suffix == ".png"]


def test_a_run_of_ages_is_drawn_with_all_that_its_folder_holds(make_run, on_disk, tmp_path):
    result = make_run()
    run = on_disk(result)
    expected = ["training-curves", "ages", "age-confusion", "example-distributions"]
    assert names_of(plot_run(run, tmp_path / "a")) == expected
    write_table(run.run.folder / "ages.csv", pd.DataFrame({"data": ["imdb"], "age": [3.0], "photos": [7]}), AGES)
    assert names_of(plot_run(run, tmp_path / "b")) == [*expected[:3], "age-distributions", expected[3]]
    curves = pd.read_csv(tmp_path / "a" / "training-curves.csv")
    assert curves.groupby("stage", sort=False)["trainings"].max().to_dict() == {"imdb": 1, "agedb": 1, "last": 12}


def test_a_run_of_groups_is_drawn_with_its_own_kinds(make_group_run, on_disk, tmp_path):
    result = make_group_run()
    run = on_disk(result, groups=LABELS)
    assert names_of(plot_run(run, tmp_path / "a")) == ["training-curves", "groups", "example-distributions"]
    counted = pd.read_csv(tmp_path / "a" / "groups.csv").set_index("group")["photos"]
    assert counted.to_dict() == result.predictions["group"].value_counts().to_dict()


def test_the_chain_of_shared_stages_ends_at_published_weights_and_where_the_disk_has_no_more(make_run, on_disk):
    run = on_disk(make_run())
    assert [(stage.stage, len(stage.histories[0])) for stage in shared_histories(run)] == [("imdb", 3), ("agedb", 2)]
    gone = replace(run, provenance={"starts": {"0": "d" * 16, "1": "scratch"}})
    assert shared_histories(gone) == []


def test_seeds_have_their_own_histories(make_run, on_disk):
    result = make_run()
    run = on_disk(result, starts={"0": "a" * 16, "1": "b" * 16})
    assert {stage.stage: len(stage.histories) for stage in shared_histories(run)} == {"imdb": 2, "agedb": 1}
    assert {stage.stage: len(stage.histories) for stage in shared_histories(run, seeds=(1,))} == {"imdb": 1}
    (folds,) = fold_histories(run, result.predictions[result.predictions["fold"] < 5])
    assert len(folds.histories) == 5


def test_examples_run_from_the_least_error_to_the_greatest_in_equal_steps_of_rank(make_run, on_disk):
    result = make_run()
    examples = example_photos(on_disk(result))
    errors = (result.predictions["predicted"] - result.predictions["age"]).abs().to_numpy()
    rising = np.sort(errors)
    expected = [rising[round(k * (len(rising) - 1) / 5)] for k in range(6)]
    assert [abs(example.predicted - example.truth) for example in examples] == pytest.approx(expected)
    rows = result.predictions.set_index("photo")
    for example in examples:
        assert (example.truth, example.predicted) == (rows.loc[example.photo, "age"], rows.loc[example.photo, "predicted"])
        np.testing.assert_array_equal(example.probabilities, shares_of(pd.DataFrame({"photo": [example.photo]}), 70)[0])


def test_examples_of_residuals_lie_at_the_ages_that_these_come_to(make_run, on_disk):
    run = on_disk(make_run())
    stage = run.experiment.stages[-1]
    residual = replace(run, experiment=replace(run.experiment, stages=(replace(stage, target=Age(residual_of="apparent")),)))
    offsets = {}
    for place in (run.run.folder / "folds").iterdir():
        arrays = dict(np.load(place / "posteriors.npz"))
        photos = pd.read_csv(place / "predictions.csv")["photo"]
        offsets |= {photo: 40 + number / 4 for number, photo in enumerate(photos)}
        np.savez(place / "posteriors.npz", **arrays, offset=40 + np.arange(len(photos)) / 4)
    for plain, example in zip(example_photos(run), example_photos(residual), strict=True):
        np.testing.assert_allclose(example.values, plain.values + offsets[example.photo])
        np.testing.assert_array_equal(example.probabilities, plain.probabilities)


def test_examples_of_groups_run_from_the_most_probable_true_group_to_the_least(make_group_run, on_disk):
    result = make_group_run()
    of_truth = [example.probabilities[int(example.truth)] for example in example_photos(on_disk(result, groups=LABELS))]
    assert len(of_truth) == 6 and of_truth == sorted(of_truth, reverse=True)


def test_a_network_that_gives_years_has_no_distributions_and_an_untrained_one_no_curves(make_run, on_disk, tmp_path):
    result = replace(make_run(), banner="")
    run = on_disk(result, epochs=0, value_head=True, starts={"0": "scratch"})
    assert names_of(plot_run(run, tmp_path / "a")) == ["ages", "age-confusion"]


@pytest.mark.parametrize("name", ["ages.csv", "folds/003/history.csv", "folds/003/posteriors.npz", "folds/003/predictions.csv"])
def test_a_damaged_file_is_named(make_run, on_disk, tmp_path, name):
    run = on_disk(make_run())
    (run.run.folder / name).write_bytes(b"")
    with pytest.raises(UserError, match=rf"{name}.*`agerepro run`"):
        plot_run(run, tmp_path / "figures")


@pytest.mark.parametrize("name", ["history.csv", "settings.json"])
def test_a_damaged_file_of_a_shared_stage_is_named(make_run, on_disk, name):
    run = on_disk(make_run())
    (path,) = (run.runs / "stages").glob(f"imdb-*/{name}")
    path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"imdb-.*/{name}.*`agerepro run`"):
        shared_histories(run)
