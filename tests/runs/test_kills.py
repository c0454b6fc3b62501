"""Killed at a random moment or inside a write, and continued: the numbers of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runs.cascade import CASCADE, TINY, agerepro, command, fingerprints, quiet

SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "count"),
    [
        pytest.param("*.arrow", 2, marks=SLOW),  # the store of faces
        pytest.param("*.arrow", 4, marks=SLOW),
        pytest.param("checkpoint.npz", 1, marks=SLOW),
        ("checkpoint.npz", 4),
        pytest.param("checkpoint.npz", 9, marks=SLOW),
        pytest.param("final.weights.npz", 2, marks=SLOW),
        pytest.param("SHA256SUMS", 3, marks=SLOW),
        ("predictions.csv", 2),
        pytest.param("by_epoch.npz", 3, marks=SLOW),
        pytest.param("folds.csv", 1, marks=SLOW),
    ],
)
def test_killed_while_a_file_is_half_written_and_continued_equals_undisturbed(
    finished: tuple[Path, str], tmp_path: Path, name: str, count: int
) -> None:
    options = ("run", TINY, "--profile", "paper", "--runs", tmp_path)
    wrapper = [sys.executable, Path(__file__).parent / "killed_inside.py", name, count]
    killed = subprocess.run([str(word) for word in (*wrapper, *options)], capture_output=True, text=True, timeout=900, env=quiet())
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    agerepro(*options)
    assert fingerprints(tmp_path, "tiny") == fingerprints(finished[0], "tiny")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "profile", "kills", "longest_s"), [(TINY, "paper", 10, 9.0), (CASCADE, "demo", 5, 60.0)], ids=["tiny", "demo"]
)
def test_killed_at_random_moments_and_continued_equals_undisturbed(
    tmp_path: Path, experiment: Path, profile: str, kills: int, longest_s: float
) -> None:
    options = ("run", experiment, "--profile", profile, "--jobs", 2)
    agerepro(*options, "--runs", tmp_path / "undisturbed")
    moments = np.random.default_rng(0).uniform(4, longest_s, kills)
    done = 0
    for moment in moments:
        with subprocess.Popen(
            command(*options, "--runs", tmp_path / "killed"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=quiet(),
            start_new_session=True,
        ) as process:
            try:
                process.wait(timeout=float(moment))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                done += 1
    assert done >= kills // 2, "the run was over too soon; choose earlier moments"
    agerepro(*options, "--runs", tmp_path / "killed")
    assert fingerprints(tmp_path / "killed", experiment.stem) == fingerprints(tmp_path / "undisturbed", experiment.stem)
