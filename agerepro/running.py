"""What is being done right now: a note in the work folder, by whoever does it, for `agerepro status` to read."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agerepro.errors import Interrupted
from agerepro.io import work_folder, write_json
from agerepro.provenance import utc_now

RUNNING, FAILED = "running.json", "failed.json"  # in the work folder of what is being done, and of what could not be done
NOTED_EVERY_S = 30.0
SILENT_AFTER_S = 900.0  # a note as old as this is of a process that may be gone; the longest pause of a training is its validation


@dataclass
class Note:
    """The note of a step that goes on; `progress` is what it was last heard to be at."""

    folder: Path
    since: str
    progress: str = ""
    written_at: float = 0.0

    def tell(self, progress: str) -> None:
        """Say how far the step is; written at most every NOTED_EVERY_S."""
        self.progress = progress
        if time.monotonic() - self.written_at >= NOTED_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write the note as it stands."""
        self.written_at = time.monotonic()
        content = {"host": platform.node(), "pid": os.getpid(), "job": job_name(), "since": self.since, "progress": self.progress}
        write_json(self.folder / RUNNING, {**content, "updated": utc_now()})


@contextmanager
def noting(folder: Path) -> Iterator[Note]:
    """Inside, a note in the work folder of `folder` says who makes it; an error that ends the inside is noted as why it failed.

    A stop that was asked for is no failure. The inside ends with the note removed; a killed process leaves it, and its age tells.
    """
    work = work_folder(folder)
    note = Note(work, utc_now())
    note.write()
    try:
        yield note
    except Interrupted:
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk is the error itself
            write_json(work / FAILED, {"reason": last_line(error), "host": platform.node(), "job": job_name(), "at": utc_now()})
        raise
    finally:
        (work / RUNNING).unlink(missing_ok=True)
    (work / FAILED).unlink(missing_ok=True)


def last_line(error: BaseException) -> str:
    """What a traceback ends with, less the name of an error of ours."""
    text = str(error).strip() or type(error).__name__
    return text if type(error).__module__.startswith("agerepro") else f"{type(error).__name__}: {text}"


def job_name() -> str:
    """`12_7` of a task of a Slurm array, `12` of another Slurm job, "" elsewhere."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}") for name in ("JOB_ID", "TASK_ID"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")


@dataclass(frozen=True)
class Running:
    """A step as its note tells it. silent: seconds since the note was last written."""

    host: str
    pid: int
    job: str
    since: str
    progress: str
    silent: float

    @property
    def is_gone(self) -> bool:
        """Whether the process is known to have ended without a word: it was of this machine, and is no more."""
        return self.host == platform.node() and not Path(f"/proc/{self.pid}").exists() and Path("/proc/self").exists()

    def in_words(self) -> str:
        """`on node3 (job 12_7) since 14:03 UTC: epoch 3 of 20`, or that nothing has been heard of it."""
        where = f"on {self.host}" + (f" (job {self.job})" if self.job else "")
        if self.is_gone:
            return f"killed {where}, last heard of {in_time(self.silent)} ago" + (f" at {self.progress}" if self.progress else "")
        text = f"{where} since {self.since.replace('T', ' ').removesuffix('Z')[:16]} UTC" + (f": {self.progress}" if self.progress else "")
        return text + (f"; not heard of for {in_time(self.silent)}" if self.silent > SILENT_AFTER_S else "")


def running(folder: Path) -> Running | None:
    """Who makes `folder` now; None where nobody says so."""
    path = work_folder(folder) / RUNNING
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        silent = max(0.0, time.time() - path.stat().st_mtime)
        return Running(note["host"], int(note["pid"]), note["job"], note["since"], note["progress"], silent)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def failure(folder: Path) -> str:
    """Why a step failed when it was last tried; "" where it did not."""
    try:
        return str(json.loads((work_folder(folder) / FAILED).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def in_time(seconds: float) -> str:
    """`2 hours`, `40 seconds`: the largest unit, rounded down."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{int(seconds)} seconds"
