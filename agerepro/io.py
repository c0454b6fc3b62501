"""Files and folders that are whole or absent: atomic writes, manifests, digests, and locks between processes."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from agerepro.errors import CheckFailed

MANIFEST = "manifest.json"
DAMAGED = "manifest.json.damaged"  # the manifest of a folder in which a file has another content: it counts as incomplete
PRIVATE = "private-"  # how folders begin that are being filled
LEFTOVER_AGE_S = 3600.0  # a private folder that nothing was put into for so long belongs to nobody
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


def write_folder(folder: Path, write: Callable[[Path], object], *, made_by: str = "") -> bool:
    """Make a folder whole or not at all: `write` fills a private one, which gets its manifest and is renamed once.

    made_by: a digest of what shaped the content, kept in the manifest. An incomplete or damaged folder of that name gives way; where a
    complete one has come first, it stays, and False is returned. Private folders lie in `work_folder(folder)`; those that a killed
    process left there are removed when they are an hour old.
    """
    work = work_folder(folder)
    work.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(work)
    private = work / f"{PRIVATE}{uuid.uuid4().hex[:12]}"
    private.mkdir()
    try:
        write(private)
        write_manifest(private, made_by=made_by)
        return _rename_folder(private, folder)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def work_folder(folder: Path) -> Path:
    """Where a folder that is not whole yet has its lock, its checkpoint and what else is kept on the way: `.<name>` beside it."""
    return folder.with_name(f".{folder.name}")


def write_manifest(folder: Path, *, made_by: str = "") -> Path:
    """Mark a folder as complete: write size and SHA-256 of every file in it as manifest.json, last."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    files = {name: {"size": (folder / name).stat().st_size, "sha256": digest_of_file(folder / name)} for name in names}
    return write_json(folder / MANIFEST, {"made_by": made_by, "files": files})


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, Any] | None:
    """`made_by` and, by name, `size` (bytes) and `sha256` of the files of a finished folder; None where it is not finished.

    name: DAMAGED for what a folder had before it was found damaged.
    """
    try:
        manifest = json.loads((folder / name).read_text(encoding="utf-8"))
        return manifest if manifest["files"] and isinstance(manifest["made_by"], str) else None
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None


def is_complete(folder: Path) -> bool:
    """Whether a folder has its manifest and every file in it has the size that it had: nothing but the manifest is opened."""
    return finished_by(folder) is not None


def finished_by(folder: Path) -> str | None:
    """`made_by` of a complete folder, None of one that is not [is_complete]."""
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    try:
        sizes = {name: (folder / name).stat().st_size for name in manifest["files"]}
    except (FileNotFoundError, NotADirectoryError):
        return None
    return manifest["made_by"] if all(sizes[name] == facts["size"] for name, facts in manifest["files"].items()) else None


def damaged_files(folder: Path) -> list[Path]:
    """Files of a finished folder that are gone or do not have their SHA-256, also where that was found before; none of a folder that
    was never finished. Reads all.
    """
    manifest = read_manifest(folder) or read_manifest(folder, DAMAGED)
    if manifest is None:
        return [folder / MANIFEST] if (folder / MANIFEST).exists() else []
    return [folder / name for name, facts in manifest["files"].items() if not _has_digest(folder / name, facts["sha256"])]


def verified(path: Path) -> Path:
    """The path of a file in a finished folder, once its content has been compared with the manifest; once a process and file.

    A file that differs, or is gone, raises CheckFailed; from then on its folder counts as incomplete, so that it is made anew. A
    file that no manifest names is given back as it is.
    """
    manifest = read_manifest(path.parent)
    facts = (manifest or {"files": {}})["files"].get(path.name)
    if facts is None:
        return path
    state = _state_of(path)
    if state is None or _VERIFIED.get(path) != state:
        if not _has_digest(path, facts["sha256"]):
            mark_damaged(path.parent)
            raise CheckFailed(
                f"{path} is damaged: it is not what {MANIFEST} beside it says. The same `agerepro run` command makes it anew."
            )
        if state is not None:
            _VERIFIED[path] = state
    return path


def mark_damaged(folder: Path) -> None:
    """Let a folder count as incomplete: its manifest is renamed to DAMAGED; where that is forbidden, it stays."""
    with contextlib.suppress(OSError):
        (folder / MANIFEST).replace(folder / DAMAGED)


_VERIFIED: dict[Path, tuple[int, int]] = {}  # what this process has hashed: size and time of change by path


def _state_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _has_digest(path: Path, digest: str) -> bool:
    try:
        return digest_of_file(path) == digest
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def _rename_folder(private: Path, folder: Path) -> bool:
    """Give a private folder its name; False where a complete one has it already."""
    aside = private.with_name(f"{private.name}-before")
    while True:
        if is_complete(folder):
            return False
        if folder.exists():  # incomplete or damaged: out of the way, in one rename as well
            with contextlib.suppress(FileNotFoundError):
                folder.rename(aside)
        try:
            private.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            continue  # another process was quicker
        finally:
            shutil.rmtree(aside, ignore_errors=True)  # nothing else: other private folders may be being filled
        return True


def _remove_leftovers(work: Path) -> None:
    for place in work.glob(f"{PRIVATE}*"):
        with contextlib.suppress(OSError):
            if time.time() - place.stat().st_mtime >= LEFTOVER_AGE_S:
                shutil.rmtree(place, ignore_errors=True)


@contextmanager
def lock_folder(folder: Path, *, wait: float = NOW, on_wait: Callable[[], object] = lambda: None) -> Iterator[bool]:
    """True inside while this process alone makes `folder`; False where another does, at once or after `wait` seconds.

    With another `wait` than NOW, `on_wait` is called once where another process has to be waited for; WHEN_FREE waits for as long as
    that takes. The lock is the operating system's (flock), so SIGKILL frees it. Where a file system refuses or ignores such locks,
    everybody is let in, with one LocksRefusedWarning a process: two processes may then do the same work, and the first rename wins. A
    lock by the mere existence of a file is never tried: the file of a process killed on another machine would be held for ever.
    """
    work = work_folder(folder)
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work / "lock", fallback_to_soft=False)
    held = _acquire(lock, wait, on_wait)
    try:
        yield held
    finally:
        if held:
            lock.release()


def _acquire(lock: FileLock, wait: float, on_wait: Callable[[], object]) -> bool:
    """Whether the caller may go on: with the lock, or without where there are none."""
    try:
        lock.acquire(timeout=NOW)
    except Timeout:
        if wait == NOW:
            return False
        on_wait()
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            return False
    except OSError as error:
        if error.errno not in LOCKS_REFUSED:
            raise
        _warn_of_refused_locks(error.errno)
    return True


@functools.cache  # once a process, whatever the filters of warnings are
def _warn_of_refused_locks(number: int) -> None:
    text = f"The file system refuses locks ({os.strerror(number)}): do not let two processes work on one run here."
    warnings.warn(text, LocksRefusedWarning, stacklevel=4)


def _to_json(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Cannot name a value of type {type(value).__name__} by a digest.")
