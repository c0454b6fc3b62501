"""Whole or absent, complete or not, locked or told that it cannot be."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from agerepro import io
from agerepro.errors import CheckFailed
from agerepro.io import (
    MANIFEST,
    NOW,
    WHEN_FREE,
    LocksRefusedWarning,
    atomic_write,
    config_hash,
    damaged_files,
    finished_by,
    is_complete,
    lock_folder,
    printable,
    verified,
    work_folder,
    write_folder,
    write_json,
    write_text,
)
from tests.opened import opened_below


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


def filled(folder: Path, made_by: str = "") -> Path:
    """A complete folder of two files, one of them in a folder of its own."""
    assert write_folder(folder, fill, made_by=made_by)
    return folder


def fill(place: Path) -> None:
    (place / "a.csv").write_text("1")
    (place / "deep").mkdir()
    (place / "deep" / "b.csv").write_text("22")


def test_the_manifest_names_every_file_with_the_checksum_that_sha256sum_prints(tmp_path: Path) -> None:
    folder = filled(tmp_path / "stage", made_by="settings 1")
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["made_by"] == "settings 1" == finished_by(folder)
    assert {name: facts["size"] for name, facts in manifest["files"].items()} == {"a.csv": 1, "deep/b.csv": 2}
    lines = "".join(f"{facts['sha256']}  {name}\n" for name, facts in manifest["files"].items())
    subprocess.run(["sha256sum", "--check", "--strict"], input=lines, text=True, cwd=folder, check=True, capture_output=True)
    assert is_complete(folder) and damaged_files(folder) == []


@pytest.mark.parametrize("harm", ["truncate", "remove", "empty manifest", "no manifest", "half a manifest"])
def test_a_folder_whose_files_have_not_their_sizes_is_incomplete(tmp_path: Path, harm: str) -> None:
    folder = filled(tmp_path / "stage")
    text = (folder / MANIFEST).read_text()
    {
        "truncate": lambda: (folder / "deep" / "b.csv").write_text("2"),
        "remove": (folder / "a.csv").unlink,
        "empty manifest": lambda: (folder / MANIFEST).write_text(""),
        "no manifest": (folder / MANIFEST).unlink,
        "half a manifest": lambda: (folder / MANIFEST).write_text(text[: len(text) // 2]),
    }[harm]()
    assert not is_complete(folder) and finished_by(folder) is None
    names = {"truncate": ["b.csv"], "remove": ["a.csv"], "no manifest": []}.get(harm, [MANIFEST])
    assert [path.name for path in damaged_files(folder)] == names


def test_whether_a_folder_is_complete_opens_its_manifest_alone_and_looking_for_damage_every_file(tmp_path: Path) -> None:
    folder = filled(tmp_path / "stage")
    (folder / "a.csv").write_text("0")  # of the same size
    with opened_below(folder) as names:
        assert is_complete(folder)
    assert names == [MANIFEST]
    with opened_below(folder) as names:
        assert damaged_files(folder) == [folder / "a.csv"]
    assert sorted(names) == ["a.csv", "b.csv", MANIFEST]


def test_content_is_compared_with_the_manifest_once_a_process(tmp_path: Path) -> None:
    folder = filled(tmp_path / "stage")
    with opened_below(folder) as names:
        for _ in range(3):
            assert verified(folder / "a.csv") == folder / "a.csv"
    assert names.count("a.csv") == 1
    (folder / "a.csv").write_text("0")
    os.utime(folder / "a.csv", ns=(0, 0))  # later than any clock that stands still in between
    with pytest.raises(CheckFailed, match=re.escape(str(folder / "a.csv"))):
        verified(folder / "a.csv")
    assert not is_complete(folder) and (folder / "a.csv").read_text() == "0"  # to be made anew, and can be looked at
    assert damaged_files(folder) == [folder / "a.csv"]  # still
    (folder / "unnamed.txt").write_text("x")
    assert verified(folder / "unnamed.txt") == folder / "unnamed.txt"


def test_a_file_that_is_gone_is_damaged(tmp_path: Path) -> None:
    folder = filled(tmp_path / "stage")
    (folder / "a.csv").unlink()
    with pytest.raises(CheckFailed, match=re.escape(str(folder / "a.csv"))):
        verified(folder / "a.csv")


def test_a_folder_is_whole_or_not_there_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "stage"

    def fail(place: Path) -> None:
        fill(place)
        assert not folder.exists() and place.parent == work_folder(folder)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_folder(folder, fail)
    assert not folder.exists() and list(work_folder(folder).iterdir()) == []
    assert is_complete(filled(folder))


KILLED = """
import os, signal, sys
from pathlib import Path
from agerepro.io import write_folder
def write(place):
    (place / "a.csv").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_folder(Path(sys.argv[1]), write)
"""


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    child = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert child.returncode == -signal.SIGKILL and not folder.exists()
    (left,) = work_folder(folder).iterdir()
    filled(folder)
    assert left.is_dir()  # it may be another process's, still at work
    os.utime(left, (0, 0))
    assert write_folder(folder, fill) is False and not left.exists()


def test_a_complete_folder_stays_and_an_incomplete_or_damaged_one_gives_way(tmp_path: Path) -> None:
    folder = filled(tmp_path / "stage", made_by="first")
    assert not write_folder(folder, fill, made_by="second") and finished_by(folder) == "first"
    (folder / "a.csv").unlink()
    assert write_folder(folder, fill, made_by="second") and finished_by(folder) == "second"
    (folder / "a.csv").write_text("0")
    with pytest.raises(CheckFailed):
        verified(folder / "a.csv")
    assert write_folder(folder, fill, made_by="third") and verified(folder / "a.csv").read_text() == "1"
    assert list(work_folder(folder).iterdir()) == []


def test_of_two_that_write_one_folder_at_once_the_first_wins_and_neither_fails(tmp_path: Path) -> None:
    begun, first_is_done, results = threading.Event(), threading.Event(), {}

    def slow(place: Path) -> None:
        (place / "a.csv").write_text("begun before the other")
        begun.set()
        assert first_is_done.wait(20)
        (place / "b.csv").write_text("ended after it")

    other = threading.Thread(target=lambda: results.update(slow=write_folder(tmp_path / "stage", slow, made_by="slow")))
    other.start()
    assert begun.wait(20)
    results["quick"] = write_folder(tmp_path / "stage", fill, made_by="quick")
    first_is_done.set()
    other.join()
    assert results == {"quick": True, "slow": False}
    assert finished_by(tmp_path / "stage") == "quick" and not (tmp_path / "stage" / "b.csv").exists()


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
    assert not [path for path in tmp_path.rglob("lock") if path.read_bytes()]  # no marker that outlives its process


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
