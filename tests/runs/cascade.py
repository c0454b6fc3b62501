"""The cascade at a size for tests, run by the command line in processes of its own, and what its folds came to."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from agerepro.runs.layout import Run, find_run

TINY = Path(__file__).parent / "tiny.yaml"
CASCADE = Path(__file__).parents[2] / "experiments" / "koenig2019" / "vgg16-imdb-agedb.yaml"


def agerepro(*arguments: object, code: int = 0) -> str:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=3000, env=quiet())
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "agerepro", *(str(argument) for argument in arguments)]


def quiet() -> dict[str, str]:
    """As a user's shell has it: without the settings of the tests, oneDNN off among them, which makes training half as fast."""
    return {name: value for name, value in os.environ.items() if name not in ("TF_ENABLE_ONEDNN_OPTS", "PYTHONWARNINGS")}


def fingerprints(runs: Path, experiment: str) -> dict[str, str]:
    """SHA-256 of all that a run's folds came to."""
    run = tiny_run(runs, experiment)
    files = sorted(
        file for name in ("predictions.csv", "posteriors.npz", "by_epoch.npz", "history.csv") for file in run.folder.glob(f"folds/*/{name}")
    )
    return {str(file.relative_to(run.folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def tiny_run(runs: Path, experiment: str = "tiny") -> Run:
    """The run of the whole cascade, not that of the frozen profile beside it."""
    (folder,) = (folder for folder in (runs / "koenig2019" / experiment).glob("[!.]*") if not folder.name.startswith("frozen"))
    return find_run(folder)
