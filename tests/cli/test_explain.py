"""`agerepro explain` on a run of a handful of drawn people: what it writes, that it continues, that settings never mix."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TINY = Path(__file__).parents[1] / "runs" / "tiny.yaml"
SMALL = ("--set", "stages.people.epochs=1", "--set", "stages.fgnet.epochs=1")


def agerepro(*arguments: object, code: int = 0) -> str:
    # As a user's shell has it: without the settings of the tests.
    around = {name: value for name, value in os.environ.items() if name not in ("TF_ENABLE_ONEDNN_OPTS", "PYTHONWARNINGS")}
    command = [sys.executable, "-m", "agerepro", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=around)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frozen run, explained once with the default settings."""
    runs = tmp_path_factory.mktemp("explained") / "runs"
    agerepro("run", TINY, "--profile", "frozen", "--runs", runs, *SMALL)
    (folder,) = (runs / "koenig2019" / "tiny").iterdir()
    said = agerepro("explain", folder, "--checks", 4)
    assert "eyes and nose" in said and "centre on the eye/nose region" in said and "places, each larger than" in said
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
    assert list(regions.columns) == ["photo", "subject", "age", "region", "share", "area_share", "relative"]
    np.testing.assert_allclose(regions.groupby("photo")["share"].sum(), 1)
    figures = {path.name for path in (run / "explain" / "figures").iterdir()}
    names = ("class-activation-maps", "mean-maps", "regions", "deletion-curves")
    assert figures == {f"{name}.{ending}" for name in names for ending in ("png", "pdf", "csv")}


@pytest.mark.slow
def test_a_second_call_computes_only_the_fold_that_is_missing_and_gives_the_same(run: Path) -> None:
    folder = run / "explain" / "mean-expected_age-conv5_3"
    before = {path: path.stat().st_mtime_ns for path in sorted((folder / "folds").iterdir())}
    with np.load(run / "explain" / "maps.npz") as file:
        kept = file["maps"]
    first, *others = before
    first.unlink()
    agerepro("explain", run, "--checks", 4)
    assert first.is_file() and all(path.stat().st_mtime_ns == before[path] for path in others)
    with np.load(run / "explain" / "maps.npz") as file:
        np.testing.assert_array_equal(file["maps"], kept)


@pytest.mark.slow
def test_other_settings_stand_beside_and_the_last_ones_on_top(run: Path, tmp_path: Path) -> None:
    # A copy beside the same faces, since this changes what is on top.
    runs = tmp_path / "runs"
    shutil.copytree(run.parents[2], runs)
    mine = next((runs / "koenig2019" / "tiny").iterdir())
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
    mine = next((runs / "koenig2019" / "tiny").iterdir())
    said = agerepro("explain", mine, "--how", "sensitivity", "--photos", 5, "--checks", 2)
    assert "sensitivity maps of the expected age at pixels" in said
    with np.load(mine / "explain" / "maps.npz") as file:
        assert file["maps"].shape[0] == 5 and file["maps"].shape[1] == file["maps"].shape[2] > 16 and (file["maps"] >= 0).all()
    assert (mine / "explain" / "figures" / "sensitivity-maps.png").is_file() and (mine / "explain" / "checks.csv").is_file()


@pytest.mark.slow
def test_a_layer_that_is_none_is_told_with_the_near_name(run: Path) -> None:
    assert "Did you mean 'conv5_3'?" in agerepro("explain", run, "--layer", "conv5_9", code=2)


@pytest.mark.slow
def test_faces_that_are_gone_are_told_how_to_come_back(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "koenig2019" / "tiny" / run.name
    shutil.copytree(run, mine)
    assert "aligned again from other photos" in agerepro("explain", mine, code=2)
