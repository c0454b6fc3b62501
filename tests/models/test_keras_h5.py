"""The reader of Keras 2's weights files: names, not the tree of groups, decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.models.keras_h5 import read_keras_h5

NESTED = [("input_1", []), ("conv1/7x7_s2", ["conv1/7x7_s2/kernel:0"]), ("conv1/7x7_s2/bn", ["conv1/7x7_s2/bn/gamma:0"])]
TENSORS = {"conv1/7x7_s2/kernel:0": np.arange(6, dtype=np.float32).reshape(2, 3), "conv1/7x7_s2/bn/gamma:0": np.float32([7, 8])}


def test_layers_whose_names_nest_are_kept_apart(tmp_path: Path, write_h5: Any) -> None:
    tensors, unread = read_keras_h5(write_h5(tmp_path / "w.h5", NESTED, TENSORS))
    assert list(tensors) == list(TENSORS) and unread == ()
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_layers_without_use_are_left_unread_by_exact_name(tmp_path: Path, write_h5: Any) -> None:
    tensors, unread = read_keras_h5(write_h5(tmp_path / "w.h5", NESTED, TENSORS), not_used=("conv1/7x7_s2",))
    assert list(tensors) == ["conv1/7x7_s2/bn/gamma:0"] and unread == ("conv1/7x7_s2/kernel:0",)


def test_names_may_be_text_and_come_in_pieces(tmp_path: Path, write_h5: Any) -> None:
    path = write_h5(tmp_path / "w.h5", NESTED, TENSORS)
    with h5py.File(path, "a") as file:
        names = [name.decode() for name in file.attrs["layer_names"]]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    assert list(read_keras_h5(path)[0]) == list(TENSORS)


def test_a_damaged_file_is_named(tmp_path: Path, write_h5: Any) -> None:
    content = write_h5(tmp_path / "w.h5", NESTED, TENSORS).read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.h5").write_text("not found")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "incomplete.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
    for name in ("cut.h5", "text.h5", "other.h5", "incomplete.h5"):
        with pytest.raises(UserError, match=rf"{name} is no weights file of Keras, or damaged .*: remove it and fetch it again"):
            read_keras_h5(tmp_path / name)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.h5 does not exist"):
        read_keras_h5(tmp_path / "absent.h5")
