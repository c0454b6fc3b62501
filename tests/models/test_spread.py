"""The spread over space against NumPy's standard deviation."""

from __future__ import annotations

import keras
import numpy as np

from agerepro.models.spread import LEAST_VARIANCE, Spread


def test_spread_is_the_standard_deviation_over_space() -> None:
    maps = np.random.default_rng(0).normal(5, 3, (2, 4, 7, 3)).astype(np.float32)
    expected = np.sqrt(maps.reshape(2, 28, 3).std(axis=1) ** 2 + LEAST_VARIANCE)  # NumPy divides by the count, as we do
    found = keras.ops.convert_to_numpy(Spread()(maps))
    assert found.shape == Spread().compute_output_shape(maps.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_flat_map_has_a_finite_slope() -> None:
    maps = keras.Input((3, 3, 2))
    model = keras.Model(maps, keras.layers.Dense(1)(Spread()(keras.layers.Conv2D(2, 1)(maps))))
    model.compile(optimizer="sgd", loss="mse")
    model.train_on_batch(np.ones((1, 3, 3, 2), np.float32), np.ones((1, 1), np.float32))
    assert all(np.isfinite(keras.ops.convert_to_numpy(weight)).all() for weight in model.weights)
