"""`agerepro features` and `agerepro regress`: what is exported, how it goes on after a kill, and the runs that are fitted to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agerepro.config.schema import AutoSklearn, Flaml
from agerepro.errors import CheckFailed, UserError
from agerepro.io import write_json
from agerepro.regression.automl import AutoSklearnFit
from agerepro.regression.exchange import read_exchange
from agerepro.report.families import families_of
from agerepro.report.loading import load_run
from agerepro.runs import features as module
from agerepro.runs.layout import Run, find_run
from agerepro.runs.regress import find_export, regress, regressor_of
from agerepro.training import folds as folds_module
from agerepro.training import pipeline
from tests.cli.place import Silent, invoke

CASCADE = """
reproduces: {paper: koenig2019, table: table4, row: VGG-16-Faces2}
faces:    {size: 40, smallest_face: 36}
backbone: {name: vgg16, width: 0.0625, dense: [16]}
augment:  {size: 32}
synthetic:
  vggface2: {people: 4, photos: 16, size: 96, seed: 3}
  fgnet:    {people: 4, size: 96, seed: 4}
stages:
  - name: people
    data: vggface2
    target: identity
    start_from: scratch
    split: {random: 0.2}
    epochs: 1
    batch_size: 8
    optimizer: {adam: 0.001}
  - name: fgnet
    data: fgnet
    start_from: people
    protocol: {leave_one_subject_out: {validation_subjects: 0.3}}
    epochs: 1
    batch_size: 32
    optimizer: {adam: 0.001}
"""
REGRESSION = """
  - name: fgnet
    data: fgnet
    start_from: people
    protocol: {leave_one_subject_out: {validation_subjects: 0.0}}
    features: {layer: first_conv}
    regressor: svr
