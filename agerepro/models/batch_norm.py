"""A batch-norm layer that can be frozen the way of Keras 3 or the way of Keras 2.2."""

from __future__ import annotations

from typing import Any, Literal

import keras

Frozen = Literal["inference", "batch_statistics"]


@keras.saving.register_keras_serializable(package="agerepro")
class BatchNorm(keras.layers.BatchNormalization):
    """(n, h, w, c) -> the same shape; Keras's own batch norm wherever it trains and wherever it tests.

    frozen: what normalises while the layer has `trainable=False` and is called with `training=True`. `inference`: its moving
    averages, as in Keras 3. `batch_statistics`: the mean and the population variance of the batch, as in Keras 2.2, whose frozen
    layers kept their weights but not their mode. Moving averages stay as they are in both. The option adds no weights.
    """

    def __init__(self, frozen: Frozen = "inference", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frozen: Frozen = frozen

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise each channel, in float32 at least, then gamma and beta."""
        if self.trainable or not training or self.frozen == "inference":
            return super().call(inputs, training=training, mask=mask)
        x = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean, variance = keras.ops.moments(x, axes=(0, 1, 2))
        normal = keras.ops.batch_normalization(x, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon)
        return keras.ops.cast(normal, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Keras's settings and ours."""
        return {**super().get_config(), "frozen": self.frozen}
