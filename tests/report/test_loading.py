"""What folds leave on disk after each epoch -> their errors and losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from agerepro.config.loading import to_dict
from agerepro.config.schema import Adam, AgeGroups, Backbone, Experiment, Faces, LeaveOneSubjectOut, PredefinedFolds, Stage
from agerepro.errors import UserError
from agerepro.io import write_manifest
from agerepro.report import loading
from agerepro.report.loading import load_epochs, only, within, write_report
from agerepro.runs.layout import Run
from agerepro.tables import FOLDS, PHOTOS, PREDICTIONS, SCORES, coerce, read_table, write_table


def experiment(**stage):
    last = {"name": "a", "data": "fgnet", "epochs": 2, "batch_size": 1, "optimizer": Adam(0.1), "protocol": LeaveOneSubjectOut()} | stage
    return Experiment(faces=Faces(), backbone=Backbone(name="vgg16"), stages=(Stage(**last),))


@pytest.fixture
def run(tmp_path):
    """Fold 3 of two photos, ages 10 and 30, sure of 10 and 20 after the first epoch, of 10 and 30 after the second."""
    folder = tmp_path / "row" / "demo-0123" / "folds" / "003"
    frame = pd.DataFrame({"photo": ["b", "a"], "age": [10.0, 30.0], "predicted": [10.0, 30.0], "group": ["0-12", "25-100"]})
    about = {"experiment": "row", "profile": "demo", "fold": 3, "seed": 0, "subject": "p", "predicted_group": ""}
    write_table(folder / "predictions.csv", coerce(frame.assign(**about), PREDICTIONS), PREDICTIONS)
    pd.DataFrame({"epoch": [1, 2], "validation_loss": [0.5, 0.7]}).to_csv(folder / "history.csv", index=False)
    sure = 100 * np.array([[[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 0, 1]]], dtype=np.float32)
    np.savez(folder / "by_epoch.npz", outputs=sure, bins=np.array([10, 20, 30], np.float32))
    return Run(tmp_path / "row" / "demo-0123")


def test_a_fold_is_read_with_its_photos_errors_and_losses(run):
    found = load_epochs(run, experiment(), [3])
    (fold,) = found.folds
    assert (fold.fold, fold.seed, fold.photos, found.reported, found.tta) == (3, 0, ("b", "a"), "last", "none")
    assert fold.errors == pytest.approx(np.array([[0, 10], [0, 0]]), abs=1e-9)
    assert fold.validation_loss.tolist() == [0.5, 0.7]


def test_groups_are_wrong_or_right(run):
    labels, file = AgeGroups(labels=("0-12", "15-20", "25-100")), run.fold_folder(0, 3, first_seed=0) / "by_epoch.npz"
    with np.load(file) as arrays:
        np.savez(file, outputs=arrays["outputs"], bins=np.arange(3, dtype=np.float32))
    (fold,) = load_epochs(run, experiment(target=labels, protocol=PredefinedFolds(), checkpoint_selection="best_validation"), [3]).folds
    assert fold.errors.tolist() == [[0, 1], [0, 0]]
    assert load_epochs(run, experiment(checkpoint_selection="best_validation"), [3]).reported == "least_validation_loss"


def test_fewer_photos(run):
    (fold,) = only(load_epochs(run, experiment(), [3]), {"a"}).folds
    assert fold.photos == ("a",)
    assert fold.errors == pytest.approx(np.array([[10], [0]]), abs=1e-9)


def test_one_epoch_is_no_choice_and_nothing_is_read(run):
    assert load_epochs(run, experiment(epochs=1), [99]).folds == ()
    assert load_epochs(run, experiment(epochs=0), [99]).folds == ()


def test_files_that_tell_of_different_epochs_are_refused(run):
    file = run.fold_folder(0, 3, first_seed=0) / "history.csv"
    pd.DataFrame({"epoch": [1], "validation_loss": [0.5]}).to_csv(file, index=False)
    with pytest.raises(UserError, match=r"history.csv has 1 epochs, by_epoch.npz 2"):
        load_epochs(run, experiment(), [3])


@pytest.fixture
def photos(make_run):
    """The photos of `make_run`: every third age is known within 1 year, the next within 5, the rest not at all."""
    frame = make_run().predictions
    spread = np.resize([1.0, 5.0, np.nan], len(frame))
    return coerce(frame[["photo", "subject", "age"]].assign(path=frame["photo"], age_std=spread), PHOTOS)


@pytest.fixture
def halves(make_run):
    """A run in three folds of many photos, and another that errs less."""

    def grouped(run):
        return loading.replace(
            run,
            predictions=run.predictions.assign(fold=run.predictions["fold"] % 3),
            folds_done=3,
            folds_total=3,
            training_means={0: 30.0, 1: 31.0, 2: 32.0},
        )

    return [grouped(make_run(row=None)), grouped(make_run("other", error=2, row=None))]


def test_only_photos_of_well_known_age_are_kept(halves, photos):
    kept = within(halves[0], photos, years=1)
    expected = photos.loc[photos["age_std"] == 1, "photo"]
    assert sorted(kept.predictions["photo"]) == sorted(expected) and 0 < len(expected) < len(photos) / 2
    assert kept.protocol == f"leave one person out; tested on the {len(expected)} of {len(photos)} photos whose age is known within 1 years"
    assert kept.training_means == halves[0].training_means
    assert len(within(halves[0], photos, years=5).predictions) == photos["age_std"].notna().sum()  # 5 itself counts, NaN does not


def test_a_fold_without_such_a_photo_is_named(halves, photos):
    with pytest.raises(UserError, match=r"no photo of fold 0, 1, 2 has an age known within 0.5 years .* Give --within-std more years"):
        within(halves[0], photos, years=0.5)


def test_tables_on_fewer_photos_lie_beside_the_others_and_say_so(halves, photos, tmp_path, monkeypatch):
    folders = [tmp_path / "runs" / "paper" / run.experiment / "demo-0123" for run in halves]
    for folder in folders:
        write_table(folder / "photos.csv", photos, PHOTOS)
    monkeypatch.setattr(loading, "load_result", lambda folder, *, partial: halves[folders.index(folder)])
    monkeypatch.setattr("agerepro.report.results.plot_figures", lambda runs, folder: [])
    monkeypatch.setattr("agerepro.report.loading.plot_run", lambda run, result, folder: [])
    said = []
    assert write_report(folders[:1], partial=False, out=said.append) == folders[0] / "results"
    place = write_report(folders[:1], partial=False, out=said.append, within_std=1)
    assert place == folders[0] / "results-std-1"
    sure = halves[0].predictions.merge(photos.loc[photos["age_std"] == 1, ["photo"]], on="photo")
    scores = read_table(place / "scores.csv", SCORES)
    pooled = scores[(scores["aggregation"] == "pooled") & (scores["metric"] == "mae")]["value"].item()
    assert pooled == pytest.approx((sure["predicted"] - sure["age"]).abs().mean())
    both = write_report(folders, partial=False, out=said.append, within_std=2.5)
    assert both.parent == tmp_path / "runs" / "paper" and both.name.startswith("results-demo-") and both.name.endswith("-std-2.5")
    for ending in ("txt", "md", "tex"):
        text = " ".join((both / f"table.{ending}").read_text(encoding="utf-8").split())
        assert f"tested on the {len(sure)} of {len(photos)} photos whose age is known within 2.5 years." in text, ending


def test_epochs_are_tested_on_the_same_photos(halves, photos, with_epochs):
    kept = within(with_epochs(halves[0]), photos, years=1)
    assert kept.epochs is not None
    assert sorted(photo for fold in kept.epochs.folds for photo in fold.photos) == sorted(kept.predictions["photo"])
    last = sum(fold.errors[-1].sum() for fold in kept.epochs.folds)
    assert last == pytest.approx(np.abs(kept.predictions["predicted"] - kept.predictions["age"]).sum())


def test_a_run_of_groups_on_disk_knows_its_labels_and_the_most_frequent_of_each_training_part(make_group_run, tmp_path):
    """Groups of the data, narrower than the network's, are merged; 0-2 and 4-6 are children, and most of fold 0's training part."""
    folder, labels = tmp_path / "adience" / "demo-0123", ("0-12", "15-20", "25-100")
    stage = Stage(
        name="a",
        data="adience",
        epochs=1,
        batch_size=1,
        optimizer=Adam(0.1),
        protocol=PredefinedFolds(),
        target=AgeGroups(labels=labels),
        start_from="scratch",
    )
    experiment = Experiment(faces=Faces(), backbone=Backbone(name="vgg16"), stages=(stage,), decode="argmax")
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(yaml.safe_dump(to_dict(experiment)), encoding="utf-8")
    (folder / "provenance.json").write_text('{"synthetic": true, "changed": []}', encoding="utf-8")
    names, own = [f"adience/{i}.jpg" for i in range(6)], ["15-20", "0-2", "4-6", "25-32", "25-32", "38-43"]
    frame = pd.DataFrame({"photo": names, "path": names, "subject": list("abcdef"), "group": own, "gender": [*"fmfmf", ""]})
    write_table(folder / "photos.csv", coerce(frame, PHOTOS), PHOTOS)
    parts = {0: ["test", "train", "train", "train", "validation", "validation"], 1: ["train", "test", "test", "train", "train", "train"]}
    write_table(folder / "folds.csv", pd.concat([pd.DataFrame({"fold": k, "photo": names, "part": of}) for k, of in parts.items()]), FOLDS)
    for fold in (0, 1):
        place = folder / "folds" / f"{fold:03d}"
        about = {"experiment": "adience", "profile": "demo", "fold": fold, "seed": 0}
        tested = pd.DataFrame({"photo": [names[fold]], "subject": ["ab"[fold]], "group": [labels[1 - fold]], "predicted_group": ["0-12"]})
        write_table(place / "predictions.csv", coerce(tested.assign(**about), PREDICTIONS), PREDICTIONS)
        write_manifest(place, ["predictions.csv"])
    run = loading.load_result(folder, partial=False)
    assert run.groups == labels and run.training_groups == {0: "0-12", 1: "25-100"} and run.training_means == {}
    assert run.genders["adience/1.jpg"] == "m" and run.genders["adience/5.jpg"] == ""
    assert run.epochs is not None and run.epochs.folds == ()
    assert run.predictions["predicted_group"].tolist() == ["0-12", "0-12"]
