"""The safetensors reader: whole files, and every way in which one can be broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.models.safetensors_file import keras_layout, read_header, read_safetensors

RNG = np.random.default_rng(0)
TENSORS = {
    "conv.weight": RNG.normal(size=(4, 2, 3, 5)).astype(np.float32),
    "conv.bias": RNG.normal(size=4).astype(np.float32),
    "layer1.0.bn1.weight": np.ones(4, np.float32),
    "layer1.0.bn1.bias": np.zeros(4, np.float32),
    "layer1.0.bn1.running_mean": np.arange(4, dtype=np.float32),
    "layer1.0.bn1.running_var": np.ones(4, np.float32),
    "layer1.0.bn1.num_batches_tracked": np.int64(7),
    "fc.weight": RNG.normal(size=(3, 4)).astype(np.float32),
    "empty.weight": np.zeros((0, 4), np.float32),
}


@pytest.fixture
def path(tmp_path: Path, write_safetensors: Any) -> Path:
    return write_safetensors(tmp_path / "w.safetensors", TENSORS)


def test_every_tensor_comes_back_but_counters(path: Path) -> None:
    tensors, unread = read_safetensors(path)
    assert unread == () and set(tensors) == {name for name in TENSORS if "num_batches" not in name}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, TENSORS[name])
        assert tensor.dtype == np.float32
    assert {name: stored.shape for name, stored in read_header(path).items()} == {name: tensor.shape for name, tensor in tensors.items()}


def test_layers_without_use_are_left_unread_by_exact_name(path: Path) -> None:
    tensors, unread = read_safetensors(path, not_used=("conv", "layer1"))
    assert unread == ("conv.weight", "conv.bias") and "layer1.0.bn1.weight" in tensors


def test_pytorchs_layout_becomes_keras(path: Path) -> None:
    tensors = dict(keras_layout(read_safetensors(path)[0], {"conv": "conv1_1"}))
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    names = {"conv1_1/kernel", "conv1_1/bias", "fc/kernel", "empty/kernel", *(f"layer1_0_bn1/{variable}" for variable in norm)}
    assert set(tensors) == names
    assert tensors["conv1_1/kernel"].shape == (3, 5, 2, 4)
    assert tensors["conv1_1/kernel"][1, 2, 0, 3] == TENSORS["conv.weight"][3, 0, 1, 2]
    np.testing.assert_array_equal(tensors["fc/kernel"], TENSORS["fc.weight"].T)
    np.testing.assert_array_equal(tensors["layer1_0_bn1/moving_mean"], TENSORS["layer1.0.bn1.running_mean"])


def test_a_tensor_of_an_unknown_kind_keeps_its_name() -> None:
    assert [name for name, _ in keras_layout({"cell.weight_hh": np.zeros(2)}, {})] == ["cell/weight_hh"]


def header_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_header(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def broken(content: bytes) -> dict[str, bytes]:
    header, data = header_of(content)
    bias = header["conv.bias"]
    return {
        "empty": b"",
        "web page": b"<!DOCTYPE html><html>Not Found</html>",
        "cut in the header": content[:60],
        "cut in the data": content[:-1],
        "longer": content + b"\0",
        "no JSON": (4).to_bytes(8, "little") + b"{{{{" + data,
        "no table": with_header([], data),
        "no entry": with_header({**header, "conv.bias": 3}, data),
        "no place": with_header({**header, "conv.bias": {"dtype": "F32", "shape": [4]}}, data),
        "half precision": with_header({**header, "conv.bias": {**bias, "dtype": "F16"}}, data),
        "a type that is a list": with_header({**header, "conv.bias": {**bias, "dtype": ["F32"]}}, data),
        "another shape": with_header({**header, "conv.bias": {**bias, "shape": [5]}}, data),
        "a negative shape": with_header({**header, "conv.bias": {**bias, "shape": [-2, -2]}}, data),
        "overlapping": with_header({**header, "conv.bias": {**bias, "data_offsets": [0, 16]}}, data),
        "a hole": with_header({name: entry for name, entry in header.items() if name != "conv.bias"}, data),
    }


@pytest.mark.parametrize("how", broken(with_header({"conv.bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4))))
def test_a_broken_file_is_refused_by_name(how: str, path: Path) -> None:
    path.write_bytes(broken(path.read_bytes())[how])
    for read in (read_header, read_safetensors):
        with pytest.raises(UserError, match=r"w\.safetensors is no \.safetensors file, or damaged"):
            read(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.safetensors does not exist"):
        read_safetensors(tmp_path / "absent.safetensors")
