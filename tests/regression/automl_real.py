"""Real fits of auto-sklearn in its own environment; run by `make test-automl`, as no fast test may."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.regression.automl import WORKER, AutoSklearnFit, find_interpreter, fit_fold
from agerepro.regression.worker import HEAD_ROOM_MB, LEAST_MB_A_MODEL
from agerepro.runs.layout import Run, find_run
from tests.cli.place import invoke
from tests.regression.exchange import SETTINGS, read_rows, write_features
from tests.runs.test_regress import exported as exported
from tests.runs.test_regress import run as run

ENDS_S = 10.0


@pytest.fixture(scope="module")
def interpreter() -> Path:
    return find_interpreter()


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_features(tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def fitted(features: Path, interpreter: Path, tmp_path_factory: pytest.TempPathFactory) -> AutoSklearnFit:
    """Fold 0, three trials."""
    return fit_fold(features, 0, tmp_path_factory.mktemp("fitted"), SETTINGS, interpreter=interpreter)


def facts_of(features: Path) -> dict[str, tuple[str, float]]:
    """Subject and age by photo."""
    return {row["photo"]: (row["subject"], float(row["age"])) for row in read_rows(features / "photos.csv")}


def test_a_fit_beats_the_median_clearly(features: Path, fitted: AutoSklearnFit) -> None:
    facts = facts_of(features)
    parts = {row["photo"]: row["part"] for row in read_rows(features / "folds.csv") if row["fold"] == "0"}
    assert set(fitted.predictions["photo"]) == {photo for photo, part in parts.items() if part == "test"}
    ages = np.array([facts[photo][1] for photo in fitted.predictions["photo"]])
    median = np.median([facts[photo][1] for photo, part in parts.items() if part != "test"])
    error, of_the_median = np.abs(fitted.predictions["predicted"] - ages).mean(), np.abs(median - ages).mean()
    print(f"MAE {error:.2f}, of the median {of_the_median:.2f}")
    assert error < 0.5 * of_the_median


def test_it_says_what_came_of_the_trials(fitted: AutoSklearnFit) -> None:
    about = fitted.about
    assert about["versions"]["auto-sklearn"] == "0.15.0" and about["versions"]["python"].startswith("3.9.")
    assert sum(about["statuses"].values()) == 3 and about["statuses"]["SUCCESS"] and about["reproducible"]
    assert sum(row["weight"] for row in about["ensemble"]) == pytest.approx(1)
    assert about["leaderboard"] and {row["family"] for row in about["ensemble"]} <= {row["type"] for row in about["leaderboard"]}


def test_the_same_seed_and_trials_give_the_same_bits(features: Path, fitted: AutoSklearnFit, interpreter: Path, tmp_path: Path) -> None:
    again = fit_fold(features, 0, tmp_path / "again", SETTINGS, interpreter=interpreter)
    assert (tmp_path / "again" / "predictions.csv").read_bytes() == fitted.model.with_name("predictions.csv").read_bytes()
    assert again.about["ensemble"] == fitted.about["ensemble"]


@pytest.mark.parametrize("inner_split", ["subjects", "random"])
def test_nobody_is_on_both_sides_of_the_inner_split(
    features: Path, fitted: AutoSklearnFit, interpreter: Path, tmp_path: Path, inner_split: str
) -> None:
    """auto-sklearn keeps the ages that it judges its models by, and each drawn age is one photo's alone: so who they are is known."""
    out, program = tmp_path / "out", tmp_path / "keeping.py"
    program.write_text(KEEPING)
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({**SETTINGS, "trials": 1, "inner_split": inner_split}))
    command = [interpreter, "-I", program, WORKER, features, out, "--fold", "0", "--settings", settings]
    subprocess.run(command, check=True, capture_output=True)
    judged = np.load(out / "judged.npy")
    facts = facts_of(features)
    parts = {row["photo"]: row["part"] for row in read_rows(features / "folds.csv") if row["fold"] == "0"}
    fit_to = [facts[photo] for photo, part in parts.items() if part != "test"]
    is_judged = [any(abs(age - kept) < 4e-5 for kept in judged) for _, age in fit_to]
    assert sum(is_judged) == len(judged) and 0.2 < len(judged) / len(fit_to) < 0.45
    sides = [{subject for (subject, _), on_it in zip(fit_to, is_judged) if on_it is side} for side in (True, False)]
    both = sides[0] & sides[1]
    assert len(both) == json.loads((out / "about.json").read_text())["inner_split"]["people_on_both_sides"]
    assert not both if inner_split == "subjects" else len(both) > 5


# The worker as it is; only the ages that the library has kept are written down as well.
KEEPING = """
import importlib.util, os, pathlib, sys
import numpy as np
spec = importlib.util.spec_from_file_location("worker", sys.argv.pop(1))
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
check = worker.check_judged
def check_and_keep(model, ages):
    np.save(os.path.join(sys.argv[2], "judged.npy"), np.asarray(model.automl_._backend.load_targets_ensemble()).reshape(-1))
    check(model, ages)
worker.check_judged = check_and_keep
sys.exit(worker.main())
"""


def test_the_model_is_loaded_and_predicts_the_same(features: Path, fitted: AutoSklearnFit, interpreter: Path) -> None:
    program = (
        "import joblib, numpy as np, sys\n"
        "rows = [int(row) for row in sys.argv[3].split(',')]\n"
        "print([float(years) for years in joblib.load(sys.argv[1]).predict(np.load(sys.argv[2])[rows])])"
    )
    rows = ",".join(str(int(Path(photo).stem)) for photo in fitted.predictions["photo"])
    command = [interpreter, "-I", "-W", "ignore", "-c", program, fitted.model, features / "features.npy", rows]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == fitted.predictions["predicted"].tolist()


