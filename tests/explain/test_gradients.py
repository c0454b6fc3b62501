"""The gradient, on the backend in use; test_backends.py compares the backends."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.explain.gradients import gradient

VALUES = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


def test_cubes_have_three_squares_as_slope() -> None:
    found = gradient(lambda x: keras.ops.sum(x**3, axis=1), VALUES)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), 3 * VALUES**2, rtol=1e-6)


def test_whole_numbers_are_taken_as_float32() -> None:
    found = gradient(lambda x: keras.ops.sum(x**2, axis=1), np.array([[3, 4]], np.uint8))
    assert keras.ops.convert_to_numpy(found).tolist() == [[6.0, 8.0]]


def test_what_plays_no_part_has_slope_zero() -> None:
    found = gradient(lambda x: keras.ops.ones((2,)), VALUES)
    assert keras.ops.convert_to_numpy(found).tolist() == [[0, 0], [0, 0]]


def test_a_backend_without_gradients_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(UserError, match=r"openvino.*KERAS_BACKEND.*tensorflow, jax, torch"):
        gradient(lambda x: x, VALUES)
