"""Whole or absent, sealed or not done."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agerepro.io import NOW, WHEN_FREE, atomic_write, config_hash, is_complete, lock_folder, write_manifest, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = write_text(tmp_path / "kept.txt", "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        atomic_write(path, fail)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"] and path.read_text() == "old"


def test_the_seal_is_what_sha256sum_checks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("2")
    write_manifest(tmp_path, ["b.csv", "a.csv"])
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    assert is_complete(tmp_path)


@pytest.mark.parametrize("harm", ["flip", "remove", "empty seal"])
def test_a_damaged_folder_is_not_sealed(tmp_path: Path, harm: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text("1")
    write_manifest(tmp_path, ["a.csv"])
    {"flip": lambda: file.write_text("0"), "remove": file.unlink, "empty seal": lambda: (tmp_path / "SHA256SUMS").write_text("")}[harm]()
    assert not is_complete(tmp_path)


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert config_hash({"a": 1, "b": [1, 2]}) == config_hash({"b": [1, 2], "a": 1}) != config_hash({"a": 1, "b": [2, 1]})


HOLDER = """
import sys
from pathlib import Path
from agerepro.io import lock_folder
with lock_folder(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_a_claim_excludes_another_process_until_it_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        with lock_folder(tmp_path, wait=NOW) as mine:
            assert not mine
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lock_folder(tmp_path, wait=WHEN_FREE) as mine:
            assert mine
