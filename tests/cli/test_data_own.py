"""`agerepro data verify` on a user's own photos, from photos that `data synthesize own` draws; --columns and --pattern as settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.cli.options import own_settings
from agerepro.config.loading import read_experiment
from agerepro.errors import UserError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FROZEN, KFOLD = EXPERIMENTS / "congress" / "frozen.yaml", EXPERIMENTS / "own" / "kfold.yaml"


def data(*arguments: object):
    return CliRunner().invoke(agerepro_command, ["data", *map(str, arguments)])


def test_drawn_photos_are_clean_until_one_row_is_not(tmp_path):
    drawn = data("synthesize", "own", "--root", tmp_path, "--people", "2", "--size", "64")
    labels = tmp_path / "own" / "faces.csv"
    assert drawn.exit_code == 0 and str(labels) in drawn.stderr
    assert labels.read_text().splitlines()[0] == "file,years,person,sex"
    for arguments in ((labels,), (tmp_path / "own",), ("own", "--root", tmp_path), (labels, "--columns", "photo=file,age=years")):
        verified = data("verify", *arguments)
        assert verified.exit_code == 0 and "16 photos" in verified.stdout and "people: 2" in verified.stdout, verified.output
    with labels.open("a") as file:
        file.write("photos/none.jpg,3,x,f\n")
    verified = data("verify", labels, "--json")
    assert verified.exit_code == 1
    assert json.loads(verified.stdout)["problems"] == [{"line": 18, "photo": "photos/none.jpg", "reason": "there is no such file"}]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["fgnet"], "--root"), (["fgnett"], "'fgnet'"), (["x.csv"], "x.csv"), (["fgnet", "--root", ".", "--pattern", "x"], "--pattern"),
        ([".", "--columns", "photo=a", "--pattern", "{age}.jpg"], "one of them"), ([".", "--columns", "foto=a"], "'photo'"),
    ],
)  # fmt: skip
def test_what_cannot_be_verified(tmp_path, monkeypatch, arguments, word):
    monkeypatch.chdir(tmp_path)
    result = data("verify", *arguments)
    assert result.exit_code != 0 and word in (str(result.exception) if isinstance(result.exception, UserError) else result.output)


def test_columns_and_pattern_are_settings_of_the_experiment():
    columns = own_settings('photo=file, age=no ,"subject=Person: name, first",split=', None)
    own = read_experiment(FROZEN, settings=columns).own
    assert own.columns == {"photo": "file", "age": "no", "subject": "Person: name, first", "split": ""} and own.pattern == ""
    own = read_experiment(FROZEN, settings=("own.columns.photo=file", *own_settings(None, "{subject}/{age}.jpg"))).own
    assert (own.columns, own.pattern) == ({}, "{subject}/{age}.jpg")
    assert own_settings(None, None) == ()


@pytest.mark.parametrize("text", ["", "photo", "foto=a", "photo=a,photo=b"])
def test_columns_that_say_nothing_certain(text):
    with pytest.raises(UserError, match="--columns"):
        own_settings(text, None)


def test_columns_and_a_pattern_in_one_experiment_are_refused():
    with pytest.raises(UserError, match="pattern"):
        read_experiment(FROZEN, settings=("own.columns.photo=file", "own.pattern=x"))


@pytest.mark.slow
def test_from_a_csv_file_of_ones_own_to_a_table(tmp_path):
    data("synthesize", "own", "--root", tmp_path, "--people", "6", "--size", "96")
    rows = (tmp_path / "own" / "faces.csv").read_text().splitlines()[1:]
    labels = tmp_path / "own" / "mine.csv"
    labels.write_text("\n".join(["wo;jahre;wer;was", *(row.replace(",", ";") for row in rows), "weg.jpg;3;x;f"]) + "\n", encoding="utf-16")
    command = [sys.executable, "-m", "agerepro", "run", KFOLD, "--profile", "demo", "--data", labels, "--runs", tmp_path / "runs"]
    command += ["--columns", "photo=wo,age=jahre,subject=wer,gender=was", "--folds", "0", "--set", "stages.own.epochs=1"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "48 faces, 6 people" in done.stderr and "MAE (macro), years" in done.stdout
    (about,) = (tmp_path / "runs" / "faces").glob("own-*/about.json")
    assert [item["path"] for item in json.loads(about.read_text())["funnel"]["skipped"]] == ["mine.csv:50: weg.jpg"]
