"""`agerepro explain` on a run of a handful of drawn people: what it writes, that it continues, that settings never mix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agerepro.io import finished_by, write_manifest
from agerepro.models.weights import load_arrays, save_arrays
from tests.cli.process import TINY
from tests.cli.process import agerepro as run_process

SMALL = ("--set", "stages.people.epochs=1", "--set", "stages.fgnet.epochs=1")


YEARS = """
faces:    {size: 40, smallest_face: 36}
augment:  {size: 32}
machine:  {threads: 1}
backbone: {name: vgg16, width: 0.0625, dense: [16]}
stages:
  - {name: last, data: fgnet, start_from: scratch, protocol: {subject_kfold: {folds: 2}}, epochs: 1, batch_size: 8, optimizer: {adam: 0.01}}
head: {regression: {features: last}}
loss: [squared_error]
decode: output
"""


def agerepro(*arguments: object, code: int = 0) -> str:
    """Standard output and standard error of a command that must end with `code`."""
    process = run_process(*arguments, code=code)
    return process.stdout + process.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frozen run, explained once with the default settings."""
    runs = tmp_path_factory.mktemp("explained") / "runs"
    agerepro("run", TINY, "--profile", "frozen", "--runs", runs, *SMALL)
    (folder,) = (runs / "koenig2019" / "tiny").glob("[!.]*")
    text = agerepro("explain", folder, "--checks", 4)
    assert "eyes and nose" in text and "2 x 2 places" in text and "maps are empty" not in text
    return folder


def test_every_tested_photo_has_a_map_and_regions(run: Path) -> None:
    with np.load(run / "explain" / "maps.npz") as file:
        photos, maps, scale = list(file["photos"]), file["maps"], file["scale"]
    tested = pd.concat(pd.read_csv(path) for path in run.glob("folds/*/predictions.csv"))
    assert sorted(photos) == sorted(tested["photo"]) and maps.shape == (len(photos), 2, 2) and maps.dtype == np.float16
    assert (np.abs(maps).reshape(len(maps), -1).max(axis=1) == (scale > 0)).all()
    about = json.loads((run / "explain" / "about.json").read_text())
    assert {"how": "mean", "target": "expected_age", "layer": "conv5_3", "photos": len(photos)}.items() <= about.items()
    assert about["seconds"] > 0
    regions = pd.read_csv(run / "explain" / "regions.csv")
    assert list(regions.columns) == ["photo", "subject", "age", "region", "share", "area_share", "relative", "note"]
    assert set(regions["photo"]) == set(photos) and set(regions.loc[regions["region"].isna(), "note"]) <= {"no landmarks"}
    np.testing.assert_allclose(regions.dropna(subset=["region"]).groupby("photo")["share"].sum(), 1)
    figures = {path.name for path in (run / "explain" / "figures").iterdir()}
    names = ("class-activation-maps", "mean-maps", "regions", "deletion-curves")
    assert figures == {f"{name}.{ending}" for name in names for ending in ("png", "pdf", "csv")}


@pytest.mark.slow
def test_a_second_call_computes_only_the_fold_that_is_missing_and_gives_the_same(run: Path) -> None:
    folder = run / "explain" / "mean-expected_age-conv5_3"
    before = {path: path.stat().st_mtime_ns for path in sorted((folder / "folds").iterdir())}
    with np.load(run / "explain" / "maps.npz") as file:
        maps = file["maps"]
    first, *others = before
    first.unlink()
    agerepro("explain", run, "--checks", 4)
    assert first.is_file() and all(path.stat().st_mtime_ns == before[path] for path in others)
    with np.load(run / "explain" / "maps.npz") as file:
        np.testing.assert_array_equal(file["maps"], maps)


