"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from agerepro.config.schema import Plateau

MIN_DELTA = 1e-4  # Keras' ReduceLROnPlateau, which the thesis' Keras 2.2 would have used, counts no smaller gain


class TwoRateAdam(keras.optimizers.MultiOptimizer):
    """Keras' Adam, and a second one that gives the variables of `slowed` (by path) steps of `share` times the learning rate.

    Scaling their gradients would do nothing: Adam's step hardly depends on a gradient's size.
    """

    def __init__(self, learning_rate: float, *, slowed: Collection[str], share: float, **settings: Any) -> None:
        paths = frozenset(slowed)
        # Names of their own, since a checkpoint tells their moments apart by path, and Keras numbers unnamed ones as they come.
        usual, slow = keras.optimizers.Adam(name="usual", **settings), keras.optimizers.Adam(name="slow", **settings)
        super().__init__(lambda variable: slow if variable.path in paths else usual, name="two_rate_adam")
        self.usual, self.slow, self.share = usual, slow, share
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> Any:
        """The rate of the variables that are not slowed; setting it sets both (Keras' own class has none)."""
        return self.usual.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.usual.learning_rate = rate
        self.slow.learning_rate = float(np.float32(rate) * np.float32(self.share))


@dataclass(frozen=True)
class PlateauState:
    """State of the schedule after some epochs: it travels in the checkpoint."""

    best: float = math.inf
    wait: int = 0  # epochs since the best, or since the rate was last lowered


def after_epoch(state: PlateauState, *, validation_loss: float, schedule: Plateau | None) -> tuple[PlateauState, float]:
    """The new state and the factor (1, or the schedule's) for the learning rate [koenig2019, section 4, Training Procedures].

    A loss that is no number is no gain: it never becomes the best.
    """
    if validation_loss < state.best - MIN_DELTA:
        return PlateauState(best=validation_loss), 1.0
    wait = state.wait + 1
    if schedule is not None and wait >= schedule.patience:
        return replace(state, wait=0), schedule.factor
    return replace(state, wait=wait), 1.0
