"""`agerepro predict` as scripts use it: rows on standard output, talk on standard error, exit codes 0, 1 and 2."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.process import TINY, agerepro


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict") / "runs"
    agerepro("run", TINY, "--profile", "frozen", "--runs", folder, code=0)
    return folder


@pytest.fixture(scope="module")
def face(runs: Path) -> Path:
    """A drawn face of the run's own data."""
    return sorted(runs.glob("synthetic/*/fgnet/FGNET/images/*.JPG"))[0]


def test_one_photo_is_one_line_and_0(runs: Path, face: Path, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    done = agerepro("predict", face, "--run", runs / "koenig2019", "--distribution", "--map", maps, "--how", "grad_cam", code=0)
    (line,) = done.stdout.splitlines()
    row = json.loads(line)
    assert row["status"] == "ok" and row["low"] <= row["age"] <= row["high"]
    assert row["coverage"] is None, "of four people none can be left out"
    assert sum(row["distribution"].values()) == pytest.approx(1, abs=1e-4)
    assert row["map"] == str(maps / f"0001-{face.stem}.png") and Path(row["map"]).is_file() and "Grad-CAM maps of the" in done.stderr
    assert "1 photo: 1 with 1 face" in done.stderr and "80 % intervals" in done.stderr and "fold 0" in done.stderr


def test_a_photo_that_fails_is_1_and_costs_the_others_nothing(runs: Path, face: Path, tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(face.read_bytes())
    (tmp_path / "text.jpg").write_text("not a picture")
    Image.new("RGB", (90, 70), "grey").save(tmp_path / "plain.png")
    sheet = tmp_path / "sheet.png"
    command = ("predict", tmp_path, "--run", runs / "koenig2019", "--format", "csv", "--folds", "all", "--sheet", sheet)
    done = agerepro(*command, code=1)
    rows = {Path(row["photo"]).name: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {name: row["status"] for name, row in rows.items()} == {"face.jpg": "ok", "plain.png": "no_face", "text.jpg": "unreadable"}
    assert rows["face.jpg"]["folds"] == "0 1 2 3" and rows["text.jpg"]["reason"] == "not a picture"
    assert "3 photos: 1 with 1 face, 1 without a face, 1 unreadable" in done.stderr
    with Image.open(sheet) as picture:
        assert picture.format == "PNG" and picture.width >= 600


def test_a_name_that_is_not_utf_8_is_written_escaped(runs: Path, face: Path, tmp_path: Path) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    photo.write_bytes(face.read_bytes())
    done = agerepro("predict", photo, tmp_path, "--run", runs / "koenig2019", "--sheet", tmp_path / "sheet.png", code=0)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["photo"] == f"{tmp_path}/caf\\udce9.jpg" and (tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize("option", ["--sheet", "--map"])
def test_a_place_that_cannot_be_written_is_2_before_anything_is_computed(option: str, runs: Path, face: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = agerepro("predict", face, "--run", runs / "koenig2019", option, tmp_path / "file" / "sheet.png", code=2)
    assert str(tmp_path / "file") in done.stderr and not done.stdout and "faces: 1/1" not in done.stderr


def test_a_full_disk_is_2(runs: Path, face: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "agerepro", "predict", str(face), "--run", str(runs / "koenig2019")]
        process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=600)
    assert process.returncode == 2 and "No space left" in process.stderr and "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["nowhere.jpg"], "nowhere.jpg"),
        (["FACE", "--folds", "9"], "0 to 3"),
        (["FACE", "--sheet", "sheet.jpg"], "PNG"),
        (["FACE", "--format", "xml"], "xml"),
        (["FACE", "--how", "mean"], "add --map FOLDER"),
        (["FACE", "--map", "maps", "--folds", "9"], "0 to 3"),
        ([], "Missing argument"),
    ],
)
def test_a_mistake_is_2(arguments: list[str], fact: str, runs: Path, face: Path) -> None:
    given = [str(face) if argument == "FACE" else argument for argument in arguments]
    done = agerepro("predict", *given, "--run", runs / "koenig2019", code=2)
    assert fact in done.stderr and not done.stdout
