"""Weights of a Caffe network, in a `.caffemodel` file: parsed, and laid out as Keras's layers take them.

The file is one protocol buffer, NetParameter of caffe.proto. Of its fields only those named here are read, and no schema is needed.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from agerepro.errors import UserError

LAYERS_V1, LAYERS = 2, 100  # fields of NetParameter: layers as Caffe had them before July 2014, and since
NAME, TYPE, BLOBS = 1, 2, 7  # of LayerParameter
SIDES, SHAPE = (1, 2, 3, 4), 7  # of BlobProto: number, channels, height, width; a BlobShape, whose field 1 are the sizes
DATA = {5: "<f4", 8: "<f8"}  # of BlobProto: field -> NumPy's type
DIMENSIONS = 1  # of BlobShape
MOST_AXES = 32  # Caffe's own limit
VARINT, BYTES = 0, 2  # wire types of Protocol Buffers that stand in the fields above
FIXED = {1: 8, 5: 4}  # wire type -> how many bytes
LONGEST_VARINT = 10  # bytes

FACTOR = "factor"  # what Caffe's moving averages are divided by: a sum of weights that nears 1 / (1 - momentum)
VARIABLES = {  # a layer's type -> its tensors in Caffe's order, and how many axes each of them has
    "Convolution": {"kernel": 4, "bias": 1},
    "InnerProduct": {"kernel": 2, "bias": 1},
    "BatchNorm": {"moving_mean": 1, "moving_variance": 1, FACTOR: 1},
    "Scale": {"gamma": 1, "beta": 1},
}
Bytes = bytes | mmap.mmap
Place = tuple[int, int]  # first byte, and the byte behind the last


@dataclass(frozen=True)
class Blob:
    """Where a tensor lies: its numbers' type in NumPy's words, its shape, and its first byte in the whole file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class CaffeLayer:
    """A layer that has tensors: its name and type in Caffe's words, and its tensors by the names of VARIABLES."""

    name: str
    type: str
    blobs: Mapping[str, Blob]

    @property
    def size(self) -> int:
        """How many numbers Keras's layer takes; FACTOR is none of them."""
        return sum(blob.size for variable, blob in self.blobs.items() if variable != FACTOR)