@pytest.mark.slow
def test_other_settings_stand_beside_and_the_last_ones_on_top(run: Path, tmp_path: Path) -> None:
    # A copy beside the same faces, since this changes what is on top.
    runs = tmp_path / "runs"
    shutil.copytree(run.parents[2], runs)
    mine = next((runs / "koenig2019" / "tiny").glob("[!.]*"))
    asked = ("--how", "grad_cam", "--target", "predicted", "--layer", "conv4_3", "--photos", 5, "--checks", 0, "--no-faces")
    agerepro("explain", mine, *asked)
    assert {path.name for path in (mine / "explain").iterdir() if path.is_dir()} == {
        "figures",
        "mean-expected_age-conv5_3",
        "grad_cam-predicted-conv4_3-5-photos",
    }
    about = json.loads((mine / "explain" / "about.json").read_text())
    assert (about["how"], about["target"], about["layer"], about["photos"]) == ("grad_cam", "predicted", "conv4_3", 5)
    with np.load(mine / "explain" / "maps.npz") as file:
        assert file["maps"].shape == (5, 4, 4) and (file["maps"] >= 0).all()
    assert not (mine / "explain" / "checks.csv").exists() and (mine / "explain" / "mean-expected_age-conv5_3" / "checks.csv").exists()


@pytest.mark.slow
def test_sensitivity_maps_have_the_networks_own_pixels(run: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(run.parents[2], runs)
    mine = next((runs / "koenig2019" / "tiny").glob("[!.]*"))
    text = agerepro("explain", mine, "--how", "sensitivity", "--photos", 5, "--checks", 2)
    assert "sensitivity maps of the expected age at pixels" in text
    with np.load(mine / "explain" / "maps.npz") as file:
        assert file["maps"].shape[0] == 5 and file["maps"].shape[1] == file["maps"].shape[2] > 16 and (file["maps"] >= 0).all()
    assert (mine / "explain" / "figures" / "sensitivity-maps.png").is_file() and (mine / "explain" / "checks.csv").is_file()


@pytest.mark.slow
def test_a_wrong_layer_is_refused_with_the_near_name(run: Path) -> None:
    assert "Did you mean 'conv5_3'?" in agerepro("explain", run, "--layer", "conv5_9", code=2)


@pytest.mark.slow
def test_faces_that_are_gone_are_an_error(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "koenig2019" / "tiny" / run.name
    shutil.copytree(run, mine)
    assert "agerepro run" in agerepro("explain", mine, code=2)


def test_a_damaged_provenance_is_named(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "koenig2019" / "tiny" / run.name
    shutil.copytree(run, mine)
    (mine / "provenance.json").write_text("")
    text = agerepro("explain", mine, code=2)
    assert str(mine / "provenance.json") in text and "agerepro run" in text


@pytest.mark.slow
def test_drawn_sets_given_as_data_are_asked_for_and_empty_maps_are_counted(tmp_path: Path) -> None:
    experiment, runs, data = tmp_path / "years.yaml", tmp_path / "runs", tmp_path / "base"
    experiment.write_text(YEARS)
    agerepro("data", "synthesize", "fgnet", "--root", data, "--people", 4)
    agerepro("run", experiment, "--data", data, "--runs", runs)
    (folder,) = runs.glob("*/years/[!.]*")
    # A head that everything in the last map makes younger: Grad-CAM shows what speaks for the age, which is nothing.
    for fold in (folder / "folds").glob("[0-9]*"):
        weights, made_by = load_arrays(fold / "weights.npz"), str(finished_by(fold))
        changed = {"dense1/kernel": np.abs(weights["dense1/kernel"]), "years/kernel": -np.abs(weights["years/kernel"])}
        save_arrays(fold / "weights.npz", weights | changed)
        write_manifest(fold, made_by=made_by)
    options = ("explain", folder, "--how", "grad_cam", "--photos", 6, "--checks", 2)
    assert "--data DIR" in agerepro(*options, code=2)
    text = agerepro(*options, "--data", data)
    assert "6 of 6 maps are empty" in text and "conv5_3" in text
    assert json.loads((folder / "explain" / "about.json").read_text())["empty_maps"] == 6
    regions = pd.read_csv(folder / "explain" / "regions.csv")
    assert len(regions) == 6 and set(regions["note"]) == {"empty map"} and not (folder / "explain" / "checks.csv").exists()
