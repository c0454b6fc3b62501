"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from agerepro.config.learning import SGD, Adam, Cosine, Optimizer, Plateau, RMSprop, Steps
from agerepro.config.schema import Stage

MIN_DELTA = 1e-4  # Keras' ReduceLROnPlateau, which the thesis' Keras 2.2 would have used, counts no smaller gain


def build_optimizer(settings: Optimizer, slowed: Collection[str]) -> TwoRates:
    """The optimizer that a stage asks for; variables of `slowed` (by path) get its `backbone_lr_multiplier`."""
    kind, make = _KERAS[type(settings)]
    # Names of their own, since a checkpoint tells their moments apart by path, and Keras numbers unnamed ones as they come.
    usual, slow = make(settings, "usual"), make(settings, "slow")
    return TwoRates(usual, slow, settings.learning_rate, slowed=slowed, share=settings.backbone_lr_multiplier, name=f"two_rate_{kind}")


class TwoRates(keras.optimizers.MultiOptimizer):
    """An optimizer, and its like that gives the variables of `slowed` (by path) steps of `share` times the learning rate.

    Scaling their gradients would do nothing: a step of Adam or RMSprop hardly depends on a gradient's size.
    """

    def __init__(
        self,
        usual: keras.optimizers.Optimizer,
        slow: keras.optimizers.Optimizer,
        learning_rate: float,
        *,
        slowed: Collection[str],
        share: float,
        name: str,
    ) -> None:
        paths = frozenset(slowed)
        super().__init__(lambda variable: slow if variable.path in paths else usual, name=name)
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
    """State of the plateau schedule after some epochs: it travels in the checkpoint. Other schedules need none."""

    best: float = math.inf
    wait: int = 0  # epochs since the best, or since the rate was last lowered


def next_rate(
    stage: Stage, state: PlateauState, *, epochs_done: int, rate: float, validation_loss: float | None
) -> tuple[PlateauState, float]:
    """The new state and the learning rate of the epoch after the first `epochs_done`, as the stage's schedule has it.

    rate: of the epoch that has ended; validation_loss: after it, None where nothing is held out.
    """
    schedule, first = stage.schedule, stage.optimizer.learning_rate
    if isinstance(schedule, Steps):
        return state, first * schedule.factor ** steps_taken(schedule, epochs_done)
    if isinstance(schedule, Cosine):
        return state, schedule.to + (first - schedule.to) * (1 + math.cos(math.pi * epochs_done / stage.epochs)) / 2
    if isinstance(schedule, Plateau) and validation_loss is not None:
        state, factor = after_epoch(state, validation_loss=validation_loss, schedule=schedule)
        return state, rate * factor
    return state, rate


def after_epoch(state: PlateauState, *, validation_loss: float, schedule: Plateau) -> tuple[PlateauState, float]:
    """The new state and the factor (1, or the schedule's) for the learning rate [koenig2019, section 4, Training Procedures].

    A loss that is no number is no gain: it never becomes the best.
    """
    if validation_loss < state.best - MIN_DELTA:
        return PlateauState(best=validation_loss), 1.0
    wait = state.wait + 1
    if wait >= schedule.patience:
        return replace(state, wait=0), schedule.factor
    return replace(state, wait=wait), 1.0


def steps_taken(schedule: Steps, epochs_done: int) -> int:
    """How often the rate has been multiplied by then."""
    return epochs_done // schedule.every if schedule.every else sum(epoch <= epochs_done for epoch in schedule.at)


def _adam(settings: Adam, name: str) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(name=name, beta_1=0.9, beta_2=0.999, epsilon=1e-7)


def _sgd(settings: SGD, name: str) -> keras.optimizers.Optimizer:
    # None, since Keras goes over all weights for a decay of 0, too.
    decay = settings.weight_decay or None
    return keras.optimizers.SGD(name=name, momentum=settings.momentum, nesterov=settings.nesterov, weight_decay=decay)


def _rmsprop(settings: RMSprop, name: str) -> keras.optimizers.Optimizer:
    return keras.optimizers.RMSprop(name=name, rho=settings.rho, momentum=settings.momentum, epsilon=settings.epsilon)


# By their settings: the word that a checkpoint knows them by, and what makes one.
_KERAS: dict[type, tuple[str, Callable[[Any, str], keras.optimizers.Optimizer]]] = {
    Adam: ("adam", _adam),
    SGD: ("sgd", _sgd),
    RMSprop: ("rmsprop", _rmsprop),
}