decode: output
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A cascade whose folds 0, 1 and 3 are done."""
    folder = tmp_path_factory.mktemp("regress") / "mine"
    folder.mkdir()
    (folder / "cascade.yaml").write_text(CASCADE, encoding="utf-8")
    result = invoke("run", folder / "cascade.yaml", "--runs", folder / "runs", "--folds", "0-1,3")
    assert result.exit_code == 0, result.output
    return find_run(folder / "runs" / "koenig2019" / "cascade")


@pytest.fixture(scope="module")
def exported(run: Run) -> dict[str, Path]:
    """Three variants by the name of their folder, written in one pass."""
    result = invoke(
        "features",
        run.folder,
        "--preset",
        "VGG-16-Faces2",
        "--layer",
        "first_conv",
        "--layer",
        "conv4_3",
        "--pooling",
        "max",
        "--pooling",
        "mean",
    )
    assert result.exit_code == 0, result.output
    return {Path(line).name: Path(line) for line in result.stdout.splitlines()}


@pytest.fixture
def mine(exported: dict[str, Path], run: Run, tmp_path: Path) -> Path:
    """A copy of an export, to be damaged; it says where its run is."""
    copied = shutil.copytree(exported["first_conv-max"], tmp_path / "features" / "first_conv-max")
    meta = json.loads((copied / "meta.json").read_text())
    write_json(copied / "meta.json", {**meta, "run": {**meta["run"], "folder": str(run.folder)}})
    return copied


def fit(folder: Path, engine: str, folds: str | None = None, source: Path | None = None, **settings: Any) -> Run:
    """What the command does, without its table and figures."""
    return regress(find_export(folder), engine, settings, source=source, folds=folds, reporter=Silent())[0]


def refused(folder: Path, folds: str | None = None) -> str:
    with pytest.raises(CheckFailed) as error:
        fit(folder, "ridge", folds)
    assert error.value.exit_code == 1 and "agerepro features" in str(error.value)
    return str(error.value)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def changed(folder: Path, **facts: Any) -> Path:
    write_json(folder / "meta.json", {**json.loads((folder / "meta.json").read_text()), **facts})
    return folder


# What is exported


def test_several_layers_are_written_in_one_pass_with_what_they_are_of(run: Run, exported: dict[str, Path]) -> None:
    assert sorted(exported) == ["conv4_3-mean", "first_conv-max", "last_conv-max"]
    photos = pd.read_csv(run.folder / "photos.csv", dtype=str)
    for name, folder in exported.items():
        exchange = read_exchange(folder)
        assert exchange.features.shape == (len(photos), 8 if name == "first_conv-max" else 32)
        assert exchange.photos["photo"].tolist() == photos["photo"].tolist()
        assert set(exchange.folds["fold"]) == {0, 1, 2, 3} and exchange.meta["views"] == ["plain"]
        assert exchange.meta["weights"]["start_from"] == "people" and len(exchange.meta["weights"]["sha256"]) == 64
    assert read_exchange(exported["last_conv-max"]).meta["preset"] == "VGG-16-Faces2"
    assert read_exchange(exported["conv4_3-mean"]).meta["preset"] == ""


def test_what_is_exported_is_what_a_run_computes_for_itself(run: Run, exported: dict[str, Path]) -> None:
    experiment = run.folder.parents[3] / "itself.yaml"
    experiment.write_text(CASCADE.rpartition("  - name: fgnet")[0].rstrip() + REGRESSION, encoding="utf-8")
    result = invoke("run", experiment, "--runs", run.folder.parents[2])
    assert result.exit_code == 0, result.output
    (computed,) = (run.folder.parents[2] / "features").glob("*/plain.npy")
    np.testing.assert_allclose(read_exchange(exported["first_conv-max"]).features, np.load(computed), rtol=1e-5, atol=1e-3)
    # The fits of the run itself and those to exported features are one step under one name.
    itself, beside = find_run(run.folder.parents[1] / "itself"), fit(exported["first_conv-max"], "svr")
    assert itself.provenance()["tasks"] == beside.provenance()["tasks"]
    one, other = itself.predictions([0]), beside.predictions([0])
    np.testing.assert_allclose(other["predicted"], one["predicted"], atol=1e-2)
    assert other[["fold", "photo", "subject", "age"]].equals(one[["fold", "photo", "subject", "age"]])
    assert set(beside.folds()["part"]) == {"train", "test"} and "validation" in set(run.folds()["part"])


def test_a_stop_or_a_kill_goes_on_from_the_noted_rows_and_comes_to_the_same_bytes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (module, pipeline):
        monkeypatch.setattr(place, "BATCH", 8)
    monkeypatch.setattr(module, "SAVED_EVERY_S", 0.0)
    wanted = ("features", run.folder, "--layer", "conv2_2", "--layer", "last_conv", "--out")
    assert invoke(*wanted, tmp_path / "whole").exit_code == 0
    blocks, begun = module._Export._blocks, []

    def killed(self: Any, model: Any, first: int) -> Iterator[np.ndarray]:
        begun.append(first)
        for number, block in enumerate(blocks(self, model, first)):
            if number == 2 and len(begun) == 1:
                raise MemoryError("killed")
            yield block

    monkeypatch.setattr(module._Export, "_blocks", killed)
    assert isinstance(invoke(*wanted, tmp_path / "killed").exception, MemoryError)
    assert not (tmp_path / "killed" / "last_conv-max").exists()
    asked = iter([False, True])
    monkeypatch.setattr(module, "stop_requested", lambda: next(asked, True))
    stopped = invoke(*wanted, tmp_path / "killed").exception
    assert isinstance(stopped, UserError) and stopped.exit_code == 75
    monkeypatch.setattr(module, "stop_requested", lambda: False)
    assert invoke(*wanted, tmp_path / "killed").exit_code == 0
    assert begun[:2] == [0, 16] and begun[2] > 16
    for name in ("conv2_2-max/features.npy", "last_conv-max/features.npy", "last_conv-max/photos.csv", "last_conv-max/folds.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list((tmp_path / "killed").glob(".*/partial*"))


def test_what_is_there_is_left_and_what_is_damaged_is_made_anew(run: Run, exported: dict[str, Path], tmp_path: Path) -> None:
    again = ("features", run.folder, "--layer", "first_conv")
    before = (exported["first_conv-max"] / "features.npy").stat().st_mtime_ns
    assert "done already" in invoke(*again).stderr
    assert (exported["first_conv-max"] / "features.npy").stat().st_mtime_ns == before
    elsewhere = (*again, "--out", tmp_path)
    assert invoke(*elsewhere).exit_code == 0
    path = tmp_path / "first_conv-max" / "features.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckFailed, match="damaged"):
        read_exchange(path.parent)
    assert invoke(*elsewhere).exit_code == 0 and path.read_bytes() == content


def test_weights_that_a_run_or_a_preset_does_not_have_are_refused(run: Run) -> None:
    for arguments, told in {
        ("--preset", "VGG-16-IMDB-AgeDB"): "ages of imdb and then ages of agedb",
        ("--preset", "VGG-16-Faces"): "Did you mean",
        ("--preset", "VGG-16-Faces2", "--weights", "fold"): "--weights people",
        ("--weights", "peple"): "Did you mean 'people'",
        ("--weights", "published"): "no weights 'published'",
        ("--layer", "conv9"): "no layer 'conv9'",
        ("--seed", "3"): "no seed 3",
    }.items():
        result = invoke("features", run.folder, *arguments)
        assert isinstance(result.exception, UserError) and told in str(result.exception), arguments
    assert "one for each" in invoke("features", run.folder, *["--layer", "a"] * 3, *["--pooling", "max"] * 2).stderr


# What is fitted to it


def test_a_fit_is_a_run_that_other_commands_read(run: Run, exported: dict[str, Path]) -> None:
    command = ("regress", exported["last_conv-max"], "--engine", "flaml", "--trials", "2")
    result = invoke(*command)
    assert result.exit_code == 0, result.output
    assert "table5 VGG-16-Faces2" in result.stdout and "What the regressors are" in result.stdout
    fitted = find_run(run.folder.parents[1] / "cascade-last_conv-max-flaml")
    assert sorted(path.name for path in (fitted.folder / "folds").glob("[0-9]*")) == ["000", "001", "002", "003"]
    assert "4 of 4 folds done" in invoke("status", fitted.folder).stdout
    families = pd.read_csv(fitted.folder / "results" / "families.csv")
    assert families["folds"].sum() == 4 and (fitted.folder / "results" / "figures" / "families.png").is_file()
    done = (fitted.folder / "folds" / "002" / "manifest.json").stat().st_mtime_ns
    fit(exported["last_conv-max"], "flaml", trials=2)
    assert (fitted.folder / "folds" / "002" / "manifest.json").stat().st_mtime_ns == done
    (report,) = invoke("report", fitted.folder).stdout.split()
    assert "What the regressors are" in Path(report).read_text(encoding="utf-8")
    for command in (("predict", run.folder / "photos.csv", "--run", fitted.folder), ("export", fitted.folder, "--out", run.folder / "out")):
        assert "keeps a fitted model" in str(invoke(*command).exception)


def test_a_ridge_regression_is_the_linear_function_that_it_keeps(run: Run, exported: dict[str, Path]) -> None:
    fold = fit(exported["conv4_3-mean"], "ridge", "1").folder / "folds" / "001"
    linear, exchange = arrays(fold / "linear.npz"), read_exchange(exported["conv4_3-mean"])
    stored = pd.read_csv(fold / "predictions.csv").set_index("photo")["predicted"]
    rows = exchange.photos["photo"].isin(stored.index).to_numpy()
    years = exchange.features[rows] @ linear["kernel"] + linear["bias"]
    np.testing.assert_allclose(stored.reindex(exchange.photos["photo"][rows]), years, atol=1e-3)


def test_features_of_each_folds_own_weights_are_fitted_fold_by_fold(run: Run, exported: dict[str, Path]) -> None:
    result = invoke("features", run.folder, "--weights", "fold")
    assert result.exit_code == 0, result.output
    folder = Path(result.stdout.strip())
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == ["000", "001", "003"]
    one, other, before = (read_exchange(place).features for place in (folder / "000", folder / "003", exported["last_conv-max"]))
    assert not np.array_equal(one, other) and not np.array_equal(one, before)
    assert "no features of fold 2" in (missing := refused(folder)) and "--weights fold" in missing
    fitted = fit(folder, "ridge", "0,3")
    kept = [arrays(fitted.folder / "folds" / name / "linear.npz")["kernel"] for name in ("000", "003")]
    assert not np.array_equal(*kept) and "2 of 4 folds done" in invoke("status", fitted.folder).stdout


def test_auto_sklearn_reads_the_exported_folder_itself(
    run: Run, exported: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[Path, int, Any]] = []

    def fit_fold(features: Path, fold: int, out: Path, settings: Any, *, interpreter: Path) -> AutoSklearnFit:
        read.append((features, settings["seconds"], settings["trials"]))
        exchange = read_exchange(features)
        tested = exchange.folds.loc[(exchange.folds["fold"] == fold) & (exchange.folds["part"] == "test"), ["photo"]]
        (tmp_path / "fit").mkdir()
        (tmp_path / "fit" / "model.pkl").write_bytes(b"")
        ensemble = [{"family": "sgd", "weight": 0.25}, {"family": "sgd", "weight": 0.25}, {"family": "gaussian_process", "weight": 0.5}]
        return AutoSklearnFit(tested.assign(predicted=20.0), {"ensemble": ensemble}, tmp_path / "fit" / "model.pkl")

    monkeypatch.setattr(folds_module, "find_interpreter", lambda: tmp_path)
    monkeypatch.setattr(folds_module, "fit_fold", fit_fold)
    fitted = fit(exported["last_conv-max"], "autosklearn", "0-1", trials=3)
    assert read == [(exported["last_conv-max"], 43_200, 3)] * 2
    families = families_of(load_run(fitted.folder, partial=True).result).set_index("family")
    assert families["mean_weight"].to_dict() == {"gaussian_process": 0.5, "sgd": 0.5} and (families["folds"] == 2).all()
    assert fitted.provenance()["changed"] == ["stages.fgnet.regressor={autosklearn: {trials: 3}}"]


# What does not fit


def test_features_that_were_corrupted_are_found(mine: Path) -> None:
    content = bytearray((mine / "features.npy").read_bytes())
    content[-3] ^= 1
    (mine / "features.npy").write_bytes(content)
    assert "features.npy is damaged" in refused(mine)
    (mine / "features.npy").write_bytes(content[:-4])
    refused(mine)
    (mine / "features.npy").unlink()
    assert "lacks" in refused(mine)


def test_a_fold_that_is_missing_or_divided_otherwise_is_refused(mine: Path) -> None:
    folds = pd.read_csv(mine / "folds.csv", dtype={"photo": str})
    folds.loc[folds["fold"] != 2].to_csv(mine / "folds.csv", index=False)
    assert "lacks fold 2" in refused(mine)
    fit(mine, "ridge", "0")
    folds.assign(part=folds["part"].replace("validation", "test")).to_csv(mine / "folds.csv", index=False)
    assert "divides the photos otherwise" in refused(mine)


def test_features_of_other_weights_or_photos_are_refused(mine: Path) -> None:
    weights = json.loads((mine / "meta.json").read_text())["weights"]
    assert "other weights than stage 'people'" in refused(changed(mine, weights={**weights, "sha256": "0" * 64}))
    assert "does not have" in refused(changed(mine, weights={**weights, "start_from": "imdb"}))
    changed(mine, weights=weights)
    photos = pd.read_csv(mine / "photos.csv", dtype=str)
    photos.iloc[::-1].to_csv(mine / "photos.csv", index=False)
    assert "photos.csv" in refused(mine)


def test_a_run_that_has_moved_is_named_and_an_option_that_an_engine_lacks_is_told(mine: Path, run: Run, tmp_path: Path) -> None:
    changed(mine, run={"folder": "nowhere", "experiment": "cascade", "profile": "paper", "seed": 0})
    with pytest.raises(CheckFailed, match="--run"):
        fit(mine, "ridge", "0")
    assert fit(mine, "ridge", "0", source=run.folder).done([0])
    assert "takes no --trials" in str(invoke("regress", mine, "--engine", "svr", "--trials", "2", "--run", run.folder).exception)
    assert "no exported features" in str(invoke("regress", tmp_path, "--engine", "svr").exception)
    assert "kinds" in str(invoke("regress", run.folder / "features", "--engine", "svr").exception)


def test_a_budget_is_the_papers_for_its_profile_and_seconds_for_others() -> None:
    assert regressor_of("autosklearn", "paper", {}) == AutoSklearn(seconds=43_200, seconds_a_model=3_600)
    assert regressor_of("autosklearn", "demo", {}) == AutoSklearn(seconds=60, seconds_a_model=15)
    assert regressor_of("autosklearn", "paper", {"seconds": 300}) == AutoSklearn(seconds=300, seconds_a_model=75)
    assert regressor_of("flaml", "demo", {"trials": 5}) == Flaml(seconds=10, trials=5)


def test_a_stage_that_is_gone_is_said(run: Run, tmp_path: Path) -> None:
    runs = shutil.copytree(run.folder.parents[2], tmp_path / "runs")
    copied = runs / run.folder.relative_to(run.folder.parents[2])
    (stage,) = (runs / "stages").glob("people-*")
    shutil.rmtree(stage)
    error = invoke("features", copied).exception
    assert isinstance(error, CheckFailed) and "'people'" in str(error) and "agerepro run" in str(error)
