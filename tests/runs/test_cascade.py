"""The whole cascade through the command line, on a handful of drawn people: run, continue, status, table, damage, two processes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from agerepro.errors import UserError
from agerepro.faces.images import decode_crop
from agerepro.report.loading import load_run
from agerepro.runs.data import find_run_crops
from agerepro.runs.layout import Run, find_run
from agerepro.runs.model import load_run_model
from agerepro.tables import PHOTOS, read_table
from agerepro.tasks.decode import expectation, posterior
from agerepro.training.augment import resize_matrix, warp
from agerepro.training.ridge import STRENGTHS
from tests.runs.cascade import CASCADE, TINY, agerepro, fingerprints, quiet, tiny_run


def test_the_cascade_ends_in_a_table_that_says_synthetic(finished: tuple[Path, str]) -> None:
    runs, said = finished
    assert "paper: synthetic faces" in said and "MAE (macro), years" in said and "2.68" in said
    run = tiny_run(runs)
    predictions = run.predictions([0])
    photos = pd.read_csv(run.folder / "photos.csv")
    assert sorted(predictions["photo"]) == sorted(photos["photo"]) and predictions["fold"].nunique() == 4
    for fold in range(4):
        stored = np.load(run.fold_folder(0, fold) / "posteriors.npz")
        mine = predictions.loc[predictions["fold"] == fold]
        np.testing.assert_allclose(stored["posteriors"].sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(stored["posteriors"] @ stored["bins"], mine["predicted"], atol=1e-3)
    results = run.folder / "results"
    assert {"table.txt", "table.csv", "table.md", "table.tex", "scores.csv", "figures"} <= {file.name for file in results.iterdir()}
    assert len(list((results / "figures").glob("*.png"))) == 8


@pytest.mark.slow
def test_the_end_of_the_main_job_has_maps_and_a_page_with_them(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    said = agerepro("run", TINY, "--profile", "paper", "--runs", runs, "--explain", "--report")
    assert "eyes and nose" in said and "places, each larger than" in said and "Page: " in said
    folder = tiny_run(runs).folder
    assert {"maps.npz", "regions-summary.csv", "figures"} <= {file.name for file in (folder / "explain").iterdir()}
    page = (folder / "results" / "report.html").read_text(encoding="utf-8")
    assert "mean of the expected age at conv5_3" in page and "Where the maps of tiny lie" in page


def test_the_same_command_again_trains_nothing(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    before = {file: file.stat().st_mtime_ns for file in runs.glob("**/*.npz")}
    said = agerepro("run", TINY, "--profile", "paper", "--runs", runs)
    assert "all 4 folds are done already" in said
    assert {file: file.stat().st_mtime_ns for file in runs.glob("**/*.npz")} == before


@pytest.mark.slow
def test_a_flipped_byte_is_named_and_the_fold_done_again_to_the_same_bytes(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    good = fingerprints(runs, "tiny")
    run = tiny_run(runs)
    assert "compared with their checksums" in agerepro("verify", run.folder)
    file = run.fold_folder(0, 2) / "posteriors.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(bytes(content))
    assert "4 of 4 folds done" in agerepro("status", run.folder)  # by sizes: nothing is read
    assert str(file) in agerepro("verify", run.folder, code=1)
    said = agerepro("status", run.folder, code=1)
    assert "3 of 4 folds done" in said and re.search(r"fold 2 +missing", said)
    assert "3 of 4 folds are done" in agerepro("table", run.folder, code=1)
    assert "partial: 3 of 4 folds" in agerepro("table", run.folder, "--partial")
    agerepro("run", TINY, "--profile", "paper", "--runs", runs, "--folds", "2")
    assert fingerprints(runs, "tiny") == good
    assert "4 of 4 folds done" in agerepro("status", run.folder)


def test_the_steps_of_a_plan_one_by_one_come_to_what_a_run_does(finished: tuple[Path, str], tmp_path: Path) -> None:
    runs, _ = finished
    shutil.copytree(runs / "synthetic", tmp_path / "synthetic")
    for kind in ("faces", "stages"):
        shutil.copytree(runs / kind, tmp_path / kind)
    (prepared,) = (tmp_path / "faces").glob("fgnet-*")
    shutil.rmtree(prepared)
    (stage,) = (tmp_path / "stages").glob("agedb-*")
    shutil.rmtree(stage)
    step = ("step", TINY, "--runs", tmp_path)
    assert "2 of 12 steps" not in (text := agerepro("plan", TINY, "--runs", tmp_path, code=1)) and "prepare fgnet" in text
    assert "fgnet" in agerepro(*step, "fold", "0", code=1)
    for name in (("prepare", "fgnet"), ("train", "agedb"), ("fold", "0-2"), ("fold", "3"), ("collect", "")):
        agerepro(*step, *name)
    assert fingerprints(tmp_path, "tiny") == fingerprints(runs, "tiny")
    assert "12 of 12 steps done" in agerepro("plan", TINY, "--runs", tmp_path)


@pytest.mark.slow
def test_two_processes_share_a_run_and_change_nothing(finished: tuple[Path, str], tmp_path: Path) -> None:
    runs, _ = finished
    agerepro("run", TINY, "--profile", "paper", "--runs", tmp_path, "--jobs", 2)
    assert fingerprints(tmp_path, "tiny") == fingerprints(runs, "tiny")


def test_a_frozen_backbone_shares_the_earlier_stage_and_stays_as_it_was(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    stages = {folder.name for folder in (runs / "stages").iterdir()}
    said = agerepro("run", TINY, "--profile", "frozen", "--runs", runs)
    assert {folder.name for folder in (runs / "stages").iterdir()} == stages, "the stage of people was trained again"
    assert "frozen: synthetic faces" in said


def test_the_network_of_a_fold_comes_back_from_its_run_folder_and_says_what_it_said(finished: tuple[Path, str]) -> None:
    run = tiny_run(finished[0])
    back = load_run_model(run)
    photos = read_table(run.folder / "photos.csv", PHOTOS)
    crops = find_run_crops(run.folder, "fgnet")
    assert crops is not None
    stored = crops.photos.set_index("photo")["image"]
    store, augment = crops.store(), back.experiment.augment
    for fold in (0, 2):
        back.load_fold(fold, seed=0)
        said = run.predictions([0]).query("fold == @fold")
        assert set(said["photo"]) <= set(photos["photo"])
        pixels = np.stack(
            [warp(decode_crop(store.read(stored[photo])), resize_matrix(40, augment.size), augment.size) for photo in said["photo"]]
        )
        again = expectation(posterior(np.asarray(back.network.main(pixels))), back.bins)
        assert again == pytest.approx(said["predicted"].to_numpy(), abs=1e-3)
    with pytest.raises(UserError, match="fold 99 is not finished"):
        back.load_fold(99, seed=0)


@pytest.mark.slow
def test_a_finished_cell_of_a_grid_is_read_and_a_missing_one_gives_the_same_number_again(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    search = ("grid", TINY, "--stage", "fgnet", "--folds", "0-1", "--runs", runs, "--rates", "1e30,0.01", "--batches", "8")
    said = agerepro(*search)
    assert "Chosen: learning rate 0.01, batch 8." in said and "diverged" in said and "paper: synthetic faces" in said
    (folder,) = (runs / "grids").iterdir()
    assert not list(folder.glob("*.npz"))
    cells = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (folder / "cells").iterdir()}
    assert sorted(cells) == ["0.01-8.json", "1e+30-8.json"]
    (folder / "cells" / "0.01-8.json").unlink()
    agerepro(*search)
    assert (folder / "cells" / "0.01-8.json").read_bytes() == cells["0.01-8.json"][0]
    assert (folder / "cells" / "1e+30-8.json").stat().st_mtime_ns == cells["1e+30-8.json"][1]


def test_what_is_missing_is_listed_in_one_error_before_anything_starts(tmp_path: Path) -> None:
    said = agerepro("run", CASCADE, "--data", tmp_path / "nowhere", "--runs", tmp_path / "runs", "--weights", tmp_path, code=2)
    for name in ("imdb", "agedb", "fgnet", "vgg16"):
        assert name in said
    assert said.count("  - ") == 4 and not (tmp_path / "runs").exists()


def test_without_data_the_paper_s_profile_says_what_to_do(tmp_path: Path) -> None:
    said = agerepro("run", CASCADE, "--runs", tmp_path, code=2)
    assert "--data DIR" in said and "--profile demo" in said


FROZEN = ("run", TINY, "--profile", "frozen")


def frozen_run(runs: Path) -> Run:
    """The run of the frozen profile."""
    (folder,) = (runs / "koenig2019" / "tiny").glob("frozen-*")
    return find_run(folder)


@pytest.mark.slow
def test_a_seed_another_decoding_and_kept_weights_train_no_fold_again(finished: tuple[Path, str]) -> None:
    runs, _ = finished
    columns = ["fold", "photo", "predicted"]
    agerepro(*FROZEN, "--runs", runs)
    run = frozen_run(runs)
    alone = run.predictions([0])[columns]
    before = {path: path.stat().st_mtime_ns for path in run.folder.glob("folds/*/*")}
    agerepro(*FROZEN, "--runs", runs, "--set", "seeds=[0, 1]")
    both = run.predictions([0, 1])
    first, second = (both.loc[both["seed"] == seed, columns].reset_index(drop=True) for seed in (0, 1))
    pd.testing.assert_frame_equal(first, alone)
    assert not second["predicted"].equals(first["predicted"]) and second["photo"].tolist() == first["photo"].tolist()
    table = agerepro(*FROZEN, "--runs", runs, "--set", "decode=median")
    assert "all 4 folds are done already" in table and "changed: decode=median" in table
    medians = load_run(run.folder, partial=False).result.predictions
    assert (medians["predicted"] == medians["median"]).all() and not medians["predicted"].equals(medians["expectation"])
    assert "all 4 folds are done already" in agerepro(*FROZEN, "--runs", runs, "--set", "keep_weights=none")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    agerepro(*FROZEN, "--runs", runs)
    pd.testing.assert_frame_equal(run.predictions([0])[columns], alone)


@pytest.mark.slow
def test_a_fold_that_diverges_is_a_failed_fold_with_its_reason_and_stops_no_other(finished: tuple[Path, str], tmp_path: Path) -> None:
    runs, _ = finished
    for kind in ("synthetic", "faces", "stages"):
        shutil.copytree(runs / kind, tmp_path / kind)
    program = [sys.executable, Path(__file__).parent / "diverging.py", 1, "run", TINY, "--profile", "frozen", "--runs", tmp_path]
    failed = subprocess.run([str(word) for word in program], capture_output=True, text=True, timeout=900, env=quiet())
    assert failed.returncode == 1 and "partial: 3 of 4 folds" in failed.stdout, failed.stderr
    assert "fold 1" in failed.stderr and "nan" in failed.stderr and "learning rate" in failed.stderr
    run = frozen_run(tmp_path)
    assert run.done([0]) == [(0, 0), (0, 2), (0, 3)]
    said = agerepro("status", run.folder, code=1)
    assert re.search(r"fold 1 +failed: .*nan", said)
    # Trained again with a lower rate it would be another experiment: put among the others, it is refused.
    said = agerepro(*FROZEN, "--runs", tmp_path, "--folds", 1, "--set", "stages.fgnet.optimizer.adam=0.001")
    assert run.folder.name in said and "not mixed" in said
    (other,) = (folder for folder in (tmp_path / "koenig2019" / "tiny").glob("frozen-*") if folder != run.folder)
    shutil.copytree(other / "folds" / "001", run.fold_folder(0, 1))
    for command in ("table", "status"):
        assert "mixed" in agerepro(command, run.folder, code=1)
    assert "mixed" in agerepro(*FROZEN, "--runs", tmp_path, code=1)


def test_a_head_that_starts_as_ridge_regression_is_that_of_scikit_learn(finished: tuple[Path, str], tmp_path: Path) -> None:
    runs, _ = finished
    settings = ["head={regression: {init: ridge}}", "loss=[squared_error]", "decode=output", "backbone.dense=[]", "stages.fgnet.epochs=0"]
    place = tmp_path / "runs"
    shutil.copytree(runs / "faces", place / "faces")
    shutil.copytree(runs / "synthetic", place / "synthetic")
    agerepro(*FROZEN, "--runs", place, *(word for setting in settings for word in ("--set", setting)))
    run = find_run(place / "koenig2019" / "tiny")
    photos, folds, predictions = read_table(run.folder / "photos.csv", PHOTOS), run.folds(), run.predictions([0])
    (stored,) = (place / "features").glob("*/plain.npy")
    features = np.load(stored).reshape(len(photos), -1).astype(np.float64)
    for fold, tested in predictions.groupby("fold"):
        train = photos["photo"].isin(folds.loc[(folds["fold"] == fold) & (folds["part"] == "train"), "photo"]).to_numpy()
        test = [photos["photo"].tolist().index(photo) for photo in tested["photo"]]
        scaled = StandardScaler().fit(features[train])
        answers = [
            Ridge(alpha=strength).fit(scaled.transform(features[train]), photos["age"][train]).predict(scaled.transform(features[test]))
            for strength in STRENGTHS
        ]
        assert min(np.abs(answer - tested["predicted"].to_numpy()).max() for answer in answers) < 1e-2
