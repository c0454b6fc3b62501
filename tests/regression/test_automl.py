"""auto-sklearn's worker and what starts it, with stand-ins for the library and for the worker; real fits: `make test-automl`."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import Interrupted, UserError
from agerepro.regression import automl, worker
from agerepro.stopping import noting_signals
from tests.regression.exchange import SETTINGS, read_rows, sign, write_features

REPOSITORY = Path(__file__).parents[2]
ENDS_S = 15.0


@pytest.fixture
def features(tmp_path: Path) -> Path:
    return write_features(tmp_path / "features")


def ends_with(features: Path, out: Path, settings: Any = SETTINGS, fold: int = 0) -> tuple[int, str]:
    """Exit code and standard error of the worker itself, run by this Python: it reads all its input before it needs the library."""
    path = features.parent / "settings.json"
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    command = [sys.executable, "-I", automl.WORKER, features, out, "--fold", str(fold), "--settings", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


# The worker's input


def spoil_value(folder: Path) -> None:
    features = np.load(folder / "features.npy")
    features[:, 3] = np.inf
    np.save(folder / "features.npy", features)
    sign(folder)


def spoil_type(folder: Path) -> None:
    np.save(folder / "features.npy", np.load(folder / "features.npy").astype(np.float64))
    sign(folder)


def spoil_rows(folder: Path) -> None:
    np.save(folder / "features.npy", np.load(folder / "features.npy")[:-1])
    sign(folder)


def spoil_pickle(folder: Path) -> None:
    np.save(folder / "features.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    sign(folder)


def spoil_bytes(folder: Path) -> None:
    content = bytearray((folder / "features.npy").read_bytes())
    content[-1] ^= 1
    (folder / "features.npy").write_bytes(content)


def spoil_length(folder: Path) -> None:
    (folder / "features.npy").write_bytes((folder / "features.npy").read_bytes()[:500])
    sign(folder)


SPOILS: dict[str, tuple[Callable[[Path], object], str]] = {
    "infinite value": (spoil_value, "finite"),
    "another type": (spoil_type, "float32"),
    "fewer rows": (spoil_rows, "159"),
    "pickled objects": (spoil_pickle, "features.npy"),
    "another byte": (spoil_bytes, "meta.json"),
    "cut short": (spoil_length, "features.npy"),
    "no features": (lambda folder: (folder / "features.npy").unlink(), "features.npy"),
    "no folds": (lambda folder: (folder / "folds.csv").unlink(), "folds.csv"),
    "no JSON": (lambda folder: (folder / "meta.json").write_text("{"), "meta.json"),
    "no column": (lambda folder: (folder / "photos.csv").write_text("photo,age\n"), "subject"),
    "binary table": (lambda folder: (folder / "photos.csv").write_bytes(b"\xff\x00"), "photos.csv"),
    "unknown photo": (lambda folder: (folder / "folds.csv").write_text("fold,photo,part\n0,elsewhere.jpg,train\n"), "elsewhere.jpg"),
    "photo in two parts": (
        lambda folder: (folder / "folds.csv").write_text("fold,photo,part\n0,drawn/0001.jpg,train\n0,drawn/0001.jpg,test\n"),
        "twice",
    ),
    "nothing tested": (lambda folder: (folder / "folds.csv").write_text("fold,photo,part\n0,drawn/0001.jpg,train\n"), "0 to test"),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_wrong_with_the_input_is_one_sentence(features: Path, tmp_path: Path, spoil: str) -> None:
    change, named = SPOILS[spoil]
    change(features)
    code, said = ends_with(features, tmp_path / "out")
    assert code == 2 and named in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seconds": 29}, "30"),
        ({"seconds": "300"}, "seconds"),
        ({"seed": True}, "seed"),
        ({"trials": -1}, "trials"),
        ({"jobs": 0}, "jobs"),
        ({"inner_split": "people"}, "subjects"),
        ({"memory_mb": 1535}, "1536"),
        ({"memory_mb": 2047, "jobs": 2}, "2048"),
        ({"minutes": 3}, "minutes"),
    ],
)
def test_settings_that_auto_sklearn_cannot_take_are_refused(features: Path, tmp_path: Path, change: dict[str, Any], named: str) -> None:
    code, said = ends_with(features, tmp_path / "out", {**SETTINGS, **change})
    assert code == 2 and named in said and said.count("\n") == 1


def test_a_missing_fold_is_named_with_those_that_are_there(features: Path, tmp_path: Path) -> None:
    code, said = ends_with(features, tmp_path / "out", fold=7)
    assert code == 2 and "7" in said and "0, 1, 2" in said


def test_results_of_an_earlier_run_do_not_stay(features: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("predictions.csv", "about.json", "model.pkl"):
        (out / name).write_text("of another run")
    assert ends_with(features, out, fold=7)[0] == 2
    assert not list(out.iterdir())


def test_a_fold_fits_train_and_validation_photos_and_tests_the_rest(features: Path) -> None:
    fold = worker.read_fold(features, 1)
    parts = {row["photo"]: row["part"] for row in read_rows(features / "folds.csv") if row["fold"] == "1"}
    photos = read_rows(features / "photos.csv")
    assert fold.tested_photos == [row["photo"] for row in photos if parts[row["photo"]] == "test"]
    fitted = [(row["subject"], float(row["age"])) for row in photos if parts[row["photo"]] != "test"]
    assert list(zip(fold.subjects, fold.ages.tolist())) == fitted
    assert "validation" in parts.values()
    rows = [number for number, row in enumerate(photos) if parts[row["photo"]] == "test"]
    np.testing.assert_array_equal(fold.tested, np.load(features / "features.npy")[rows])


# The division inside


@pytest.mark.parametrize("seed", range(8))
def test_the_inner_split_keeps_people_apart_near_the_share_of_the_library(seed: int) -> None:
    subjects = [f"p{number}" for number in np.random.default_rng(seed).geometric(0.1, 200)]
    split = worker.split_by_subjects(subjects, seed)
    fitted, judged = ({subjects[row] for row in side} for side in split)
    assert fitted and judged and not fitted & judged
    assert sorted([*split.fitted, *split.judged]) == list(range(200))
    assert len(split.judged) / 200 == pytest.approx(0.33, abs=0.1)


def test_two_people_are_enough_and_one_is_not() -> None:
    assert worker.split_by_subjects(["a", "b", "b"], 0).judged.size in (1, 2)
    with pytest.raises(worker.WrongInput):
        worker.split_by_subjects(["a", "a"], 0)


# What comes of the library


class MyDummyRegressor:
    """Named as auto-sklearn names its constant."""


class Trial(NamedTuple):
    """A key of the library's history of trials."""

    config_id: int


