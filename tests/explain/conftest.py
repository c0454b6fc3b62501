"""Small networks whose maps can be worked out by hand, and photos of noise."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

BINS = np.array([3.0, 10.0, 20.0, 40.0, 70.0], np.float32)


@pytest.fixture(scope="session")
def bins() -> np.ndarray:
    """Five classes of uneven ages."""
    return BINS


@pytest.fixture(scope="session")
def photos() -> np.ndarray:
    """Five photos of 6 x 7 pixels."""
    return np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def small() -> Callable[..., keras.Model]:
    """A convolution with ReLU (`conv`, 4 channels), then a head: `pooled` or `dense`, then 5 logits or 1 year."""

    def built(head: str, *, outputs: int = 5, precision: str = "float32") -> keras.Model:
        keras.utils.set_random_seed(7)
        pixels = keras.Input((6, 7, 3), name="pixels")
        x = keras.layers.Rescaling(1 / 128, -1.0, dtype="float32", name="scaled")(pixels)
        x = keras.layers.Conv2D(4, 3, activation="relu", bias_initializer="uniform", dtype=precision, name="conv")(x)
        if head == "pooled":
            x = keras.layers.GlobalAveragePooling2D(dtype=precision, name="pool")(x)
        else:
            x = keras.layers.Flatten(dtype=precision, name="flat")(x)
            x = keras.layers.Dense(6, activation="relu", bias_initializer="uniform", dtype=precision, name="dense")(x)
        return keras.Model(pixels, keras.layers.Dense(outputs, bias_initializer="uniform", dtype="float32", name="out")(x))

    return built
