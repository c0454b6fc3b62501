"""Residual stages from the labels to an exported model: what each stage is taught, tested against its networks by hand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR as SupportVectors

from agerepro.errors import UserError
from agerepro.faces.alignment import Cropped
from agerepro.faces.images import decode_crop
from agerepro.models.build import build_network
from agerepro.models.weights import load_arrays, load_strict
from agerepro.predict.export import export_run
from agerepro.predict.inference_model import inference_model
from agerepro.predict.photos import Crop, PhotoFaces, PhotoFiles
from agerepro.predict.pictures import explainable
from agerepro.predict.predict import predict_photos
from agerepro.report.loading import load_epochs, load_run
from agerepro.runs.data import find_run_crops
from agerepro.runs.layout import Run, find_run
from agerepro.runs.local import task_of
from agerepro.runs.model import load_run_model
from agerepro.runs.plan import Plan, RunOptions, make_plan
from agerepro.splits.protocols import divide, part_of_training
from agerepro.tables import PHOTOS, read_table
from agerepro.training.augment import resize_matrix, warp
from tests.runs.cascade import agerepro, quiet

RESIDUAL = Path(__file__).parent / "residual.yaml"
CLOSE = 2e-3  # years; sums of float32 in batches of other sizes


def run_of(runs: Path, profile: str = "paper") -> Run:
    (folder,) = runs.glob(f"*/residual/{profile}-*")
    return find_run(folder)


class Finished:
    """The finished runs, and what their networks say of every photo, computed apart from the package's own predictions."""

    def __init__(self, runs: Path) -> None:
        self.runs, self.run = runs, run_of(runs)

    def plan(self, profile: str = "paper") -> Plan:
        return make_plan(RunOptions(RESIDUAL, profile=profile, runs=self.runs))

    @cached_property
    def photos(self) -> pd.DataFrame:
        return read_table(self.run.folder / "photos.csv", PHOTOS)

    @cached_property
    def images(self) -> list[bytes]:
        """JPEG crops in the order of the photos."""
        crops = find_run_crops(self.run.folder, "appareal")
        assert crops is not None
        keys, store = crops.photos.set_index("photo")["image"], crops.store()
        return [store.read(keys[photo]) for photo in self.photos["photo"]]

    @cached_property
    def pixels(self) -> np.ndarray:
        return np.stack([warp(decode_crop(image), resize_matrix(40, 32), 32) for image in self.images])

    def folder_of(self, stage: str) -> Path:
        (folder,) = (self.runs / "stages").glob(f"{stage}-vgg16-*")
        return folder

    def expectation(self, file: Path, first: int, last: int) -> np.ndarray:
        """(n,) mean of the softmax over the years from first to last, of the network with these weights."""
        years = np.arange(first, last + 1)
        settings = self.plan().experiment
        network = build_network(settings.backbone, settings.head, outputs={"logits": len(years)}, size=32, seed=0)
        load_strict(network.full, load_arrays(file), source=str(file))
        logits = np.asarray(network.main(self.pixels), np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray((powers @ years) / powers.sum(axis=1))

    @cached_property
    def real(self) -> np.ndarray:
        return self.expectation(self.folder_of("real") / "final.weights.npz", 1, 100)

    @cached_property
    def without(self) -> list[np.ndarray]:
        """Of the trainings without a part each."""
        return [self.expectation(self.folder_of(f"real-without-{part}-of-2") / "final.weights.npz", 1, 100) for part in (1, 2)]

    @cached_property
    def cross_fitted(self) -> np.ndarray:
        """Of a training photo what the training without it says, of all others what the whole one says."""
        values = self.real.copy()
        for part, values_without in enumerate(self.without):
            rows = self.photos["photo"].isin(part_of_training(self.photos, part, 2)).to_numpy()
            values[rows] = values_without[rows]
        return values

    @cached_property
    def middle(self) -> np.ndarray:
        """The second stage's own expectation: of a residual."""
        return self.expectation(self.folder_of("middle") / "final.weights.npz", -50, 50)

    @cached_property
    def last(self) -> np.ndarray:
        return self.expectation(self.run.fold_folder(0, 0) / "weights.npz", -50, 50)

    @cached_property
    def tested(self) -> np.ndarray:
        rows = np.flatnonzero(self.photos["split"] == "test")
        assert len(rows) == 31
        return rows


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    runs = tmp_path_factory.mktemp("residual") / "runs"
    program = "import agerepro, sys; [agerepro.run(sys.argv[1], profile=name, runs=sys.argv[2]) for name in sys.argv[3:]]"
    done = subprocess.run([sys.executable, "-c", program, RESIDUAL, runs, "paper", "svr", "truth"], env=quiet(), stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    return Finished(runs)


@pytest.fixture(autouse=True)
def as_the_runs_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of these tests for TensorFlow, which the runs were made without, are part of a stage's name."""
    for name in os.environ.keys() - quiet().keys():
        monkeypatch.delenv(name)


def test_the_plan_lists_a_training_without_each_part_before_who_needs_it(finished: Finished) -> None:
    names = [step.name for step in finished.plan().steps]
    parts = [f"train real-without-{part}-of-2" for part in (1, 2)]
    assert names == ["prepare appareal", "train real", *parts, "train middle", "fold 0", "collect"]
    needs = {step.name: step.needs for step in finished.plan().steps}
    assert needs["train middle"] == ("prepare appareal", "train real", *parts)
    assert needs["fold 0"] == ("prepare appareal", "train middle")
    assert {step.name for step in finished.plan().steps if step.state != "done"} <= {"collect"}


def test_each_training_image_is_in_one_part_which_its_training_does_not_see(finished: Finished) -> None:
    experiment, photos = finished.plan().experiment, finished.photos
    training = set(photos.loc[photos["split"] == "train", "photo"])
    validation = set(photos.loc[photos["split"] == "validation", "photo"])
    _, *parts = experiment.predictors(experiment.stage("middle"))
    left_out = [part_of_training(photos, number, 2) for number in range(2)]
    assert left_out[0] | left_out[1] == training and not left_out[0] & left_out[1]
    for part, missing in zip(parts, left_out, strict=True):
        seen, validated = divide(photos, part.split, rng_key=(0, part.name))
        assert seen == training - missing and validated == validation


def test_the_first_residuals_are_labels_less_what_a_training_that_did_not_see_the_photo_says(finished: Finished) -> None:
    plan = finished.plan()
    task, _ = task_of(plan, plan.experiment.stage("middle"), 0)
    np.testing.assert_allclose(task.task.offset(task.data.photos), finished.cross_fitted, atol=CLOSE)
    training = (finished.photos["split"] == "train").to_numpy()
    assert np.abs(finished.cross_fitted - finished.real)[training].max() > 0.1, "the trainings without a part are the whole one"
    np.testing.assert_array_equal(finished.cross_fitted[~training], finished.real[~training])
    residuals = finished.photos["age"].to_numpy() - finished.cross_fitted
    clear = np.abs(residuals % 1 - 0.5) > 2 * CLOSE  # no doubt which class is nearest
    assert clear.sum() > 100
    np.testing.assert_array_equal(task.targets["logits"][clear], np.clip(np.floor(residuals + 0.5), -50, 50)[clear])


def test_the_second_residuals_are_of_the_sum_of_both_stages(finished: Finished) -> None:
    plan = finished.plan()
    task, _ = task_of(plan, plan.target, 0)
    np.testing.assert_allclose(task.task.offset(task.data.photos), finished.cross_fitted + finished.middle, atol=2 * CLOSE)


def test_predictions_are_the_sum_of_three_networks_and_judged_by_the_label(finished: Finished) -> None:
    predictions, tested = finished.run.predictions([0]), finished.tested
    assert predictions["photo"].tolist() == finished.photos["photo"].iloc[tested].tolist()
    expected = (finished.real + finished.middle + finished.last)[tested]
    np.testing.assert_allclose(predictions["predicted"], expected, atol=3 * CLOSE)
    np.testing.assert_array_equal(predictions["age"], finished.photos["age"].iloc[tested])
    kept = np.load(finished.run.fold_folder(0, 0) / "posteriors.npz")
    np.testing.assert_allclose(kept["offset"], (finished.real + finished.middle)[tested], atol=2 * CLOSE)
    np.testing.assert_allclose(kept["posteriors"].astype(float) @ kept["bins"] + kept["offset"], predictions["predicted"], atol=1e-3)
    np.testing.assert_array_equal(predictions["rounded"], np.floor(predictions["expectation"] + 0.5))


@pytest.mark.parametrize("how", ["expectation", "rounded", "median", "argmax"])
def test_the_last_epoch_errs_as_the_predictions_do(finished: Finished, how: str) -> None:
    loaded = load_run(finished.run.folder, partial=False)
    (fold,) = load_epochs(loaded.run, replace(loaded.experiment, decode=how), [0]).folds
    predictions = finished.run.predictions([0])
    assert fold.errors.shape == (2, 31)
    np.testing.assert_allclose(fold.errors[-1], np.abs(predictions[how] - predictions["age"]), atol=1e-3)


def test_one_s_own_photos_get_the_numbers_of_the_table(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faces are the run's own crops: a detector would cut others than the boxes of the data set do."""
    facts = {"found": 1, "status": "ok", "reason": ""}
    paths = {finished.runs / finished.photos["path"].iloc[row]: finished.images[row] for row in finished.tested}
    monkeypatch.setattr(
        "agerepro.predict.predict.find_faces",
        lambda photos, settings, **options: [PhotoFaces(path, (Crop(Cropped(paths[path], facts), ()),)) for path in photos],
    )
    found = predict_photos(load_run_model(finished.run), PhotoFiles(tuple(paths), ()), folds=None, which="largest", on_progress=quietly)
    expected = finished.run.predictions([0])["predicted"]
    np.testing.assert_allclose([row.values["age"] for row in found.rows], expected, atol=CLOSE)
    for row in found.rows:  # the ends of the interval lie about the sum, not about the residual
        assert row.values["low"] is None or row.values["low"] <= row.values["age"] <= row.values["high"]


def quietly(*progress: object) -> None:
    """No progress."""


def test_an_exported_model_adds_all_levels(finished: Finished, tmp_path: Path) -> None:
    model, run_model = inference_model(finished.run, [0], seed=0)
    expected = finished.run.predictions([0])["predicted"].to_numpy()
    outputs = model.predict(finished.pixels[finished.tested], verbose=0)
    np.testing.assert_allclose(outputs["age"], expected, atol=3 * CLOSE)
    # The posterior is of the residual alone, as the card says.
    offset = load_arrays(finished.run.fold_folder(0, 0) / "posteriors.npz")["offset"]
    np.testing.assert_allclose(outputs["posterior"] @ run_model.bins, expected - offset, atol=3 * CLOSE)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(finished.pixels[finished.tested], verbose=0)["age"], expected, atol=3 * CLOSE)


def test_maps_and_cards_of_a_residual_name_it(finished: Finished, tmp_path: Path) -> None:
    export_run(finished.run, tmp_path / "exported", folds=None, styles=["keras"], on_progress=quietly)
    assert "101 residuals from -50 to 50 years" in (tmp_path / "exported" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "exported" / "model.json").read_text())["residual_of"]["stage"] == "middle"
    run_model = load_run_model(finished.run)
    assert [explainable(run_model, how)[0] for how in ("mean", "sensitivity")] == ["the expected residual"] * 2


def test_without_the_earlier_stage_the_run_says_what_is_missing(finished: Finished, tmp_path: Path) -> None:
    place = tmp_path / finished.run.folder.relative_to(finished.runs)
    shutil.copytree(finished.run.folder, place)
    with pytest.raises(UserError, match=r"middle-vgg16-\w+ is not there.*'middle' predicts.*agerepro run"):
        load_run_model(Run(place))


def test_two_experiments_share_a_stage(finished: Finished) -> None:
    assert len(list((finished.runs / "stages").glob("*/final.weights.npz"))) == 4  # real, twice without a part, middle
    (shared,) = {run_of(finished.runs, profile).provenance()["stages"]["0"]["real"] for profile in ("paper", "svr")}
    assert shared == finished.folder_of("real").name
    assert len(list((finished.runs / "predictions").glob("real-*/predictions.npy"))) == 3  # the whole one's are kept once for both, too


def test_support_vectors_see_what_the_earlier_stage_predicts_in_years(finished: Finished) -> None:
    run = run_of(finished.runs, "svr")
    predictions, photos = run.predictions([0]), finished.photos
    training = (photos["split"] == "train").to_numpy()
    fits = []
    for cost in (1.0, 10.0, 100.0):  # one of them was chosen
        vectors = make_pipeline(StandardScaler(), SupportVectors(C=cost, epsilon=1.0))
        vectors.fit(finished.real[training, None], photos["apparent_age"][training])
        fits.append(vectors.predict(finished.real[finished.tested, None]))
    assert min(np.abs(fit - predictions["predicted"]).max() for fit in fits) < 0.5
    np.testing.assert_allclose(predictions["age"], photos["apparent_age"].iloc[finished.tested])
    with pytest.raises(UserError, match="not a network"):
        load_run_model(run)


def test_a_number_as_it_is_is_the_prediction(finished: Finished) -> None:
    run = run_of(finished.runs, "truth")
    predictions, photos = run.predictions([0]), finished.photos.iloc[finished.tested]
    np.testing.assert_allclose(predictions["predicted"], photos["apparent_age"], atol=1e-5)
    np.testing.assert_array_equal(predictions["age"], photos["age"])
    assert not list(run.folder.glob("folds/*/model*")) and not list(run.folder.glob("folds/*/weights*"))
    with pytest.raises(UserError, match="has no network"):
        load_run_model(run)


def test_decoding_another_way_trains_nothing_and_mirror_images_another_residual(finished: Finished) -> None:
    """What a stage learns is named by all that it depends on: not by how the run decodes, but by how the earlier stage looks at faces."""
    names = {}
    for setting in ("decode=expectation", "decode=median", "tta=flip_average"):
        plan = make_plan(RunOptions(RESIDUAL, runs=finished.runs, settings=(setting,)))
        names[setting] = [plan.digest(stage, 0) for stage in plan.experiment.stages]
    plain, median, mirrored = names.values()
    assert plain == median
    assert [own == other for own, other in zip(plain, mirrored, strict=True)] == [True, False, False]


def fingerprints(runs: Path) -> dict[str, str]:
    """SHA-256 of all that was trained, predicted and tested."""
    files = [*runs.glob("stages/*/final.weights.npz"), *runs.glob("predictions/*/predictions.npy"), *runs.glob("stages/*/history.csv")]
    for name in ("predictions.csv", "posteriors.npz", "by_epoch.npz", "history.csv", "weights.npz"):
        files += run_of(runs).folder.glob(f"folds/*/{name}")
    return {str(file.relative_to(runs)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.slow
def test_killed_at_every_kind_of_step_it_continues_to_the_same_bytes(finished: Finished, tmp_path: Path) -> None:
    for kind in ("synthetic", "faces"):
        shutil.copytree(finished.runs / kind, tmp_path / kind)
    program = [sys.executable, str(Path(__file__).parent / "killed_inside.py")]
    run = ["run", str(RESIDUAL), "--runs", str(tmp_path)]
    stage = "rename:{}-vgg16-*"
    places = [
        ("checkpoint.npz", 4),  # inside the second epoch of real
        (stage.format("real-without-2-of-2"), 1),
        ("rename:real-without-1-of-2-????????????????", 1),  # its predictions
        ("checkpoint.npz", 3),
        (stage.format("middle"), 1),
        ("rename:000", 1),
        ("predictions.csv", 1),
    ]
    for name, count in places:
        killed = subprocess.run([*program, name, str(count), *run], capture_output=True, text=True, timeout=900, env=quiet())
        assert killed.returncode == -9, (name, killed.returncode, killed.stderr)
    agerepro(*run)
    assert fingerprints(tmp_path) == fingerprints(finished.runs)


@pytest.mark.slow
def test_rates_of_a_residual_stage_are_searched(finished: Finished, tmp_path: Path) -> None:
    for kind in ("synthetic", "faces", "stages", "predictions"):
        shutil.copytree(finished.runs / kind, tmp_path / kind)
    search = ("grid", RESIDUAL, "--runs", tmp_path, "--rates", "0.001,0.01", "--batches", 16, "--epochs", 1)
    for stage in ("middle", "last"):
        assert "Chosen: learning rate" in agerepro(*search, "--stage", stage)


@pytest.mark.slow
def test_no_label_of_a_tested_photo_is_ever_learnt(finished: Finished, tmp_path: Path) -> None:
    """With other labels on the test list every network is the same, and so is every prediction; only what they are judged by differs."""
    (drawn,) = finished.runs.glob("synthetic/*")
    shutil.copytree(drawn, tmp_path / "data")
    changed = 0
    for name in ("gt_avg_test.csv", "gt_test.csv"):
        path = tmp_path / "data" / "appareal" / name
        table = pd.read_csv(path)
        for column in ("apparent_age_avg", "apparent_age", "real_age"):
            with contextlib.suppress(KeyError):
                table[column] = 99 - table[column]
                changed += len(table)
        table.to_csv(path, index=False)
    assert changed
    runs = tmp_path / "runs"
    agerepro("run", RESIDUAL, "--data", tmp_path / "data", "--runs", runs)
    ours, theirs = finished.run, run_of(runs)
    for name in ("real", "real-without-1-of-2", "real-without-2-of-2", "middle"):
        (other,) = (runs / "stages").glob(f"{name}-vgg16-*")
        assert other.name != finished.folder_of(name).name  # other labels are other data
        same_arrays(other / "final.weights.npz", finished.folder_of(name) / "final.weights.npz")
    same_arrays(theirs.fold_folder(0, 0) / "weights.npz", ours.fold_folder(0, 0) / "weights.npz")
    mine, other_predictions = ours.predictions([0]), theirs.predictions([0])
    np.testing.assert_array_equal(mine["predicted"], other_predictions["predicted"])
    np.testing.assert_allclose(other_predictions["age"], 99 - mine["age"])


def same_arrays(path: Path, other: Path) -> None:
    arrays, others = load_arrays(path), load_arrays(other)
    assert arrays.keys() == others.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)
