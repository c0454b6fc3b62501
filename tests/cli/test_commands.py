"""The command line: fast, quiet, one sentence for a user's mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agerepro.training.device import cuda_libraries


def agerepro(*arguments: object, code: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "agerepro", *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_help_names_every_command_and_what_exit_codes_mean() -> None:
    said = agerepro("--help", code=0).stdout
    commands = ("align", "data", "doctor", "run", "plan", "step", "status", "verify", "table")
    assert all(f"\n  {command} " in said for command in commands) and all(code in said for code in ("1 found wanting", "75 stopped"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere.yaml"], "There is no experiment file nowhere.yaml"),
        (["data", "verify", "fgnt", "--root", "."], "Did you mean 'fgnet'?"),
        (["data", "verify", "fgnet", "--root", "nowhere"], "does not exist. "),
        (["status", "nowhere"], "holds no run"),
        (["table", "nowhere"], "holds no run"),
        (["verify", "nowhere"], "holds no run"),
        (["plan", "nowhere.yaml"], "There is no experiment file nowhere.yaml"),
        (["rnu"], "No such command 'rnu'"),
        (["run", "--profil", "demo"], "--profil"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments: list[str], said: str) -> None:
    assert said in agerepro(*arguments, code=2).stderr


def test_verify_exits_1_where_counts_differ_and_0_where_they_agree(tmp_path: Path) -> None:
    names = Path(__file__).parents[2] / "agerepro" / "datasets" / "cards" / "fgnet_filenames.txt"
    images = tmp_path / "fgnet" / "FGNET" / "images"
    images.mkdir(parents=True)
    for name in names.read_text().split():
        (images / name).touch()
    found = json.loads(agerepro("data", "verify", "fgnet", "--root", tmp_path, "--json", code=0).stdout)
    counted = {row["what"]: row["ours"] for row in found["rows"]}
    assert (counted["images"], counted["people"], counted["distinct ages"]) == (1002, 82, 63)
    assert [counted[f"ages {bin}"] for bin in ("0-19", "20-39", "40-59", "60-79")] == [710, 223, 61, 8]
    next(images.iterdir()).unlink()
    assert "NO" in agerepro("data", "verify", "fgnet", "--root", tmp_path, code=1).stdout


def test_synthesize_then_verify_reads_what_was_written(tmp_path: Path) -> None:
    agerepro("data", "synthesize", "agedb", "fgnet", "--root", tmp_path, "--people", 2, "--size", 64, code=0)
    said = agerepro("data", "verify", "fgnet", "--root", tmp_path, code=1).stdout  # 2 people are not 82
    assert "people" in said and " 2 " in said
    shutil.rmtree(tmp_path / "agedb")
    assert "does not exist" in agerepro("data", "verify", "agedb", "--root", tmp_path, code=2).stderr


@pytest.mark.skipif(cuda_libraries() is not None, reason="this environment may have a GPU")
def test_a_required_gpu_is_missed_before_anything_is_done(tmp_path: Path) -> None:
    run = ("run", "experiments/koenig2019/vgg16-faces2.yaml", "--profile", "demo", "--runs", tmp_path / "runs", "--require-gpu")
    assert "ACCELERATOR=cuda" in agerepro(*run, code=2).stderr
    assert not (tmp_path / "runs").exists()


def test_doctor_says_what_is_here_and_what_is_missing(tmp_path: Path) -> None:
    images = tmp_path / "fgnet" / "FGNET" / "images"
    images.mkdir(parents=True)
    (images / "001A02.JPG").touch()
    (tmp_path / "agedb").mkdir()
    (tmp_path / "rcmalli_vggface_tf_notop_vgg16.h5").write_text("<html>")
    found = json.loads(agerepro("doctor", "--data", tmp_path, "--weights", tmp_path, "--json", code=0).stdout)
    assert "CPU:0" in found["machine"]["devices"] and found["packages"]["keras"]
    assert found["machine"]["computes on"].split()[0] in found["machine"]["devices"].split(", ") and found["machine"]["code"]
    assert found["data"]["fgnet"] == str(tmp_path / "fgnet") and found["data"]["imdb"].startswith("missing")
    assert found["data"]["agedb"].startswith("unusable") and found["weights"]["vggface vgg16"].startswith("unusable")
    assert set(found["weights"]) >= {"vggface vgg16", "vggface vgg16 dense", "dlib dlib_resnet"}