class FakeAutoSklearn:
    """Stands in for AutoSklearnRegressor: its search comes to `members` and `statuses`, or to `error`."""

    members: ClassVar[list[Any]] = []
    statuses: ClassVar[list[str]] = []
    error: ClassVar[Exception | None] = None
    judges_by: ClassVar[int] = 0  # rows before those that were meant

    def __init__(self, **options: Any) -> None:
        self.options = options

    def fit(self, features: np.ndarray, ages: np.ndarray) -> None:
        os.write(1, b"noise of the library")
        os.write(2, b"noise of the library")
        if self.error:
            raise self.error
        strategy = self.options["resampling_strategy_arguments"]
        assert strategy["shuffle"] is False
        self.judged = ages[int(np.floor(strategy["train_size"] * len(ages))) - self.judges_by :]
        runs = {
            Trial(number): SimpleNamespace(status=SimpleNamespace(name=status), additional_info={"error": "the reason"})
            for number, status in enumerate(self.statuses)
        }
        history = SimpleNamespace(data=runs, ids_config=[{"regressor:__choice__": "sgd"}] * len(runs))
        backend = SimpleNamespace(load_targets_ensemble=lambda: self.judged)
        self.automl_ = SimpleNamespace(runhistory_=history, _backend=backend)

    def get_models_with_weights(self) -> list[Any]:
        return self.members

    def leaderboard(self, *, ensemble_only: bool) -> pd.DataFrame:
        row = {"rank": 1, "ensemble_weight": 1.0, "type": "sgd", "cost": 0.25, "duration": 1.5}
        return pd.DataFrame([row, {**row, "type": None, "cost": None}])

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.full(len(features), 33.25)


