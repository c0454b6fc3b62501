"""Files that are whole or absent: atomic writes, digests, completed folders, and locks between processes."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

MANIFEST = "SHA256SUMS"
NOW, WHEN_FREE = 0.0, -1.0  # how long `lock_folder` waits
# What file systems of clusters answer that know no locks, or whose lock service is down.
LOCKS_REFUSED = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})


class LocksRefusedWarning(UserWarning):
    """A file system refuses locks: two processes that work on one run may do the same work twice."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` with a temporary name beside `path`, flush to disk, and rename; a kill at any moment leaves the old state.

    The temporary name starts with a dot and keeps the ending (Keras checks endings). Leftovers of killed processes are
    harmless: names are unique, and nothing reads a name that starts with a dot. Raises OSError as the operating system does, with
    the name of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.{path.name}")
    # Made here and by the process's own umask: a run folder is often shared by a group.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # a full disk says so without a name
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8 under a final name, whole or not at all; what UTF-8 cannot hold (see `printable`) is escaped."""
    return atomic_write(path, lambda temporary: temporary.write_text(printable(text), encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write bytes under a final name, whole or not at all."""
    return atomic_write(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Any) -> Path:
    """Write indented JSON with sorted keys under a final name."""
    return write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def printable(text: str) -> str:
    r"""The text as UTF-8 can hold it: bytes of a file name that is not UTF-8, which Python carries along, as `\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def check_writable(folder: Path) -> None:
    """Make `folder` and write a file there; raises OSError, as every later write would, before anything is computed."""
    write_bytes(folder / ".writable", b"agerepro")
    (folder / ".writable").unlink()


def config_hash(value: Any) -> str:
    """Sixteen hex digits naming a JSON-able value: equal for equal values, whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_to_json)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def digest_of_bytes(content: bytes) -> str:
    """Full SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """Full SHA-256 of a file, in hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, names: Iterable[str]) -> Path:
    """Mark a folder as complete: write the checksums of `names`, last, in the format that `sha256sum -c` reads."""
    lines = [f"{digest_of_file(folder / name)}  {name}\n" for name in sorted(names)]
    return write_text(folder / MANIFEST, "".join(lines))


def is_complete(folder: Path) -> bool:
    """Whether a folder has its manifest and every file in it still has its checksum; damaged counts as incomplete."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(digest_of_file(folder / name) == expected for expected, name in (line.split("  ", 1) for line in lines))
    except (FileNotFoundError, NotADirectoryError, ValueError, UnicodeDecodeError):
        return False


@contextmanager
def lock_folder(folder: Path, *, wait: float = NOW) -> Iterator[bool]:
    """True inside while this process alone holds `folder`; False at once when another does (with `wait=NOW`).

    The lock is the operating system's (flock), so SIGKILL frees it. Where a file system refuses or ignores such locks, everybody
    is let in, with one LocksRefusedWarning a process: two processes may then do the same work, and the last rename wins. A lock
    by the mere existence of a file is never tried: the file of a process killed on another machine would be held for ever.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=wait, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        if error.errno not in LOCKS_REFUSED:
            raise
        _warn_of_refused_locks(error.errno)
        yield True
        return
    try:
        yield True
    finally:
        lock.release()


@functools.cache  # once a process, whatever the filters of warnings are
def _warn_of_refused_locks(number: int) -> None:
    text = f"The file system refuses locks ({os.strerror(number)}): do not let two processes work on one run here."
    warnings.warn(text, LocksRefusedWarning, stacklevel=4)


def _to_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Cannot name a value of type {type(value).__name__} by a digest.")
