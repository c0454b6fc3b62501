"""Runs on disk -> results: what is read, what a damaged file says, and what a partial copy may be taken for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from agerepro.config.divisions import LeaveOneSubjectOut, PredefinedFolds
from agerepro.config.learning import Adam, AgeGroups
from agerepro.config.loading import to_dict
from agerepro.config.schema import Backbone, Experiment, Faces, Stage
from agerepro.errors import CheckFailed, UserError
from agerepro.evaluation.compare import compare
from agerepro.io import write_manifest
from agerepro.report.loading import LoadedRun, load_epochs, load_run, restrict_epochs, within
from agerepro.report.results import score_run
from agerepro.runs.layout import Run
from agerepro.tables import FOLDS, PHOTOS, PREDICTIONS, coerce, write_table


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
    epochs = load_epochs(run, experiment(), [3])
    (fold,) = epochs.folds
    assert (fold.fold, fold.seed, fold.photos, epochs.reported, epochs.tta) == (3, 0, ("b", "a"), "last", "none")
    assert fold.errors == pytest.approx(np.array([[0, 10], [0, 0]]), abs=1e-9)
    assert fold.validation_loss.tolist() == [0.5, 0.7]


def test_groups_are_wrong_or_right(run):
    labels, file = AgeGroups(labels=("0-12", "15-20", "25-100")), run.fold_folder(0, 3) / "by_epoch.npz"
    with np.load(file) as arrays:
        np.savez(file, outputs=arrays["outputs"], bins=np.arange(3, dtype=np.float32))
    (fold,) = load_epochs(run, experiment(target=labels, protocol=PredefinedFolds(), checkpoint_selection="best_validation"), [3]).folds
    assert fold.errors.tolist() == [[0, 1], [0, 0]]
    assert load_epochs(run, experiment(checkpoint_selection="best_validation"), [3]).reported == "least_validation_loss"


def test_epochs_can_be_restricted_to_fewer_photos(run):
    (fold,) = restrict_epochs(load_epochs(run, experiment(), [3]), {"a"}).folds
    assert fold.photos == ("a",)
    assert fold.errors == pytest.approx(np.array([[10], [0]]), abs=1e-9)


def test_one_epoch_is_no_choice_and_nothing_is_read(run):
    assert load_epochs(run, experiment(epochs=1), [99]).folds == ()
    assert load_epochs(run, experiment(epochs=0), [99]).folds == ()


def test_files_of_different_numbers_of_epochs_are_refused(run):
    file = run.fold_folder(0, 3) / "history.csv"
    pd.DataFrame({"epoch": [1], "validation_loss": [0.5]}).to_csv(file, index=False)
    with pytest.raises(UserError, match=r"by_epoch.npz is of shape \(2, 2, 3\).*history.csv has 1 .*agerepro run"):
        load_epochs(run, experiment(), [3])


@pytest.fixture
def dated(make_run):
    """A run of many photos in three folds: every third age is known within 1 year, the next within 5, the rest not at all."""
    result = make_run(row=None)
    frame = result.predictions
    photos = frame[["photo", "subject", "age"]].assign(path=frame["photo"], age_std=np.resize([1.0, 5.0, np.nan], len(frame)))
    result = replace(
        result,
        predictions=frame.assign(fold=frame["fold"] % 3),
        folds_done=3,
        folds_total=3,
        training_means={0: 30.0, 1: 31.0, 2: 32.0},
    )
    return LoadedRun(Run(Path("row/demo-0")), experiment(), result, coerce(photos, PHOTOS), pd.DataFrame(), {})


def test_only_photos_of_well_known_age_are_tested(dated):
    result = within(dated, years=1)
    expected = dated.photos.loc[dated.photos["age_std"] == 1, "photo"]
    assert sorted(result.predictions["photo"]) == sorted(expected) and 0 < len(expected) < len(dated.photos) / 2
    assert f"{len(expected)} of {len(dated.photos)} photos" in result.protocol and "1 years" in result.protocol
    assert result.training_means == dated.result.training_means
    # 5 itself counts, NaN does not.
    assert len(within(dated, years=5).predictions) == dated.photos["age_std"].notna().sum()


def test_a_fold_without_such_a_photo_is_named(dated):
    with pytest.raises(UserError, match=r"fold 0, 1, 2 .*0\.5 years.*--within-std"):
        within(dated, years=0.5)


def test_epochs_are_tested_on_the_same_photos(dated, with_epochs):
    result = within(replace(dated, result=with_epochs(dated.result)), years=1)
    assert result.epochs is not None
    assert sorted(photo for fold in result.epochs.folds for photo in fold.photos) == sorted(result.predictions["photo"])
    last = sum(fold.errors[-1].sum() for fold in result.epochs.folds)
    assert last == pytest.approx(np.abs(result.predictions["predicted"] - result.predictions["age"]).sum())


def test_a_run_of_groups_on_disk_knows_its_labels_and_the_most_frequent_of_each_training_part(tmp_path):
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
    (folder / "provenance.json").write_text(
        '{"synthetic": [], "changed": [], "starts": {}, "data": {"adience": {"digest": "0"}}}', encoding="utf-8"
    )
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
        write_manifest(place)
    run = load_run(folder, partial=False).result
    assert run.groups == labels and run.training_groups == {0: "0-12", 1: "25-100"} and run.training_means == {}
    assert run.genders["adience/1.jpg"] == "m" and run.genders["adience/5.jpg"] == ""
    assert run.epochs is not None and run.epochs.folds == ()
    assert run.predictions["predicted_group"].tolist() == ["0-12", "0-12"]


def test_a_run_is_read_with_all_that_its_folder_says(make_folder):
    made = make_folder()
    loaded = load_run(made.folder, partial=False)
    assert (loaded.dataset, loaded.synthetic, loaded.first_seed) == ("fgnet", True, 0)
    assert (loaded.result.folds_done, loaded.result.folds_total, loaded.result.banner) == (6, 6, "demo: synthetic faces")
    assert loaded.first_seed_predictions["photo"].tolist() == sorted(made.photos["photo"])
    assert [place.name for place in loaded.fold_folders(loaded.result.predictions)] == [f"{fold:03d}" for fold in range(6)]
    # Fold 0 trains on all photos but those of the first person.
    others = made.photos.loc[made.photos["subject"] != made.photos["subject"][0], "age"]
    assert loaded.result.training_means[0] == pytest.approx(others.mean())
    assert loaded.result.training_medians[0] == pytest.approx(others.median())
    assert (loaded.result.tested, loaded.result.division) == ("fgnet", "leave-one-person-out")


def test_what_a_run_is_tested_on_names_the_number_that_is_not_the_age(make_folder):
    made = make_folder()
    settings = yaml.safe_load((made.folder / "experiment.yaml").read_text(encoding="utf-8"))
    settings["stages"][-1]["target"] = {"age": "apparent_age"}
    (made.folder / "experiment.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert load_run(made.folder, partial=False).result.tested == "fgnet, apparent age"


RUN_FILES = ("provenance.json", "experiment.yaml", "folds.csv", "photos.csv")
FOLD_FILES = ("predictions.csv", "history.csv", "by_epoch.npz", "posteriors.npz")


def empty(path):
    path.write_bytes(b"")


def cut_off(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def fill_with_noise(path):
    path.write_bytes(bytes(range(128, 256)))


@pytest.mark.parametrize("damage", [empty, cut_off, fill_with_noise, Path.unlink])
@pytest.mark.parametrize("name", RUN_FILES)
def test_a_damaged_file_of_a_run_is_named_with_what_to_do(make_folder, name, damage):
    made = make_folder()
    damage(made.folder / name)
    with pytest.raises(UserError) as error:
        load_run(made.folder, partial=False)
    assert name in str(error.value) and "`agerepro run`" in str(error.value) and error.value.exit_code == 2


@pytest.mark.parametrize("content", ["{}", "[]", "null", "7", '{"changed": [], "data": {}, "starts": {}, "synthetic": []}'])
def test_a_provenance_that_lacks_what_a_run_notes_is_damaged(make_folder, content):
    made = make_folder()
    (made.folder / "provenance.json").write_text(content)
    with pytest.raises(UserError, match=r"provenance.json is damaged .*`agerepro run`"):
        load_run(made.folder, partial=False)


def test_folds_that_end_before_those_on_disk_are_damaged(make_folder):
    made = make_folder()
    path = made.folder / "folds.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("5,")))
    with pytest.raises(UserError, match=r"folds.csv is damaged .*fold 5"):
        load_run(made.folder, partial=False)


@pytest.mark.parametrize("damage", [empty, cut_off, Path.unlink])
@pytest.mark.parametrize("name", [*FOLD_FILES, "manifest.json"])
def test_a_fold_whose_files_have_not_their_sizes_counts_as_missing(make_folder, name, damage):
    made = make_folder()
    damage(made.folder / "folds" / "004" / name)
    with pytest.raises(CheckFailed, match=r"5 of 6 folds.*`agerepro run`.*--partial"):
        load_run(made.folder, partial=False)
    assert load_run(made.folder, partial=True).result.standing.endswith("partial: 5 of 6 folds")


@pytest.mark.parametrize("name", FOLD_FILES[:3])
def test_a_flipped_byte_is_noticed_when_the_file_is_read_and_the_fold_counts_as_missing_from_then_on(make_folder, name):
    made = make_folder()
    file = made.folder / "folds" / "004" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckFailed, match=rf"folds/004/{name}.*`agerepro run`"):
        load_run(made.folder, partial=True)
    assert load_run(made.folder, partial=True).result.standing.endswith("partial: 5 of 6 folds")


def test_files_that_are_not_read_are_not_compared(make_folder):
    made = make_folder()
    file = made.folder / "folds" / "004" / "posteriors.npz"
    file.write_bytes(bytes(file.stat().st_size))
    assert load_run(made.folder, partial=False).result.folds_done == 6


def test_a_fold_of_other_settings_is_not_mixed_in(make_folder):
    made = make_folder()
    write_manifest(made.folder / "folds" / "004", made_by="other settings")
    for partial in (False, True):
        with pytest.raises(CheckFailed, match=r"folds/004 was made by other settings"):
            load_run(made.folder, partial=partial)


@pytest.mark.parametrize("damage", [empty, cut_off, fill_with_noise])
@pytest.mark.parametrize("name", FOLD_FILES[:3])
def test_a_fold_that_was_finished_with_a_damaged_file_is_no_traceback(make_folder, name, damage):
    made = make_folder()
    place = made.folder / "folds" / "004"
    damage(place / name)
    write_manifest(place, made_by="settings")
    with pytest.raises(UserError, match=rf"folds/004.*{name}.*`agerepro run`"):
        load_run(made.folder, partial=False)


def test_a_run_without_a_finished_fold_says_so_also_with_partial(make_folder):
    made = make_folder()
    for manifest in made.folder.glob("folds/*/manifest.json"):
        manifest.unlink()
    with pytest.raises(UserError, match="No fold of"):
        load_run(made.folder, partial=True)


def test_a_file_that_may_not_be_read_is_named(make_folder, monkeypatch):
    made = make_folder()

    def refuse(path, table):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("agerepro.report.run_files.read_table", refuse)
    with pytest.raises(UserError, match=r"folds.csv cannot be read: Permission denied"):
        load_run(made.folder, partial=False)


def difference(made):
    return compare([score_run(load_run(made.folder, partial=False).result)])["difference"]


def test_a_partial_copy_is_told_in_the_banner_and_is_no_reproduction(make_folder):
    part = make_folder(profile="paper", synthetic=(), shortfall="972 of 1,002 photos of fgnet")
    assert load_run(part.folder, partial=False).result.banner == "partial copy: 972 of 1,002 photos of fgnet"
    assert difference(part).isna().all()


@pytest.mark.parametrize("shortfall", [None, ""])  # an older run, and a complete copy
def test_a_complete_copy_is_compared_with_the_paper(make_folder, shortfall):
    made = make_folder(profile="paper", synthetic=(), shortfall=shortfall)
    assert load_run(made.folder, partial=False).result.banner == ""
    assert difference(made).notna().any()


def test_drawn_people_are_no_partial_copy(make_folder):
    made = make_folder(shortfall="15 of 1,002 photos of fgnet")
    assert load_run(made.folder, partial=False).result.banner == "demo: synthetic faces"


def test_a_changed_setting_stands_in_the_banner(make_folder):
    made = make_folder()
    path = made.folder / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "changed": ["seeds=[0]"]}))
    assert load_run(made.folder, partial=False).result.banner == "demo: synthetic faces; changed: seeds=[0]"
