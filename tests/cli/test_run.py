"""`agerepro plan`, `verify`, `status` and `step`: what is done and what is not, what is damaged, and exit codes; nothing is trained."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agerepro.cli import main as command_line
from agerepro.errors import CheckFailed, UserError
from agerepro.faces import crops
from agerepro.faces.detection import Detection
from agerepro.io import work_folder, write_folder, write_json
from agerepro.running import FAILED
from agerepro.runs.plan import RunOptions, make_plan
from tests.cli.place import Place, invoke
from tests.cli.process import TINY
from tests.cli.process import agerepro as run_process
from tests.faces.rectangles import Rectangles
from tests.opened import opened_below


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(crops, "detector", lambda: Rectangles())
    return Place(tmp_path)


def flip(path: Path) -> Path:
    """The same file with another byte in its middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_a_plan_follows_what_is_done_and_writes_nothing(place: Place) -> None:
    faces = {"prepare fgnet": "ready", "prepare own": "ready"}
    assert place.states() == faces | {"train base": "waiting", "collect": "waiting"}
    assert not place.runs.exists()
    place.prepare()
    done = dict.fromkeys(faces, "done")
    folds = {f"fold {number}": "waiting" for number in range(3)}
    assert place.states() == done | {"train base": "ready"} | folds | {"collect": "waiting"}
    place.train()
    done["train base"] = "done"
    assert place.states() == done | dict.fromkeys(folds, "ready") | {"collect": "waiting"}
    place.fold(1)
    write_json(work_folder(place.plan().run.fold_folder(0, 2)) / FAILED, {"reason": "The loss became nan.", "at": ""})  # type: ignore[union-attr]
    assert place.states() == done | {"fold 0": "ready", "fold 1": "done", "fold 2": "failed", "collect": "waiting"}
    text = invoke("plan", *place.arguments()).stdout
    assert "The loss became nan." in text and "4 of 7 steps done" in text


def test_a_plan_opens_no_original_no_crop_and_no_weights(place: Place) -> None:
    place.prepare()
    place.train()
    for number in range(3):
        place.fold(number)
    assert place.states()["collect"] == "ready"
    with opened_below(place.data) as originals, opened_below(place.runs) as ours:
        place.states()
    assert originals == [] and not [name for name in ours if name.endswith((".arrow", ".npz"))]


def test_a_changed_setting_is_another_run_and_one_that_trains_nothing_is_the_same(place: Place) -> None:
    place.prepare()
    place.train()
    place.fold(0)
    run = place.plan().run
    settings = {
        "keep_weights=none": (True, "done"),
        "seeds=[0, 1]": (True, "done"),
        "stages.last.epochs=2": (False, "ready"),
        "stages.base.epochs=2": (False, "waiting"),
    }
    for setting, (same, state) in settings.items():
        plan = make_plan(RunOptions(place.experiment, data=place.data, runs=place.runs, settings=(setting,)))
        assert (plan.run == run, {step.name: step.state for step in plan.steps}["fold 0"]) == (same, state), setting


def test_a_fold_of_other_settings_is_not_done_and_its_run_is_refused(place: Place) -> None:
    place.prepare()
    place.train()
    place.fold(0, made_by="other settings")
    assert place.states()["fold 0"] != "done"
    run = place.plan().run
    assert run is not None
    result = invoke("status", run.folder)
    assert isinstance(result.exception, CheckFailed) and "made by other settings" in str(result.exception)


def test_status_counts_folds_and_tells_why_one_failed_without_opening_weights(place: Place) -> None:
    place.prepare()
    place.train()
    folder = place.fold(1)
    run = folder.parents[1]
    write_json(work_folder(folder.with_name("002")) / FAILED, {"reason": "The loss became nan.", "at": ""})
    with opened_below(folder) as names:
        result = invoke("status", run)
    assert result.exit_code == 1 and "1 of 3 folds done" in result.stdout
    rows = dict(line.split("  ", 1) for line in result.stdout.replace("   ", "  ").split("\n  ")[1:])
    assert {name.strip(): note.strip() for name, note in rows.items()} == {
        "train base": "done", "fold 0": "missing", "fold 2": "failed: The loss became nan."
    }  # fmt: skip
    assert set(names) == {"manifest.json", "provenance.json"}
    place.fold(0)
    place.fold(2)
    assert invoke("status", run).exit_code == 0


def test_verify_reads_every_file_and_names_each_that_is_damaged(place: Place) -> None:
    place.prepare()
    stage, fold = place.train(), place.fold(1)
    run = fold.parents[1]
    (own,) = (place.runs / "faces" / "crops").glob("own-*/*.arrow")
    with opened_below(place.runs) as names:
        whole = invoke("verify", run)
    assert whole.exit_code == 0 and not {"final.weights.npz", "weights.npz", own.name, "photos.csv"} - set(names)
    damaged = [flip(path) for path in (fold / "weights.npz", stage / "final.weights.npz")]
    flip(own)
    gone = next((place.runs / "faces").glob("fgnet-*/crops.csv"))
    gone.unlink()
    for shard in ("damaged, set aside", "missing"):  # a second look finds the same, until it is made anew
        result = invoke("verify", run)
        lines = {f"damaged: {path}" for path in damaged} | {f"missing: {gone}", f"{shard}: {own}"}
        assert result.exit_code == 1 and {line.strip() for line in result.stdout.splitlines()[1:]} == lines
    assert own.with_name(f"{own.name}.corrupt").is_file()
    states = place.states()
    assert states["prepare own"] == states["prepare fgnet"] == "ready"
    place.prepare()
    assert place.states() | {"collect": ""} == {
        **{"prepare fgnet": "done", "prepare own": "done", "train base": "ready", "collect": ""},
        **{f"fold {number}": "waiting" for number in range(3)},
    }
    place.train()
    place.fold(1)
    assert invoke("verify", run).exit_code == 0 and place.states()["fold 1"] == "done"


