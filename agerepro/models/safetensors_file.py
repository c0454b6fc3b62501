"""Weights named by PyTorch's layers, in a `.safetensors` file: parsed, and laid out as Keras's layers take them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from agerepro.errors import UserError

LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
FORMATS = {"F32": "<f4", "I64": "<i8"}  # the format's names -> NumPy's; weights, and counters of batches
COUNTER = "num_batches_tracked"  # how many batches a batch norm has seen: no part of what it computes
# What PyTorch calls a layer's tensors -> Keras's names: of layers that multiply, and of batch norms.
MULTIPLYING = {"weight": "kernel", "bias": "bias"}
NORMALISING = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
AXES = {4: (2, 3, 1, 0), 2: (1, 0)}  # out x in x height x width -> height x width x in x out; out x in -> in x out


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: its type in the format's words, its shape, and its bytes in the whole file."""

    format: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, StoredTensor]:
    """Every weight of the file by its stored name, without counters of batches; nothing else is read.

    UserError unless the header describes the file to its last byte, in types that we know.
    """
    try:
        with path.open("rb") as file:
            return _header(file, path.stat().st_size)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    except (Malformed, ValueError) as error:
        raise UserError(f"{path} is no .safetensors file, or damaged ({error}): remove it and fetch it again.") from None


def read_safetensors(path: Path, *, not_used: Collection[str] = ()) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """(stored name -> float32 array, as stored; the names left unread, in layers named in `not_used`)."""
    header = read_header(path)
    unread = tuple(name for name in header if layer_of(name) in not_used)
    tensors = {}
    with path.open("rb") as file:
        for name, stored in header.items():
            if name not in unread:
                file.seek(stored.begin)
                values = np.frombuffer(file.read(stored.end - stored.begin), FORMATS[stored.format])
                tensors[name] = values.reshape(stored.shape).astype(np.float32)
    return tensors, unread


def keras_layout(stored: Mapping[str, np.ndarray], layers: Mapping[str, str]) -> Iterator[tuple[str, np.ndarray]]:
    """(`layer/variable`, array in Keras's layout) of each tensor, from PyTorch's names and layout.

    layers: PyTorch's name of a layer -> ours, where ours is not just PyTorch's with `_` for the dot. A tensor of a kind that we do not
    know keeps its name and so finds no place.
    """
    for name, tensor in stored.items():
        layer, kind = layer_of(name), name.rpartition(".")[2]
        kinds = NORMALISING if f"{layer}.running_mean" in stored else MULTIPLYING
        ours = f"{layers.get(layer, layer.replace('.', '_'))}/{kinds.get(kind, kind)}"
        yield ours, np.ascontiguousarray(tensor.transpose(AXES[tensor.ndim])) if tensor.ndim in AXES else tensor


def layer_of(name: str) -> str:
    """`layer1.0.conv1` of `layer1.0.conv1.weight`."""
    return name.rpartition(".")[0]


class Malformed(Exception):
    """The bytes do not hold what should be there; the text says what."""


def _header(file: BinaryIO, file_size: int) -> dict[str, StoredTensor]:
    """Eight bytes of length, little-endian, then as much JSON; the tensors' bytes follow, and their places count from there."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(LONGEST_HEADER, file_size - 8):
        raise Malformed(f"its header cannot have {length} bytes")
    content = json.loads(file.read(length))  # a ValueError where it is no JSON
    if not isinstance(content, dict):
        raise Malformed("its header is no table")
    content.pop("__metadata__", None)
    tensors = {name: _stored(name, entry, 8 + length) for name, entry in content.items()}
    at = 8 + length
    for name, stored in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if stored.begin != at or stored.end - at != stored.size * np.dtype(FORMATS[stored.format]).itemsize:
            raise Malformed(f"{name} does not lie where its neighbours and its shape say")
        at = stored.end
    if at != file_size:
        raise Malformed(f"it has {file_size} bytes, not {at}")
    return {name: stored for name, stored in tensors.items() if not name.endswith(f".{COUNTER}")}


def _stored(name: str, entry: object, start: int) -> StoredTensor:
    try:
        format_, shape, (begin, end) = str(entry["dtype"]), entry["shape"], entry["data_offsets"]  # type: ignore[index]
        numbers = [*shape, begin, end]
    except (KeyError, TypeError, ValueError):
        raise Malformed(f"{name} has no type, shape or place") from None
    if format_ not in FORMATS:
        raise Malformed(f"{name} is of type {format_}, not {' or '.join(FORMATS)}")
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise Malformed(f"{name} has no such shape or place: {numbers}")
    return StoredTensor(format_, tuple(shape), start + begin, start + end)
