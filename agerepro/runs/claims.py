"""Who works on what: locks that a killed process frees by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

NOW, WHEN_FREE = 0.0, -1.0


@contextmanager
def claim(folder: Path, *, wait: float = NOW) -> Iterator[bool]:
    """True inside while this process alone holds `folder`; False at once when another does (with `wait=NOW`).

    The lock is the operating system's (flock), so SIGKILL frees it. Where a cluster's file system ignores such locks,
    two processes may do the same work: they write the same bytes, and the last rename wins.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".claim", timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
