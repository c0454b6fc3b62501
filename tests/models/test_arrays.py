"""Weights as arrays, and their file: exact, byte-stable, and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.models.arrays import load_arrays, save_arrays, variables_by_name, weights_as_arrays
from agerepro.models.network import Network

Slim = Callable[..., Network]


def test_names_are_layer_and_variable(slim: Slim) -> None:
    network = slim()
    assert [*variables_by_name(network.full)][:3] == ["conv1_1/kernel", "conv1_1/bias", "conv1_2/kernel"]
    assert [*variables_by_name(network.classifier)] == ["dense1/kernel", "dense1/bias", "logits/kernel", "logits/bias"]
    assert [*variables_by_name(slim().full)] == [*variables_by_name(network.full)]  # a second network in one process


def test_arrays_are_copies(slim: Slim) -> None:
    network = slim()
    arrays = weights_as_arrays(network.full)
    kept = arrays["logits/bias"].copy()
    variables_by_name(network.full)["logits/bias"].assign(kept + 1)
    np.testing.assert_array_equal(arrays["logits/bias"], kept)


def test_a_file_gives_back_every_bit_whatever_the_order(tmp_path: Path) -> None:
    arrays = {"b/kernel": np.float32([[1e-45, -0.0], [np.pi, 3e38]]), "a/bias": np.float32([1]), "a/step": np.int64(3)}
    save_arrays(tmp_path / "one.npz", arrays)
    save_arrays(tmp_path / "two.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    again = load_arrays(tmp_path / "one.npz")
    assert {name: (array.dtype, array.tobytes()) for name, array in again.items()} == {
        name: (array.dtype, array.tobytes()) for name, array in arrays.items()
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_damage_is_noticed(tmp_path: Path) -> None:
    content = save_arrays(tmp_path / "w.npz", {"a/kernel": np.ones(100, np.float32)}).read_bytes()
    flipped = bytearray(content)
    flipped[250] ^= 1
    for name, damaged in (("cut", content[:-30]), ("flipped", bytes(flipped)), ("empty", b""), ("text", b"not weights")):
        (tmp_path / f"{name}.npz").write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{name}\.npz is damaged .*: remove it and run again"):
            load_arrays(tmp_path / f"{name}.npz")
    np.save(tmp_path / "bare.npy", np.ones(2))
    (tmp_path / "bare.npy").rename(tmp_path / "bare.npz")
    with pytest.raises(UserError, match=r"bare\.npz is damaged \(one array without a name\)"):
        load_arrays(tmp_path / "bare.npz")


def test_absence_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.npz does not exist"):
        load_arrays(tmp_path / "absent.npz")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        save_arrays(tmp_path / "w.h5", {})