MODEL = (1.0, SimpleNamespace(config={"regressor:__choice__": "sgd"}))
CONSTANT = (1.0, MyDummyRegressor())


@pytest.fixture
def fit(features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Path, dict[str, Any]]]:
    """Fit fold 0 with the stand-in: exit code, folder, and what about.json says."""

    def fit_with(**what: Any) -> tuple[int, Path, dict[str, Any]]:
        settings = {**SETTINGS, **what.pop("settings", {})}
        library = type("Library", (FakeAutoSklearn,), what)
        monkeypatch.setitem(sys.modules, "autosklearn.regression", SimpleNamespace(AutoSklearnRegressor=library))
        monkeypatch.setattr(worker, "silent_logging", dict)
        monkeypatch.setattr(worker, "versions", lambda: {"python": "3.9"})
        monkeypatch.setattr(worker, "dump", lambda model, path: path.write_bytes(b"model"))
        out, place = tmp_path / "out", tmp_path / "place"
        out.mkdir()
        place.mkdir()
        with warnings.catch_warnings():
            code = worker.fit_and_write(worker.read_fold(features, 0), settings, out, place, {"n_test": 1}, time.monotonic())
        return code, out, json.loads((out / "about.json").read_text())

    return fit_with


def test_a_fit_leaves_predictions_a_model_and_what_came_of_the_trials(fit, features: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, about = fit(members=[MODEL, CONSTANT], statuses=["SUCCESS", "TIMEOUT", "CRASHED"])
    assert code == 0 and about["error"] is None
    assert about["statuses"] == {"SUCCESS": 1, "TIMEOUT": 1, "CRASHED": 1}
    assert {row["status"] for row in about["failures"]} == {"TIMEOUT", "CRASHED"}
    assert about["ensemble"] == [{"family": "sgd", "weight": 1.0}, {"family": "dummy", "weight": 1.0}]
    assert [row["type"] for row in about["leaderboard"]] == ["sgd"]
    assert about["inner_split"]["people_on_both_sides"] == 0 and not about["reproducible"]  # a trial met its limit of time
    tested = [row["photo"] for row in read_rows(features / "folds.csv") if (row["fold"], row["part"]) == ("0", "test")]
    assert [(row["photo"], float(row["predicted"])) for row in read_rows(out / "predictions.csv")] == [(photo, 33.25) for photo in tested]
    assert sorted(path.name for path in out.iterdir()) == ["about.json", "model.pkl", "predictions.csv"]
    assert "noise" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("settings", "statuses", "expected"),
    [
        ({}, ["SUCCESS"] * 3, True),
        ({}, ["SUCCESS", "SUCCESS", "CRASHED"], True),  # with an error of its own, which comes again
        ({}, ["SUCCESS"] * 2, False),
        ({}, ["SUCCESS", "SUCCESS", "MEMOUT"], False),
        ({"trials": 0}, ["SUCCESS"] * 3, False),
        ({"jobs": 2}, ["SUCCESS"] * 3, False),
    ],
)
def test_only_whole_searches_by_count_are_called_reproducible(fit, settings: dict[str, int], statuses: list[str], expected: bool) -> None:
    assert fit(members=[MODEL], statuses=statuses, settings=settings)[2]["reproducible"] is expected


