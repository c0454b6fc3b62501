"""auto-sklearn from here: its interpreter is found, and its worker fits one fold in a process of its own, by files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.errors import UserError
from agerepro.io import write_json
from agerepro.stopping import interrupt, stop_requested

INTERPRETER = "AGEREPRO_AUTOML_PYTHON"  # the Python 3.9 that has auto-sklearn
ENVIRONMENT = "VENV_AUTOML"  # the environment of `make setup-automl`
WORKER = Path(__file__).with_name("worker.py")
PYTHON, AUTO_SKLEARN = (3, 9), "0.15"
SETTINGS = ("seconds", "seconds_a_model", "memory_mb", "trials", "seed", "inner_split", "jobs")
HEAD_ROOM_S = 600.0  # beyond the budget of a search: packages load, the last trial ends, models load and predict
ENDS_WITHIN_S = 10.0  # after SIGTERM; then it is killed
POLL_S = 0.2
FIT = "fit.json"  # in a fold's folder
NO_MODEL, WRONG_INPUT = 1, 2  # exit codes of the worker
WAYS = (
    "`make setup-automl` makes it where there is a Python 3.9 (from pyenv, conda, or `uv python install 3.9`); "
    f"{INTERPRETER} names one that has auto-sklearn already. `--engine flaml` (in an experiment: `regressor: flaml`) needs none."
)


@dataclass(frozen=True)
class AutoSklearnFit:
    """What a fold came to."""

    predictions: pd.DataFrame  # photo, predicted (years): all tested photos
    about: dict[str, Any]  # versions, counts of trials, leaderboard, ensemble, inner split, settings: see worker.py
    model: Path  # a pickle for the other environment

    def save(self, folder: Path, keep: bool) -> None:
        """fit.json with what the search came to; the ensemble itself, if it is to be kept, as model.pkl."""
        write_json(folder / FIT, {"engine": "autosklearn", **self.about})
        if keep:
            shutil.copyfile(self.model, folder / "model.pkl")
        shutil.rmtree(self.model.parent, ignore_errors=True)


def find_interpreter(environ: Mapping[str, str] = os.environ, *, working_copy: Path = Path(__file__).parents[2]) -> Path:
    """The Python 3.9 with auto-sklearn: what AGEREPRO_AUTOML_PYTHON names, else that of the environment `make setup-automl` makes.

    That is VENV_AUTOML, else .venv-automl of the working copy. Raises UserError with the ways to get one.
    """
    named = environ.get(INTERPRETER)
    if named:
        found = shutil.which(named)
        if found is None:
            raise UserError(f"{INTERPRETER} is {named}, and no program is there. {WAYS}")
        return _checked(Path(found).absolute(), f"{INTERPRETER}={named}")
    place = environ.get(ENVIRONMENT)
    # A make of the working copy names it by a relative path; the command may run elsewhere.
    folders = [Path(place).absolute(), working_copy / place] if place else [working_copy / ".venv-automl"]
    for folder in folders:
        if (folder / "bin" / "python").exists():
            return _checked(folder / "bin" / "python", str(folder))
    raise UserError(f"auto-sklearn runs on Python 3.9 alone, in an environment of its own, and there is none at {folders[0]}. {WAYS}")


def fit_fold(
    features: Path, fold: int, out: Path, settings: Mapping[str, Any], *, interpreter: Path, head_room_s: float = HEAD_ROOM_S
) -> AutoSklearnFit:
    """Fit auto-sklearn to one fold of a folder of features, in a process of its own, and read what it came to from `out`.

    settings: those of `SETTINGS`, others are left out. `memory_mb` is for all processes of the fit; `seconds` is for the search, and the
    worker may take `head_room_s` more. The worker ends with this process, and on SIGTERM or SIGUSR1 (noted by `noting_signals`) within
    ten seconds. Raises UserError with the worker's reason where there is no model (then `out` holds about.json and no predictions),
    where its input is wrong, it dies or takes too long; Interrupted where it was stopped.
    """
    where = f"Fold {fold} of {features}"
    with tempfile.TemporaryDirectory(prefix="automl-", ignore_cleanup_errors=True) as place:
        settings_file = write_json(Path(place) / "settings.json", {name: settings[name] for name in SETTINGS})
        # -I: neither this environment's variables nor the files beside the worker are seen by the other Python.
        command = [
            interpreter,
            "-I",
            WORKER,
            features.absolute(),
            out.absolute(),
            "--fold",
            str(fold),
            "--settings",
            settings_file,
            "--with-parent",
        ]
        printed = Path(place) / "printed.txt"
        with _started([str(word) for word in command], printed, Path(place)) as process:
            end = time.monotonic() + settings["seconds"] + head_room_s
            while not _has_ended(process):
                if stop_requested():
                    raise interrupt(where)
                if time.monotonic() > end:
                    raise UserError(
                        f"{where}: auto-sklearn had not ended {head_room_s:.0f} s after its budget of {settings['seconds']} s, and was "
                        "stopped. The same command fits this fold again."
                    )
                time.sleep(POLL_S)
        code = process.returncode
        said = " ".join(printed.read_text(encoding="utf-8", errors="replace").split()[-120:])
    if code in (NO_MODEL, WRONG_INPUT) and said:
        raise UserError(f"{where}: {said}")
    if code != 0:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        memory = f" With SIGKILL the machine had no memory left, or a limit of it was met: {settings['memory_mb']} MB." * (
            code == -signal.SIGKILL
        )
        raise UserError(f"{where}: the process of auto-sklearn {how}.{memory} {said}".rstrip())
    return _read(out, where)


def _checked(python: Path, named: str) -> Path:
    """The interpreter, once it has said that it is 3.9 and has auto-sklearn and the pkg_resources that it imports."""
    program = (
        "import importlib.metadata as m, importlib.util as u, json, sys\n"
        "have = {d.metadata['Name'].lower(): d.version for d in m.distributions() if d.metadata['Name'] == 'auto-sklearn'}\n"
        "print(json.dumps([sys.version_info[:2], have.get('auto-sklearn'), bool(u.find_spec('pkg_resources'))]))"
    )
    try:
        done = subprocess.run(
            [python, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60, stdin=subprocess.DEVNULL
        )
        version, auto_sklearn, pkg_resources = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UserError(f"{named} does not run as a Python 3.9. {WAYS}") from error
    if tuple(version) != PYTHON:
        raise UserError(f"{named} is Python {version[0]}.{version[1]}; auto-sklearn {AUTO_SKLEARN} needs 3.9. {WAYS}")
    if auto_sklearn is None or not f"{auto_sklearn}.".startswith(f"{AUTO_SKLEARN}.") or not pkg_resources:
        lacking = "setuptools before 81" if auto_sklearn else f"auto-sklearn {AUTO_SKLEARN}"
        raise UserError(f"{named} has no {lacking}. {WAYS}")
    return python


@contextmanager
def _started(command: list[str], printed: Path, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; whatever comes, it and what it started have ended afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["TMPDIR"] = str(place)  # removed with what a killed worker leaves there
    with printed.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=place, start_new_session=True
        )
    try:
        yield process
    finally:
        if not _has_ended(process):
            process.terminate()
            end = time.monotonic() + ENDS_WITHIN_S
            while not _has_ended(process) and time.monotonic() < end:
                time.sleep(POLL_S)
        # Its number is still taken, as it has not been waited for: nobody else's group is meant.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended, without taking its number from it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _read(out: Path, where: str) -> AutoSklearnFit:
    """What the worker wrote; UserError where that is not whole."""
    try:
        about = json.loads((out / "about.json").read_text(encoding="utf-8"))
        predictions = pd.read_csv(out / "predictions.csv", dtype=str, keep_default_na=False)
        predictions = predictions.assign(predicted=[float(text) for text in predictions["predicted"]])  # to the bit
        whole = list(predictions.columns) == ["photo", "predicted"] and len(predictions) == about["n_test"] and about["error"] is None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{where}: auto-sklearn ended well and what it wrote to {out} cannot be read ({error}). Fit this fold again."
        ) from error
    if not whole:
        raise UserError(f"{where}: auto-sklearn ended well and what it wrote to {out} is not whole. Fit this fold again.")
    return AutoSklearnFit(predictions=predictions, about=about, model=out / "model.pkl")