def test_verify_reads_what_the_runs_stages_predict_and_no_other_predictions(place: Place) -> None:
    place.prepare()
    stage, fold = place.train(), place.fold(1)

    def predict(name: str, by: str) -> Path:
        def write(into: Path) -> None:
            np.save(into / "predictions.npy", np.zeros(6))
            write_json(into / "provenance.json", {"stage": by})

        write_folder(place.runs / "predictions" / name, write, made_by=name)
        return place.runs / "predictions" / name / "predictions.npy"

    own, other = predict("base-1", stage.name), predict("base-2", "base-of-another-run")
    assert invoke("verify", fold.parents[1]).exit_code == 0
    flip(own)
    flip(other)
    result = invoke("verify", fold.parents[1])
    assert result.exit_code == 1 and f"damaged: {own}" in result.stdout and str(other) not in result.stdout


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (["train", "base"], "`agerepro plan`"),
        (["fold", "0"], "faces of fgnet, own are not prepared"),
        (["collect"], "`agerepro plan`"),
    ],
)
def test_a_step_whose_needs_are_not_done_is_refused(place: Place, what: list[str], words: str) -> None:
    result = invoke("step", place.experiment, *what, "--data", place.data, "--runs", place.runs)
    assert isinstance(result.exception, CheckFailed) and result.exception.exit_code == 1 and words in str(result.exception)


@pytest.mark.parametrize("what", [["prepare", "onw"], ["train", "last"], ["fold", "9"], ["fold"]])
def test_a_step_that_the_experiment_does_not_have_is_a_users_error(place: Place, what: list[str]) -> None:
    place.prepare()
    place.train()
    result = invoke("step", place.experiment, *what, "--data", place.data, "--runs", place.runs)
    error = result.exception
    assert result.exit_code == 2 or (isinstance(error, UserError) and error.exit_code == 2), error


def test_a_step_that_is_asked_to_stop_saves_and_ends_with_75_and_the_same_command_continues(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopping(Rectangles):
        def detect(self, images: Sequence[np.ndarray], *, smallest_face: int) -> list[list[Detection]]:
            if not self.shown:  # a second signal would end the process
                os.kill(os.getpid(), signal.SIGTERM)
            return super().detect(images, smallest_face=smallest_face)

    def step(detector: Rectangles) -> int:
        monkeypatch.setattr(crops, "detector", lambda: detector)
        monkeypatch.setattr(sys, "argv", ["agerepro", "step", *map(str, place.arguments("prepare", "own"))])
        try:
            command_line.main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    monkeypatch.setattr(crops, "BATCH", 2)
    monkeypatch.setattr("agerepro.runs.local.configure", lambda machine: None)  # nothing here computes with TensorFlow
    assert step(Stopping()) == 75 and "2 of 6 photos: stopped by SIGTERM" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and place.states()["prepare own"] == "ready"
    rest = Rectangles()
    assert step(rest) == 0 and rest.shown == 2 * 4 and place.states()["prepare own"] == "done"


FAST = ("--set", "stages.people.epochs=1", "--set", "stages.fgnet.epochs=1")


@pytest.mark.slow
def test_what_verify_finds_damaged_is_made_anew_and_comes_to_the_same(tmp_path: Path) -> None:
    command = ("run", TINY, "--profile", "frozen", "--runs", tmp_path / "runs", *FAST)
    run_process(*command, code=0)
    (run,) = (tmp_path / "runs" / "koenig2019" / "tiny").glob("[!.]*")
    assert run_process("plan", *command[1:], code=0).stdout.rstrip().endswith("steps done")
    files = {path: path.read_bytes() for name in ("predictions.csv", "weights.npz") for path in run.glob(f"folds/*/{name}")}
    fold, (stage,) = run / "folds" / "002" / "weights.npz", (tmp_path / "runs" / "stages").glob("people-*/final.weights.npz")
    (shard, *_) = (tmp_path / "runs" / "faces" / "crops").glob("fgnet-*/*.arrow")
    for path in (fold, stage, shard):
        flip(path)
    said = run_process("verify", run, code=1)
    assert all(str(path) in said.stdout for path in (fold, stage, shard)) and "agerepro run" in said.stderr
    assert "3 of 4 folds done" in run_process("status", run, code=1).stdout
    run_process(*command, code=0)
    run_process("verify", run, code=0)
    assert {path: path.read_bytes() for path in files} == files