@pytest.mark.parametrize(
    "what",
    [
        {"members": [CONSTANT], "statuses": ["SUCCESS", "MEMOUT"]},
        {"members": [MODEL], "statuses": ["TIMEOUT", "MEMOUT"]},
        {"members": [], "statuses": []},
        {"error": ValueError((" Dummy prediction failed with run state MEMOUT",))},
        {"members": [MODEL], "statuses": ["SUCCESS"], "judges_by": 1},
    ],
    ids=["nothing but the constant", "no trial succeeded", "no trial", "the library raises", "judged by other photos"],
)
def test_no_model_is_an_error_with_its_reason_and_never_a_prediction(fit, what: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    code, out, about = fit(**what)
    assert code == 1 and about["error"] and capfd.readouterr().err.strip() == about["error"]
    assert [path.name for path in out.iterdir()] == ["about.json"]
    for status in what.get("statuses", []):
        assert about["statuses"][status]
    if "judges_by" not in what:
        assert "4096 MB" in about["error"] and "300 s" in about["error"]


def test_limits_reach_the_library_with_head_room(fit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(FakeAutoSklearn, "__init__", lambda self, **options: seen.update(options) or setattr(self, "options", options))
    about = fit(members=[MODEL], statuses=["SUCCESS"], settings={"jobs": 2, "memory_mb": 7168, "trials": 40})[2]
    assert seen["memory_limit"] == about["memory_mb_a_model"] == 3072
    assert (seen["time_left_for_this_task"], seen["per_run_time_limit"], seen["n_jobs"], seen["seed"]) == (300, 120, 2, 3)
    assert seen["smac_scenario_args"] == {"runcount_limit": 40} and seen["initial_configurations_via_metalearning"] == 25


def test_the_worker_is_python_3_9_and_imports_nothing_of_ours() -> None:
    tree = ast.parse(automl.WORKER.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith("agerepro")]
    top = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert top - set(sys.stdlib_module_names) == {"numpy"}


# What starts it

WRITES = r"""
import csv, json, pathlib, sys
out = pathlib.Path(sys.argv[2]); out.mkdir(parents=True, exist_ok=True)
about = {"n_test": 2, "error": None, "settings": json.loads(pathlib.Path(sys.argv[sys.argv.index("--settings") + 1]).read_text())}
(out / "predictions.csv").write_text("photo,predicted\n007,30.5\nb.jpg,0.1000000000000000055\n")
(out / "about.json").write_text(json.dumps(about))
"""


@pytest.fixture
def fit_with(features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., automl.AutoSklearnFit]:
    """Fit fold 0 with a stand-in of the worker, whose program is given."""

    def fit_fold(program: str, **options: Any) -> automl.AutoSklearnFit:
        monkeypatch.setattr(automl, "WORKER", tmp_path / "fake_worker.py")
        automl.WORKER.write_text(program)
        settings = {**SETTINGS, "other": "of another engine", **options.pop("settings", {})}
        return automl.fit_fold(features, 0, tmp_path / "out", settings, interpreter=Path(sys.executable), **options)

    return fit_fold


def test_what_the_worker_wrote_is_given_back(fit_with) -> None:
    fitted = fit_with(WRITES)
    assert fitted.predictions["photo"].tolist() == ["007", "b.jpg"] and fitted.predictions["predicted"].tolist() == [30.5, 0.1]
    assert fitted.about["settings"] == SETTINGS


def test_the_other_python_sees_neither_our_variables_nor_our_folder(fit_with, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "csv.py").write_text("raise SystemExit('the file beside the worker')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert fit_with(WRITES).about["n_test"] == 2


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ("import sys; sys.exit('no model: 3 MEMOUT')", "no model: 3 MEMOUT"),
        ("import sys; print('fold 0 is missing', file=sys.stderr); sys.exit(2)", "fold 0 is missing"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import sys; sys.exit(77)", "77"),
        ("", "cannot be read"),
        (WRITES.replace('"n_test": 2', '"n_test": 3'), "whole"),
        (WRITES.replace("30.5", ""), "cannot be read"),
        (WRITES.replace('"error": None', '"error": "none"'), "whole"),
    ],
    ids=[
        "no model",
        "wrong input",
        "killed",
        "crashed",
        "unknown code",
        "nothing written",
        "a photo missing",
        "a number missing",
        "an error",
    ],
)
def test_how_the_worker_failed_is_said(fit_with, program: str, named: str) -> None:
    with pytest.raises(UserError, match=re.escape(named)):
        fit_with(program)


SLEEPS = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
place = pathlib.Path(sys.argv[2]); place.mkdir(parents=True, exist_ok=True)
(place / "scratch").write_text(os.environ["TMPDIR"])
(place / "pids.tmp").write_text(f"{os.getpid()} {child.pid}")
(place / "pids.tmp").rename(place / "pids")
time.sleep(600)
"""


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + ENDS_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pids_in(out: Path) -> list[int]:
    wait_until((out / "pids").exists)
    return [int(word) for word in (out / "pids").read_text().split()]


def test_a_worker_that_takes_too_long_is_ended_with_all_it_started(fit_with, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="budget"):
        fit_with(SLEEPS, settings={"seconds": 0}, head_room_s=2.0)
    wait_until(lambda: not any(alive(pid) for pid in pids_in(tmp_path / "out")))
    assert not Path((tmp_path / "out" / "scratch").read_text()).exists()


def test_a_signal_ends_the_worker_and_is_no_failure(fit_with, tmp_path: Path) -> None:
    def ask() -> None:
        pids_in(tmp_path / "out")
        os.kill(os.getpid(), signal.SIGTERM)

    with noting_signals(), pytest.raises(Interrupted):
        threading.Thread(target=ask).start()
        fit_with(SLEEPS)
    wait_until(lambda: not any(alive(pid) for pid in pids_in(tmp_path / "out")))


# Finding the interpreter

SAYS = "#!/bin/sh\necho '{}'\n"


def program(path: Path, said: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SAYS.format(said))
    path.chmod(0o755)
    return path


GOOD = '[[3, 9], "0.15.0", true]'


def test_the_named_interpreter_comes_before_that_of_the_working_copy(tmp_path: Path) -> None:
    named = program(tmp_path / "elsewhere" / "python3.9", GOOD)
    made = program(tmp_path / ".venv-automl" / "bin" / "python", GOOD)
    other = program(tmp_path / "other env" / "bin" / "python", GOOD)
    assert automl.find_interpreter({automl.INTERPRETER: str(named)}, working_copy=tmp_path) == named
    assert automl.find_interpreter({}, working_copy=tmp_path) == made
    assert automl.find_interpreter({automl.ENVIRONMENT: "other env"}, working_copy=tmp_path) == other


@pytest.mark.parametrize(
    "said", ['[[3, 11], "0.15.0", true]', "[[3, 9], null, true]", '[[3, 9], "0.14.7", true]', '[[3, 9], "0.15.0", false]', "?"]
)
def test_an_interpreter_that_will_not_do_is_refused_with_the_ways_to_get_one(tmp_path: Path, said: str) -> None:
    named = program(tmp_path / "python", said)
    with pytest.raises(UserError, match=r"setup-automl.*flaml"):
        automl.find_interpreter({automl.INTERPRETER: str(named)}, working_copy=tmp_path)


@pytest.mark.parametrize("environ", [{}, {automl.INTERPRETER: "/nowhere/python3.9"}, {automl.ENVIRONMENT: "nowhere"}])
def test_no_interpreter_is_an_error_with_the_ways_to_get_one(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"setup-automl.*flaml"):
        automl.find_interpreter(environ, working_copy=tmp_path)


def test_this_python_is_not_taken_for_the_other() -> None:
    with pytest.raises(UserError, match=f"3\\.{sys.version_info.minor}"):
        automl.find_interpreter({automl.INTERPRETER: sys.executable})


def test_set_up_without_python_3_9_says_how_to_get_one(tmp_path: Path) -> None:
    for name in ("bash", "sha256sum", "cut", "cat", "grep", "awk"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "VENV_AUTOML": str(tmp_path / "venv")}
    done = subprocess.run(["bash", "requirements/setup-automl.sh"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "PYTHON39=" in done.stderr and "flaml" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_locked_packages_name_hashes_and_no_address() -> None:
    text = (REPOSITORY / "requirements" / "automl.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^([a-z][\w-]*)==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S", text, re.MULTILINE)) > 40
    assert "://" not in text
