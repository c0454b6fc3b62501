"""A file system that refuses locks: nothing waits for ever, one warning a process, the same result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs.cascade import TINY, agerepro, fingerprints, quiet

REFUSING = """
import errno, fcntl, os, sys
def flock(descriptor, operation):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.flock = flock
from agerepro.cli.main import main
main()
"""


def without_locks(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", REFUSING, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, env=quiet(), check=False)


@pytest.mark.slow
def test_two_processes_on_one_run_come_to_the_undisturbed_result(finished: tuple[Path, str], tmp_path: Path) -> None:
    runs, _ = finished
    agerepro("step", TINY, "prepare", "fgnet", "--runs", tmp_path / "runs")
    both = [
        subprocess.Popen(
            [sys.executable, "-c", REFUSING, "run", str(TINY), "--runs", str(tmp_path / "runs")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=quiet(),
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=900)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert [text.count("refuses locks") for text in said] == [1, 1]
    assert fingerprints(tmp_path / "runs", "tiny") == fingerprints(runs, "tiny")


def test_a_step_is_done_and_warned_of_once(tmp_path: Path) -> None:
    done = without_locks("step", TINY, "prepare", "vggface2", "--runs", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("refuses locks") == 1
