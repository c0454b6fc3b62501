"""Halving on a plateau against Keras' own ReduceLROnPlateau."""

from __future__ import annotations

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.schema import Plateau
from agerepro.training.optimizers import PlateauState, after_epoch


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
    for loss in (1.0, 2.0, 3.0):
        state, factor = after_epoch(state, validation_loss=loss, schedule=None)
        assert factor == 1.0
