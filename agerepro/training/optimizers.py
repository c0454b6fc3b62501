"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from agerepro.config.schema import Plateau


class SlowedAdam(keras.optimizers.Adam):
    """Keras' Adam, where the variables of `slowed` (by path) take steps of `share` times the learning rate.

    Scaling their gradients would do nothing: Adam's step hardly depends on a gradient's size.
    """

    def __init__(self, learning_rate: float, *, slowed: Collection[str], share: float, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.slowed, self.share = frozenset(slowed), share
        self.known: set[int] = set()

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the moments, and note which variables are slowed: steps are asked for by Keras variable or by TensorFlow's inside."""
        super().build(variables)
        self.known = {id(one) for variable in variables if variable.path in self.slowed for one in (variable, variable.value)}

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step."""
        super().update_step(gradient, variable, learning_rate * self.share if id(variable) in self.known else learning_rate)


MIN_DELTA = 1e-4  # Keras' ReduceLROnPlateau, which the thesis' Keras 2.2 would have used, counts no smaller gain


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
