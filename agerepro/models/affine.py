"""A layer that scales and shifts each channel by trained numbers: a batch norm with its statistics folded in."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="agerepro")
class ChannelAffine(keras.layers.Layer):
    """(n, h, w, c) -> gamma * x + beta, both (c,) and trainable; starts as the identity."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma (ones) and beta (zeros)."""
        channels = input_shape[-1]
        self.gamma = self.add_weight(name="gamma", shape=(channels,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(channels,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Per channel gamma * x + beta."""
        return x * self.gamma + self.beta

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's own shape."""
        return input_shape