def test_too_little_memory_is_an_error_and_no_prediction(interpreter: Path, tmp_path: Path) -> None:
    wide = write_features(tmp_path / "wide", n=6000, d=1500)
    settings = {**SETTINGS, "trials": 0, "seconds": 30, "seconds_a_model": 10, "memory_mb": HEAD_ROOM_MB + LEAST_MB_A_MODEL}
    with pytest.raises(UserError, match="MEMOUT"):
        fit_fold(wide, 0, tmp_path / "out", settings, interpreter=interpreter)
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about["error"] and about["statuses"]["MEMOUT"] and about["ensemble"] == [{"family": "dummy", "weight": 1.0}]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["about.json"]


def test_too_small_a_budget_is_an_error(features: Path, interpreter: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="30"):
        fit_fold(features, 0, tmp_path / "out", {**SETTINGS, "seconds": 10}, interpreter=interpreter)
    assert not (tmp_path / "out").exists()


def test_a_budget_of_time_and_two_jobs(features: Path, interpreter: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "trials": 0, "seconds": 40, "seconds_a_model": 15, "jobs": 2, "memory_mb": 7168, "inner_split": "random"}
    about = fit_fold(features, 1, tmp_path / "out", settings, interpreter=interpreter).about
    assert about["memory_mb_a_model"] == 3072 and not about["reproducible"] and about["seconds_of_search"] < 60


# Exported features


def test_exported_features_are_read_without_tensorflow_and_fitted_as_a_run(run: Run, exported: dict[str, Path], interpreter: Path) -> None:
    folder = exported["last_conv-max"]
    program = (
        "import csv, hashlib, json, sys, numpy as np\n"
        "meta = json.load(open('meta.json'))\n"
        "assert hashlib.sha256(open('features.npy', 'rb').read()).hexdigest() == meta['features'] and 'tensorflow' not in sys.modules\n"
        "features, photos = np.load('features.npy', mmap_mode='r'), list(csv.DictReader(open('photos.csv')))\n"
        "print(len(photos), *features.shape, features.dtype, sorted(photos[0]), meta['layer'], meta['pooling'], sys.version_info[:2])"
    )
    said = subprocess.run([interpreter, "-I", "-c", program], cwd=folder, check=True, capture_output=True, text=True).stdout
    count = len(read_rows(folder / "photos.csv"))
    assert said.strip() == f"{count} {count} 32 float32 ['age', 'photo', 'subject'] last_conv max (3, 9)"
    result = invoke("regress", folder, "--engine", "autosklearn", "--folds", "0-1", "--trials", "3", "--seconds", "120")
    assert result.exit_code == 0, result.output
    assert "What the regressors are" in result.stdout and "2 of 4 folds" in result.stdout
    fitted = find_run(run.folder.parents[1] / "cascade-last_conv-max-autosklearn")
    fit = json.loads((fitted.folder / "folds" / "000" / "fit.json").read_text())
    assert fit["features"] == json.loads((folder / "meta.json").read_text())["features"] and fit["statuses"]["SUCCESS"]
    assert (fitted.folder / "folds" / "000" / "model.pkl").is_file()


# Kills

STARTS = """
import sys
from pathlib import Path
from agerepro.regression.automl import fit_fold
import json
features, out, interpreter, settings = sys.argv[1:]
fit_fold(Path(features), 0, Path(out), json.loads(settings), interpreter=Path(interpreter))
"""


@pytest.fixture
def busy(features: Path, interpreter: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, list[int], Path]]:
    """A process that fits a fold, the worker it started, all processes below that, and its temporary folder; in the midst of trials."""
    big = write_features(tmp_path / "big", n=3000, d=200)
    settings = json.dumps({**SETTINGS, "trials": 0})
    command = [sys.executable, "-c", STARTS, big, tmp_path / "out", interpreter, settings]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen([str(word) for word in command], env=environment)
    end = time.monotonic() + 120
    while not list((tmp_path / "scratch").glob("*/*/search/.auto-sklearn/runs/*")) and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(2)  # the first trials
    worker = below(process.pid)[0]
    yield process, worker, below(worker), tmp_path
    process.kill()
    process.wait()


def below(pid: int) -> list[int]:
    """Processes that a process has started, and those that these have."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(path.parent.name), *below(int(path.parent.name))]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def left_of(pids: list[int], folder: Path) -> list[Any]:
    """Processes that do not end soon, results, and what is left of the search; settings and log may stay."""
    end = time.monotonic() + ENDS_S
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.1)
    return [*filter(alive, pids), *folder.glob("scratch/*/*/**/*"), *folder.glob("out/*")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_fit_ends_with_the_process_that_started_it(busy: Any, number: int) -> None:
    process, worker, others, folder = busy
    assert len(others) >= 2  # the server of the log, a trial
    process.send_signal(number)
    process.wait()
    assert left_of([worker, *others], folder) == []


def test_a_killed_worker_takes_its_trials_with_it_and_is_said(busy: Any) -> None:
    process, worker, others, folder = busy
    os.kill(worker, signal.SIGKILL)
    assert process.wait() == 1  # the UserError of a bare Python
    assert left_of([worker, *others], folder) == []


def test_a_terminated_worker_ends_at_once(busy: Any) -> None:
    process, worker, others, folder = busy
    began = time.monotonic()
    os.kill(worker, signal.SIGTERM)
    process.wait()
    assert time.monotonic() - began < ENDS_S
    assert left_of([worker, *others], folder) == []
