"""Killed at a random moment or inside a write, or asked to stop, and continued: the numbers of an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from agerepro.runs.show import verify_run
from tests.runs.cascade import CASCADE, TINY, agerepro, command, fingerprints, quiet, tiny_run

SLOW = pytest.mark.slow
# Moving averages, and the best of several epochs, must come back as well as weights.
BATCH_NORM = (
    "--set", "backbone.name=resnet50", "--set", "backbone.dense=[]", "--set", "stages.fgnet.checkpoint_selection=best_validation",
    "--set", "stages.fgnet.epochs=4", "--set", "stages.fgnet.schedule=",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "count"),
    [
        pytest.param("*.arrow", 2, marks=SLOW),  # the store of faces
        pytest.param("about.json", 2, marks=SLOW),  # prepared faces
        pytest.param("checkpoint.npz", 1, marks=SLOW),
        pytest.param("checkpoint.npz", 9, marks=SLOW),
        pytest.param("final.weights.npz", 2, marks=SLOW),
        pytest.param("manifest.json", 6, marks=SLOW),
        pytest.param("predictions.csv", 2, marks=SLOW),
        pytest.param("by_epoch.npz", 3, marks=SLOW),
        pytest.param("weights.npz", 1, marks=SLOW),
        pytest.param("folds.csv", 1, marks=SLOW),
        pytest.param("experiment.yaml", 1, marks=SLOW),
        pytest.param("rename:imdb-*", 1, marks=SLOW),  # faces whole, not yet named
        pytest.param("rename:agedb-vgg16-*", 1, marks=SLOW),  # a stage
        pytest.param("rename:001", 1, marks=SLOW),  # a fold
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


@pytest.mark.parametrize("name", [signal.SIGTERM, pytest.param(signal.SIGUSR1, marks=SLOW)])
def test_asked_to_stop_in_a_training_it_saves_ends_with_its_own_code_and_continues(
    finished: tuple[Path, str], tmp_path: Path, name: signal.Signals
) -> None:
    options = ("run", TINY, "--profile", "paper", "--runs", tmp_path, "--set", "stages.imdb.epochs=2")
    with subprocess.Popen(command(*options), stderr=subprocess.PIPE, text=True, env=quiet()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("stage people: 2/2"):  # the training of imdb comes next
                process.send_signal(name)
                break
        said = process.stderr.read()
    assert process.returncode == 75, said
    assert name.name in said and "continues" in said and "Traceback" not in said
    assert len(list((tmp_path / "stages").glob(".imdb-*/checkpoint.npz"))) == 1
    agerepro(*options)
    assert fingerprints(tmp_path, "tiny") == fingerprints(finished[0], "tiny")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "profile", "more", "moments"),
    [
        (TINY, "paper", (), [(signal.SIGKILL, 10), (signal.SIGTERM, 5)]),
        (TINY, "paper", BATCH_NORM, [(signal.SIGKILL, 5), (signal.SIGTERM, 3)]),
        (TINY, "paper", ("--set", "backbone.dropout=0.5"), [(signal.SIGKILL, 4), (signal.SIGTERM, 2)]),
        (CASCADE, "demo", (), [(signal.SIGKILL, 5)]),
    ],
    ids=["tiny", "batch norm, best validated", "dropout", "demo"],
)
def test_disturbed_at_random_moments_and_continued_equals_undisturbed(
    tmp_path: Path, experiment: Path, profile: str, more: tuple[str, ...], moments: list[tuple[signal.Signals, int]]
) -> None:
    options = ("run", experiment, "--profile", profile, "--jobs", 2, *more)
    began = time.monotonic()
    agerepro(*options, "--runs", tmp_path / "undisturbed")
    longest_s = 0.5 * (time.monotonic() - began)
    random, codes = np.random.default_rng(0), []
    for number in [number for number, count in moments for _ in range(count)]:
        with subprocess.Popen(
            command(*options, "--runs", tmp_path / "disturbed"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=quiet(),
            start_new_session=True,
        ) as process:
            try:
                process.wait(timeout=float(random.uniform(4, max(5, longest_s))))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL) if number == signal.SIGKILL else process.send_signal(number)
                codes.append((number, process.wait(timeout=120)))
    assert len(codes) >= sum(count for _, count in moments) // 2, "the run was over too soon; choose earlier moments"
    # Before it is ready to note signals, SIGTERM ends it as it ends any process.
    assert all(code in (-number, 75, 0) for number, code in codes), codes
    agerepro(*options, "--runs", tmp_path / "disturbed")
    assert fingerprints(tmp_path / "disturbed", experiment.stem) == fingerprints(tmp_path / "undisturbed", experiment.stem)


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them(finished: tuple[Path, str], tmp_path: Path) -> None:
    options = ("run", TINY, "--profile", "paper", "--runs", tmp_path, "--jobs", 2)
    with subprocess.Popen(command(*options), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=quiet()) as process:
        worker = 0
        while not worker:
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"it ended with {process.wait(timeout=0.2)} before its worker was seen")
            lists = Path(f"/proc/{process.pid}/task").glob("*/children")  # by the thread that started them
            children = [child for file in lists for child in file.read_text().split()]
            worker = next((int(child) for child in children if b"--worker" in Path(f"/proc/{child}/cmdline").read_bytes()), 0)
        ended = os.pidfd_open(worker)
        process.kill()
    assert select.select([ended], [], [], 60)[0], "the worker outlives its parent"
    agerepro(*options)
    assert fingerprints(tmp_path, "tiny") == fingerprints(finished[0], "tiny")
    assert verify_run(tiny_run(tmp_path)).damaged == {}
