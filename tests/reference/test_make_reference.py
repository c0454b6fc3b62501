"""The reference values are those of the full data, where these are at hand, and small everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def test_the_full_data_gives_these_files(full_reference: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, HERE / "make_reference.py", full_reference, tmp_path], check=True)
    made = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    stored = {path.relative_to(HERE): path for path in HERE.rglob("*") if path.suffix in (".npz", ".json", ".csv", ".xz", ".jpg")}
    assert made.keys() == stored.keys()
    for name, path in made.items():
        if path.suffix == ".npz":  # compression differs by zlib
            with np.load(path) as ours, np.load(stored[name]) as theirs:
                assert ours.files == theirs.files
                assert all(np.array_equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours.files)
        elif name.suffixes == [".csv", ".xz"]:
            pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(stored[name]))
        else:
            assert path.read_bytes() == stored[name].read_bytes(), name


def test_fgnets_names_are_those_of_the_full_data(full_reference: Path, fgnet_names: list[str]) -> None:
    assert fgnet_names == (full_reference / "data" / "metadata" / "fgnet_filenames.txt").read_text(encoding="utf-8").split()


def test_every_file_is_under_1_mb_and_described() -> None:
    described = (HERE / "README.md").read_text(encoding="utf-8")
    for path in HERE.rglob("*"):
        assert path.is_dir() or path.stat().st_size < 1_000_000, path.name
    for path in HERE.glob("*.npz"):
        assert f"`{path.name}`" in described, path.name
