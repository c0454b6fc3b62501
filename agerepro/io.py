"""Files that are whole or absent: atomic writes, digests, completed folders, and locks between processes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

MANIFEST = "SHA256SUMS"


def atomic_write(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` with a temporary name beside `path`, flush to disk, and rename; a kill at any moment leaves the old state.

    The temporary name starts with a dot and keeps the ending (Keras checks endings). Leftovers of killed processes are
    harmless: names are unique, and nothing reads a name that starts with a dot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".{path.name}")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; a run folder is often shared by a group.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text under a final name, whole or not at all."""
    return atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write bytes under a final name, whole or not at all."""
    return atomic_write(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Any) -> Path:
    """Write indented JSON with sorted keys under a final name."""
    return write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def config_hash(value: Any) -> str:
    """Sixteen hex digits naming a JSON-able value: equal for equal values, whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_bytes(content: bytes) -> str:
    """Full SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """Full SHA-256 of a file, in hex, read in pieces."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    return total.hexdigest()


def write_manifest(folder: Path, names: Iterable[str]) -> Path:
    """Mark a folder as done: write the checksums of `names`, last, in the format that `sha256sum -c` reads."""
    lines = [f"{digest_of_file(folder / name)}  {name}\n" for name in sorted(names)]
    return write_text(folder / MANIFEST, "".join(lines))


def is_complete(folder: Path) -> bool:
    """Whether a folder was sealed and every file in it still has its checksum; damaged counts as not done."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(digest_of_file(folder / name) == expected for expected, name in (line.split("  ", 1) for line in lines))
    except (FileNotFoundError, NotADirectoryError, ValueError, UnicodeDecodeError):
        return False


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Cannot name a value of type {type(value).__name__} by a digest.")


NOW, WHEN_FREE = 0.0, -1.0


@contextmanager
def lock_folder(folder: Path, *, wait: float = NOW) -> Iterator[bool]:
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
