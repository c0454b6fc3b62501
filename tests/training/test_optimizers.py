"""Two rates against one Adam whose steps are scaled by hand; the plateau against Keras' own ReduceLROnPlateau."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.schema import Plateau
from agerepro.training.optimizers import PlateauState, TwoRateAdam, after_epoch

PHOTOS = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype(np.float32)
CLASSES = np.random.default_rng(1).integers(0, 3, 24)


class ScaledAdam(keras.optimizers.Adam):
    """Adam whose update of the convolution is asked for at `share` times the rate."""

    def __init__(self, learning_rate: float, share: float, slowed: list[keras.Variable]) -> None:
        super().__init__(learning_rate)
        self.share, self.slowed = share, slowed

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        slow = any(variable is known or variable is known.value for known in self.slowed)
        super().update_step(gradient, variable, learning_rate * self.share if slow else learning_rate)


def small_model(precision: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = pixels = keras.Input((6, 6, 3))
    for layer in (
        keras.layers.Conv2D(4, 3, activation="relu", name="conv", dtype=precision),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="relu", dtype=precision),
        keras.layers.Dense(3, dtype="float32"),
    ):
        x = layer(x)
    return keras.Model(pixels, x)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_two_rates_are_one_adam_with_scaled_steps_to_the_last_bit(precision: str, share: float) -> None:
    weights = []
    for two_rates in (True, False):
        model = small_model(precision)
        slowed = model.get_layer("conv").trainable_variables
        optimizer: Any = ScaledAdam(0.003, share, slowed)
        if two_rates:
            optimizer = TwoRateAdam(0.003, slowed=[variable.path for variable in slowed], share=share)
        if precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        start = model.get_weights()
        for rate in (0.003, 0.0015):
            model.optimizer.learning_rate = rate
            model.fit(PHOTOS, CLASSES, batch_size=8, epochs=2, shuffle=False, verbose=0)
            assert float(np.asarray(model.optimizer.learning_rate)) == np.float32(rate)
        weights.append(model.get_weights())
        assert all((after != before).any() for after, before in zip(weights[-1], start, strict=True))
    for ours, expected in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


@given(losses=st.lists(st.floats(0, 2, width=32), min_size=1, max_size=20), patience=st.integers(1, 4))
def test_the_rate_is_that_of_keras_reduce_lr_on_plateau(losses: list[float], patience: int) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=patience, min_lr=0.0)
    callback.set_model(model)
    callback.on_train_begin()
    state, rate = PlateauState(), 1.0
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        state, factor = after_epoch(state, validation_loss=loss, schedule=Plateau(patience))
        rate *= factor
        assert rate == float(np.asarray(model.optimizer.learning_rate))


def test_without_patience_the_rate_stays() -> None:
    state = PlateauState()
    for loss in (1.0, 2.0, 3.0, float("nan")):
        state, factor = after_epoch(state, validation_loss=loss, schedule=None)
        assert factor == 1.0
