"""Finished runs for the prediction tests: trained once a session by the command line, on a handful of drawn faces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agerepro.io import finished_by, write_manifest
from agerepro.models.weights import load_arrays, save_arrays
from agerepro.runs.layout import Run, find_run

TINY = Path(__file__).parents[1] / "runs" / "tiny.yaml"
SHARED = """
faces:    {size: 40, smallest_face: 36, no_face: drop, boxes: detector}
augment:  {size: 32}
machine:  {threads: 1}
synthetic:
  adience: {people: 20, photos: 60, size: 96, seed: 3}
  fgnet:   {people: 4, size: 96, seed: 4}
"""
# One learns groups with everything trained, one years by a single output from several stages, one by a single output from the last.
GROUPS = f"""{SHARED}
backbone: {{name: vgg16, width: 0.0625, dense: [16]}}
stages:
  - name: adience
    data: adience
    target: {{age_groups: [0-2, 4-6, 8-13, 15-20, 25-32, 38-43, 48-53, 60-100]}}
    start_from: scratch
    protocol: {{predefined_folds: {{validation_subjects: 0.2}}}}
    epochs: 1
    batch_size: 8
    optimizer: {{adam: 0.001}}
decode: argmax
"""
YEARS = f"""{SHARED}
backbone: {{name: vgg16, width: 0.0625, dense: [16]}}
stages:
  - {{name: fgnet, data: fgnet, start_from: scratch, protocol: leave_one_subject_out, epochs: 1, batch_size: 8, optimizer: {{adam: 0.001}}}}
head: {{regression: {{features: stages}}}}
loss: [squared_error]
decode: output
"""
LAST_STAGE = YEARS.replace("features: stages", "features: last").replace("leave_one_subject_out", "{subject_kfold: {folds: 2}}")


@pytest.fixture(scope="session")
def finish(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Train an experiment of this text, or file, and return its run."""

    def train(experiment: str | Path, *options: str) -> Run:
        folder = tmp_path_factory.mktemp("finished")
        path = experiment if isinstance(experiment, Path) else folder / "experiment.yaml"
        if isinstance(experiment, str):
            path.write_text(experiment, encoding="utf-8")
        runs = folder / "runs"
        command = [sys.executable, "-m", "agerepro", "run", str(path), "--runs", str(runs), *options]
        quiet = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
        process = subprocess.run(command, capture_output=True, text=True, timeout=600, env=quiet, check=False)
        assert process.returncode == 0, process.stderr
        return find_run(next(file.parent for file in runs.glob("*/*/*/experiment.yaml")))

    return train


@pytest.fixture(scope="session")
def classes_run(finish: Callable[..., Run]) -> Run:
    """A softmax over ages on a frozen backbone, tested with mirror images; four people, a fold each."""
    return finish(TINY, "--profile", "frozen", "--set", "tta=flip_average")


@pytest.fixture(scope="session")
def groups_run(finish: Callable[..., Run]) -> Run:
    """A softmax over eight age groups, everything trained; drops photos without a face."""
    return finish(GROUPS)


@pytest.fixture(scope="session")
def years_run(finish: Callable[..., Run]) -> Run:
    """One output in years; drops photos without a face."""
    return finish(YEARS)


@pytest.fixture(scope="session")
def opposed_run(finish: Callable[..., Run]) -> Run:
    """One output in years from the last map, by weights that are changed after training: whatever the map holds makes younger."""
    run = finish(LAST_STAGE)
    for folder in (run.folder / "folds").glob("[0-9]*"):
        weights, made_by = load_arrays(folder / "weights.npz"), str(finished_by(folder))
        changed = {"dense1/kernel": np.abs(weights["dense1/kernel"]), "years/kernel": -np.abs(weights["years/kernel"])}
        save_arrays(folder / "weights.npz", weights | changed)
        write_manifest(folder, made_by=made_by)
    return run


@pytest.fixture(scope="session")
def photos_of_run() -> Callable[[Run], Path]:
    """The folder that a run's photos.csv is relative to: where its synthetic data set was drawn."""

    def folder(run: Run) -> Path:
        name = (run.folder / "photos.csv").read_text(encoding="utf-8").splitlines()[1].partition("/")[0]
        (found,) = run.folder.parents[2].glob(f"synthetic/*/{name}")
        return found

    return folder
