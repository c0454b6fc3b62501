"""dlib's sum of maps of different sizes, against a literal NumPy transcription."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.models.affine import ChannelAffine
from agerepro.models.zero_filled_sum import ZeroFilledSum

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


def literal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    total = np.zeros(np.maximum(first.shape, second.shape))
    for one in (first, second):
        n, h, w, c = one.shape
        total[:n, :h, :w, :c] += one
    return total


@given(first=SIZES, second=SIZES)
@settings(max_examples=40, deadline=None)
def test_the_smaller_map_is_filled_with_zeros_at_its_end(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    maps = [random.normal(size=(2, *size)).astype(np.float32) for size in (first, second)]
    np.testing.assert_allclose(np.asarray(ZeroFilledSum()(maps)), literal(*maps), rtol=1e-6)


@pytest.mark.parametrize("photos", [None, 2])
def test_the_shape_is_known_before_the_numbers(photos: int | None) -> None:
    assert ZeroFilledSum().compute_output_shape([(photos, 3, 3, 8), (photos, 4, 2, 4)]) == (photos, 4, 3, 8)


def test_the_affine_layer_scales_and_shifts_each_channel() -> None:
    layer = ChannelAffine()
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    np.testing.assert_array_equal(layer(x), x)
    layer.set_weights([np.array([2.0, 3.0]), np.array([1.0, -1.0])])
    np.testing.assert_array_equal(np.asarray(layer(x))[0, 1, 1], [6 * 2 + 1, 7 * 3 - 1])
    assert isinstance(keras.layers.deserialize(keras.layers.serialize(layer)), ChannelAffine)
