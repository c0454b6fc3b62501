"""The reader of dlib's file: equal to the reference's record of every tensor, and closed to every other file."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agerepro.errors import UserError
from agerepro.models.dlib_file import DESCRIPTOR, SHA256, DlibBytes, Malformed, parse, read_dlib_file


def written(value: int) -> bytes:
    """dlib's integer, written from its description."""
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


@given(st.integers(-(2**63), 2**63))
@example(0)
def test_integers_come_back(value: int) -> None:
    data = DlibBytes(written(value))
    assert data.integer() == value
    data.expect_end()


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_floats_come_back(value: float) -> None:
    mantissa, exponent = math.frexp(value)
    assert DlibBytes(written(int(mantissa * 2**53)) + written(exponent - 53)).real() == value


@pytest.mark.parametrize("content", [b"", b"\x02\x01", b"\x00", b"\x09" + bytes(9), b"\x11\x01"])
def test_what_is_no_integer_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed):
        DlibBytes(content).integer()


def test_every_tensor_equals_the_reference_record(dlib_path: Path, reference: Path) -> None:
    expected = json.loads((reference / "dlib_layers.json").read_text())["sha256"]
    tensors = read_dlib_file(dlib_path)
    layers = list(dict.fromkeys(name.split("/")[0] for name in tensors))
    assert len(layers) == len(expected) == 29 + 29 + 1
    for layer, digest in zip(layers, expected, strict=True):
        numbers = [as_stored(array) for name, array in tensors.items() if name.startswith(f"{layer}/")]
        assert hashlib.sha256(np.concatenate(numbers).astype("<f4").tobytes()).hexdigest() == digest, layer
    assert sum(array.size for array in tensors.values()) == 5_614_592
    assert tensors[DESCRIPTOR].shape == (256, 128)


def as_stored(array: np.ndarray) -> np.ndarray:
    """Keras's kernel (rows, columns, in, out) in dlib's order (out, in, rows, columns); everything else as it is."""
    return (array.transpose(3, 2, 0, 1) if array.ndim == 4 else array).ravel()


def test_the_file_is_read_within_a_second(dlib_path: Path) -> None:
    started = time.process_time()
    read_dlib_file(dlib_path)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("cut", [0, 1, 100, 333, 20_000, 22_466_065])
def test_a_cut_file_is_refused(cut: int, dlib_path: Path) -> None:
    with pytest.raises(UserError, match=rf"cut\.dat .*ends at byte {cut}"):
        parse(dlib_path.read_bytes()[:cut], name="cut.dat")


def test_bytes_after_the_end_are_refused(dlib_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 bytes .*22466066"):
        parse(dlib_path.read_bytes() + b"\0", name="long.dat")


@pytest.mark.parametrize(
    ("at", "was", "becomes", "message"),
    [
        (4, b"loss_metric_2", b"loss_metric_9", "text before byte 17 is 'loss_metric_9', not 'loss_metric_2'"),
        (338, b"n_4", b"n_5", "is 'con_5', not 'con_4'"),
        (19712, b"relu_", b"prel_", "is 'prel_', not 'relu_'"),
    ],
)
def test_another_structure_is_refused(at: int, was: bytes, becomes: bytes, message: str, dlib_path: Path) -> None:
    content = dlib_path.read_bytes()
    at = content.index(was, at)
    with pytest.raises(UserError) as error:
        parse(content[:at] + becomes + content[at + len(was) :], name="other.dat")
    assert message in str(error.value)


def test_a_file_of_another_digest_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "dlib_face_recognition_resnet_model_v1.dat"
    path.write_bytes(b"something else")
    with pytest.raises(UserError) as error:
        read_dlib_file(path)
    assert SHA256 in str(error.value) and "Install the Python package face_recognition_models 0.3.0 again" in str(error.value)


def test_an_absent_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read .* Install the Python package face_recognition_models"):
        read_dlib_file(tmp_path / "absent.dat")
