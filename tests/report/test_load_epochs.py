"""What folds leave on disk after each epoch -> their errors and losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.experiment.schema import Adam, Backbone, Experiment, Faces, Groups, LeaveOnePersonOut, OfficialFolds, Stage
from agerepro.report.load_epochs import load_epochs, only
from agerepro.runs.folder import Run
from agerepro.tables import PREDICTIONS, conform, write_table


def experiment(**stage):
    last = {"name": "a", "data": "fgnet", "epochs": 2, "batch": 1, "optimizer": Adam(0.1), "protocol": LeaveOnePersonOut()} | stage
    return Experiment(faces=Faces(), backbone=Backbone(name="vgg16"), stages=(Stage(**last),))


@pytest.fixture
def run(tmp_path):
    """Fold 3 of two photos, ages 10 and 30, sure of 10 and 20 after the first epoch, of 10 and 30 after the second."""
    folder = tmp_path / "row" / "demo-0123" / "folds" / "003"
    frame = pd.DataFrame({"photo": ["b", "a"], "age": [10.0, 30.0], "predicted": [10.0, 30.0], "group": ["0-12", "25-100"]})
    about = {"experiment": "row", "profile": "demo", "fold": 3, "seed": 0, "subject": "p", "predicted_group": ""}
    write_table(folder / "predictions.csv", conform(frame.assign(**about), PREDICTIONS), PREDICTIONS)
    pd.DataFrame({"epoch": [1, 2], "validation_loss": [0.5, 0.7]}).to_csv(folder / "history.csv", index=False)
    sure = 100 * np.array([[[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 0, 1]]], dtype=np.float32)
    np.savez(folder / "by_epoch.npz", outputs=sure, bins=np.array([10, 20, 30], np.float32))
    return Run(tmp_path / "row" / "demo-0123")


def test_a_fold_is_read_with_its_photos_errors_and_losses(run):
    found = load_epochs(run, experiment(), [3])
    (fold,) = found.folds
    assert (fold.fold, fold.seed, fold.photos, found.reported, found.test_time) == (3, 0, ("b", "a"), "last", "plain")
    assert fold.errors == pytest.approx(np.array([[0, 10], [0, 0]]), abs=1e-9)
    assert fold.validation_loss.tolist() == [0.5, 0.7]


def test_groups_are_wrong_or_right(run):
    labels, file = Groups(labels=("0-12", "15-20", "25-100")), run.fold_folder(0, 3, first_seed=0) / "by_epoch.npz"
    with np.load(file) as arrays:
        np.savez(file, outputs=arrays["outputs"], bins=np.arange(3, dtype=np.float32))
    (fold,) = load_epochs(run, experiment(target=labels, protocol=OfficialFolds(), keep="best_validation"), [3]).folds
    assert fold.errors.tolist() == [[0, 1], [0, 0]]
    assert load_epochs(run, experiment(keep="best_validation"), [3]).reported == "least_validation_loss"


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
