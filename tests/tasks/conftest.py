"""The gradient of a loss on whichever Keras backend is in use, by one step of plain gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from agerepro.tasks.losses import LossFunction


class Outputs(keras.layers.Layer):
    """Gives its own weight, whatever comes in: so that the weight's gradient is the loss's gradient."""

    def __init__(self, start: np.ndarray) -> None:
        super().__init__()
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.values = self.add_weight(shape=self.start.shape, initializer=lambda shape, dtype: keras.ops.convert_to_tensor(self.start))

    def call(self, x: Any) -> Any:
        return self.values + 0.0 * x


@pytest.fixture(scope="session")
def gradient_of() -> Callable[..., np.ndarray]:
    """d(sum of losses)/d(outputs), (n, outputs) float32: the change of the outputs after one step at rate 1, turned round."""

    def gradient(loss: LossFunction, target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
        layer = Outputs(outputs.astype(np.float32))
        model = keras.Sequential([keras.Input((outputs.shape[1],)), layer])
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss=lambda y, p: keras.ops.sum(loss(y, p, bins)), run_eagerly=True)
        before = np.array(np.asarray(layer.values))
        model.train_on_batch(np.zeros(outputs.shape, np.float32), target.astype(np.float32))
        return before - np.asarray(layer.values)

    return gradient


@pytest.fixture(scope="session")
def central_differences() -> Callable[..., np.ndarray]:
    """The gradient of a literal NumPy loss in float64, by central differences."""

    def gradient(loss: Callable[..., np.ndarray], target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
        slopes, step = np.zeros(outputs.shape), 1e-6
        for place in np.ndindex(*outputs.shape):
            moved = np.zeros(outputs.shape)
            moved[place] = step
            difference = loss(target, outputs + moved, bins) - loss(target, outputs - moved, bins)
            slopes[place] = difference.sum() / (2 * step)
        return slopes

    return gradient