def read_layers(path: Path) -> tuple[CaffeLayer, ...]:
    """Every layer with tensors, in the file's order, which is the network's; no tensor is read.

    UserError when the file is no NetParameter to its last byte, has no such layer, two of one name or one of a type that we do not know,
    or when a tensor has not as many numbers as its shape says.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _network(data)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    except (Malformed, ValueError) as error:  # ValueError: an empty file, a name that is no UTF-8
        raise UserError(f"{path} is no .caffemodel file, or damaged ({error}): remove it and fetch it again.") from None


def read_caffe(path: Path, *, not_used: Collection[str] = ()) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """(`layer/variable` -> float32 array in Keras's layout; the names left unread, in layers named in `not_used`).

    A layer keeps Caffe's name, slashes and all. Kernels become height x width x in x out, or in x out. An inner product behind a
    convolution takes the map flattened by rows, columns, channels; Caffe flattens it by channels, rows, columns. Moving averages are
    divided by Caffe's factor. UserError as `read_layers`.
    """
    tensors: dict[str, np.ndarray] = {}
    unread: list[str] = []
    channels = 1  # of the map that the next inner product flattens
    layers = read_layers(path)
    with path.open("rb") as file:
        for layer in layers:
            if layer.name in not_used:
                unread += [f"{layer.name}/{variable}" for variable in layer.blobs]
            else:
                arrays = {variable: _numbers(file, blob) for variable, blob in layer.blobs.items()}
                laid_out = _keras_layout(layer.type, arrays, channels)
                tensors |= {f"{layer.name}/{variable}": array for variable, array in laid_out.items()}
            channels = _channels(layer, before=channels)
    return tensors, tuple(unread)


class Malformed(Exception):
    """The bytes do not hold what should be there; the text says what."""


def _network(data: Bytes) -> tuple[CaffeLayer, ...]:
    fields = _message(data, (0, len(data)), {LAYERS_V1: BYTES, LAYERS: BYTES})
    if fields[LAYERS_V1]:
        raise Malformed("its layers are in a form that Caffe gave up in 2014")
    layers = [layer for place in fields[LAYERS] if (layer := _layer(data, place)) is not None]
    if not layers:
        raise Malformed("it holds no layer with tensors")
    channels = 1
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise Malformed(f"two of its layers are called {layer.name}")
        seen.add(layer.name)
        if layer.type == "InnerProduct" and layer.blobs["kernel"].shape[1] % channels:
            raise Malformed(f"{layer.name} cannot take a map of {channels} channels")
        channels = _channels(layer, before=channels)
    return tuple(layers)


def _layer(data: Bytes, place: Place) -> CaffeLayer | None:
    """None for a layer without tensors, of whatever type."""
    fields = _message(data, place, {NAME: BYTES, TYPE: BYTES, BLOBS: BYTES})
    if not fields[BLOBS]:
        return None
    name, type_ = (_one(fields[field], "name or type of a layer", data) for field in (NAME, TYPE))
    variables = VARIABLES.get(type_)
    if variables is None:
        raise Malformed(f"{name} is of type {type_}, not {', '.join(VARIABLES)}")
    if len(fields[BLOBS]) != len(variables) and (len(fields[BLOBS]) != 1 or FACTOR in variables):  # a bias or beta may be left out
        raise Malformed(f"{name}, of type {type_}, has {len(fields[BLOBS])} tensors, not {len(variables)}")
    blobs = {
        variable: _blob(data, blob, axes, f"{name}/{variable}")
        for (variable, axes), blob in zip(variables.items(), fields[BLOBS], strict=False)
    }
    if FACTOR in blobs and blobs[FACTOR].size != 1:
        raise Malformed(f"{name}/{FACTOR} is no single number")
    return CaffeLayer(name, type_, blobs)


def _blob(data: Bytes, place: Place, axes: int, name: str) -> Blob:
    """A tensor of so many axes; more are the ones that Caffe put before the shape when all tensors had four."""
    fields = _message(data, place, {**dict.fromkeys(SIDES, VARINT), SHAPE: BYTES, **dict.fromkeys(DATA, BYTES)})
    shape = _shape(data, fields, name)
    before = len(shape) - axes
    if before < 0 or any(size != 1 for size in shape[:before]) or 0 in shape:
        raise Malformed(f"{name} has no such shape: {'x'.join(map(str, shape)) or 'a single number'}")
    stored = [(dtype, place) for field, dtype in DATA.items() for place in fields[field]]
    if len(stored) != 1:
        raise Malformed(f"the numbers of {name} stand in {len(stored)} places, not in one")
    dtype, (begin, end) = stored[0]
    blob = Blob(dtype, shape[before:], begin)
    if end - begin != blob.size * np.dtype(dtype).itemsize:
        raise Malformed(f"{name} has {end - begin} bytes of numbers, not {blob.size * np.dtype(dtype).itemsize}, as its shape says")
    return blob


def _shape(data: Bytes, fields: Mapping[int, list[Place]], name: str) -> tuple[int, ...]:
    """What Caffe takes for the shape: the four sides if any is there, else the sizes of a BlobShape."""
    if any(fields[side] for side in SIDES):
        return tuple(_varint(data, *fields[side][-1])[0] if fields[side] else 0 for side in SIDES)
    if len(fields[SHAPE]) != 1:
        raise Malformed(f"{name} has {len(fields[SHAPE])} shapes")
    dimensions = _message(data, fields[SHAPE][0], {DIMENSIONS: BYTES})[DIMENSIONS]
    sizes = [size for begin, end in dimensions for size in _varints(data, begin, end)]
    return tuple(sizes)


def _message(data: Bytes, place: Place, wanted: Mapping[int, int]) -> dict[int, list[Place]]:
    """Where each wanted field's contents lie in the message at `place`; wanted: field -> its wire type. Other fields are passed over."""
    found: dict[int, list[Place]] = {field: [] for field in wanted}
    for field, wire, contents in _fields(data, *place):
        if field in wanted:
            if wire != wanted[field]:
                raise Malformed(f"field {field} before byte {contents[0]} is of wire type {wire}, not {wanted[field]}")
            found[field].append(contents)
    return found


def _fields(data: Bytes, at: int, end: int) -> Iterator[tuple[int, int, Place]]:
    """(number, wire type, where its contents lie) of each field, to the message's end."""
    while at < end:
        key, begin = _varint(data, at, end)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            after = _varint(data, begin, end)[1]
        elif wire == BYTES:
            length, begin = _varint(data, begin, end)
            after = begin + length
        elif wire in FIXED:
            after = begin + FIXED[wire]
        else:
            raise Malformed(f"no field of wire type {wire}, as at byte {at}, belongs here")
        if field == 0:
            raise Malformed(f"no field has number 0, as at byte {at}")
        if after > end:
            raise Malformed(f"field {field} at byte {at} goes beyond byte {end}, where it should end")
        yield field, wire, (begin, after)
        at = after


def _varints(data: Bytes, at: int, end: int) -> list[int]:
    numbers = []
    while at < end:
        number, at = _varint(data, at, end)
        numbers.append(number)
        if len(numbers) > MOST_AXES:
            raise Malformed(f"a shape before byte {at} has more than {MOST_AXES} sizes")
    return numbers


def _varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, the lowest first, the top bit set in all bytes but the last; and the byte behind it."""
    number = 0
    for n in range(LONGEST_VARINT):
        if at + n >= end:
            raise Malformed(f"a number breaks off at byte {end}")
        byte = data[at + n]
        number |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return number, at + n + 1
    raise Malformed(f"the number at byte {at} has no end")


def _one(places: list[Place], what: str, data: Bytes) -> str:
    if len(places) != 1:
        raise Malformed(f"the {what} stands in {len(places)} places, not in one")
    begin, end = places[0]
    return data[begin:end].decode()


def _numbers(file: BinaryIO, blob: Blob) -> np.ndarray:
    file.seek(blob.begin)
    return np.frombuffer(file.read(blob.size * np.dtype(blob.dtype).itemsize), blob.dtype).reshape(blob.shape)


def _keras_layout(type_: str, arrays: Mapping[str, np.ndarray], channels: int) -> dict[str, np.ndarray]:
    if type_ == "BatchNorm":
        factor = float(arrays[FACTOR][0])
        share = 1 / factor if factor else 0.0  # Caffe's rule for averages of nothing
        return {variable: (array * share).astype(np.float32) for variable, array in arrays.items() if variable != FACTOR}
    kernels = {"Convolution": _convolution, "InnerProduct": lambda kernel: _inner_product(kernel, channels)}
    return {
        variable: np.ascontiguousarray(kernels[type_](array) if variable == "kernel" else array, np.float32)
        for variable, array in arrays.items()
    }


def _convolution(kernel: np.ndarray) -> np.ndarray:
    """Out x in x height x width -> height x width x in x out; of several groups, both have the first group's outputs first."""
    return kernel.transpose(2, 3, 1, 0)


def _inner_product(kernel: np.ndarray, channels: int) -> np.ndarray:
    """Out x (channels, places) -> (places, channels) x out."""
    outputs, inputs = kernel.shape
    return kernel.reshape(outputs, channels, inputs // channels).transpose(2, 1, 0).reshape(inputs, outputs)


def _channels(layer: CaffeLayer, *, before: int) -> int:
    """Channels of the map behind a layer; 1 behind an inner product, whose output needs no order."""
    if layer.type == "Convolution":
        return layer.blobs["kernel"].shape[0]
    return 1 if layer.type == "InnerProduct" else before
