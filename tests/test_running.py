"""Notes of what is being done: who, where, how far; what is left of them by an error, a stop and a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agerepro import running as module
from agerepro.errors import Interrupted, UserError
from agerepro.io import work_folder
from agerepro.running import RUNNING, failure, in_time, noting, running


def test_a_note_is_there_while_the_step_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "7")
    folder = tmp_path / "007"
    with noting(folder) as note:
        note.tell("epoch 1 of 9")  # it was written just now: not again within half a minute
        now = running(folder)
        assert now is not None and (now.job, now.progress, now.is_gone) == ("12_7", "", False)
        note.written_at -= module.NOTED_EVERY_S
        note.tell("epoch 2 of 9")
        now = running(folder)
        assert now is not None and now.progress == "epoch 2 of 9" and "(job 12_7)" in now.in_words()
    assert running(folder) is None and failure(folder) == ""


def test_an_error_is_noted_as_why_it_failed_until_it_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "007"
    with pytest.raises(UserError), noting(folder):
        raise UserError("The loss became nan.")
    assert failure(folder) == "The loss became nan." and running(folder) is None
    with pytest.raises(MemoryError), noting(folder):
        raise MemoryError
    assert failure(folder) == "MemoryError: MemoryError"
    with noting(folder):
        assert failure(folder)
    assert failure(folder) == ""


def test_a_stop_that_was_asked_for_is_no_failure(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), noting(tmp_path / "007"):
        raise Interrupted("stopped")
    assert failure(tmp_path / "007") == "" and running(tmp_path / "007") is None


def test_a_killed_process_of_this_machine_is_known_to_be_gone(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from agerepro.running import noting\nwith noting(Path(sys.argv[1])): time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "007")])
    try:
        for _ in range(1000):
            if running(tmp_path / "007") is not None:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.wait()
    now = running(tmp_path / "007")
    assert now is not None and now.is_gone and now.in_words().startswith("killed on ")


def test_a_process_of_another_machine_is_gone_only_if_it_is_silent_for_long(tmp_path: Path) -> None:
    with noting(tmp_path / "007"):
        path = work_folder(tmp_path / "007") / RUNNING
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": "node3", "pid": 1 << 30}))
        now = running(tmp_path / "007")
        assert now is not None and not now.is_gone and "not heard of" not in now.in_words()
        os.utime(path, (0, time.time() - 2 * module.SILENT_AFTER_S))
        now = running(tmp_path / "007")
        assert now is not None and now.in_words().endswith("; not heard of for 30 minutes")
        path.write_text("{")
        assert running(tmp_path / "007") is None  # a damaged note says nothing


def test_times_in_words() -> None:
    assert [in_time(seconds) for seconds in (5, 60, 7300, 200_000)] == ["5 seconds", "1 minute", "2 hours", "2 days"]
