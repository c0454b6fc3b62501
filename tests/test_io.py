"""Whole or absent, complete or not, locked or told that it cannot be."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from agerepro import io
from agerepro.io import (
    NOW,
    WHEN_FREE,
    LocksRefusedWarning,
    atomic_write,
    config_hash,
    is_complete,
    lock_folder,
    printable,
    write_json,
    write_manifest,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = write_text(tmp_path / "kept.txt", "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        atomic_write(path, fail)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "old"


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    def fill(temporary: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError) as error:
        atomic_write(tmp_path / "a.npz", fill)
    assert error.value.filename == str(tmp_path / "a.npz") and list(tmp_path.iterdir()) == []


def test_the_manifest_is_what_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("2")
    write_manifest(tmp_path, ["b.csv", "a.csv"])
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    assert is_complete(tmp_path)


@pytest.mark.parametrize("harm", ["flip", "remove", "empty manifest"])
def test_a_damaged_folder_is_incomplete(tmp_path: Path, harm: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("1")
    write_manifest(tmp_path, ["a.csv"])
    {"flip": lambda: file.write_text("0"), "remove": file.unlink, "empty manifest": lambda: (tmp_path / "SHA256SUMS").write_text("")}[
        harm
    ]()
    assert not is_complete(tmp_path)


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert config_hash({"a": 1, "b": [1, 2]}) == config_hash({"b": [1, 2], "a": 1}) != config_hash({"a": 1, "b": [2, 1]})


@pytest.mark.parametrize("umask", [0o022, 0o007])
def test_files_are_readable_as_the_umask_says_whatever_threads_do(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        names = [tmp_path / f"{number}.txt" for number in range(64)]
        threads = [threading.Thread(target=lambda part=part: [write_text(path, "x") for path in names[part::8]]) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {path.stat().st_mode & 0o777 for path in names} == {0o666 & ~umask}
    finally:
        assert os.umask(before) == umask  # nobody changed it on the way


@pytest.mark.parametrize("text", ["caf\udce9.JPG", "Zoë"])
def test_a_file_name_of_any_bytes_can_be_written_and_printed(tmp_path: Path, text: str) -> None:
    assert (
        write_text(tmp_path / "a.txt", text).read_bytes()
        == printable(text).encode()
        == write_text(tmp_path / "b", printable(text)).read_bytes()
    )
    write_json(tmp_path / "a.json", {"path": text}).read_bytes().decode("utf-8")
    assert config_hash(text) != config_hash(printable(text) + "x")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
@pytest.mark.parametrize("wait", [NOW, WHEN_FREE])
def test_where_locks_are_refused_everybody_goes_on_and_one_warning_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, wait: float
) -> None:
    def refuse(fd: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    io._warn_of_refused_locks.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("a", "b", "a"):
            with lock_folder(tmp_path / name, wait=wait) as mine:
                assert mine
    assert [warning.category for warning in caught] == [LocksRefusedWarning]
    assert not [path for path in tmp_path.rglob("*.lock") if path.read_bytes()]  # no marker that outlives its process


def test_another_error_of_a_lock_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)), lock_folder(tmp_path):
        pass


HOLDER = """
import sys
import threading
import warnings
from pathlib import Path
from agerepro.io import lock_folder
with lock_folder(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_a_lock_excludes_another_process_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        with lock_folder(tmp_path, wait=NOW) as mine:
            assert not mine
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lock_folder(tmp_path, wait=WHEN_FREE) as mine:
            assert mine
