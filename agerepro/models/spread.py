"""A pooling layer that gives the standard deviation of each channel over space."""

from __future__ import annotations

from typing import Any

import keras

LEAST_VARIANCE = 1e-6  # keeps the slope of the root finite where a channel is the same everywhere


@keras.saving.register_keras_serializable(package="agerepro")
class Spread(keras.layers.Layer):
    """Maps (n, h, w, c) -> (n, c): sqrt(variance over space + LEAST_VARIANCE); large where a pattern is in some places only."""

    def call(self, maps: Any) -> Any:
        """The population variance (divided by h w), from differences to the mean."""
        mean = keras.ops.mean(maps, axis=(1, 2), keepdims=True)
        return keras.ops.sqrt(keras.ops.mean(keras.ops.square(maps - mean), axis=(1, 2)) + LEAST_VARIANCE)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Number of photos and channels."""
        return input_shape[0], input_shape[3]
