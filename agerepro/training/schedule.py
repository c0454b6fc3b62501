"""The learning rate of the next epoch: halved when the validation loss stops getting better."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LEAST_GAIN = 1e-4  # Keras' ReduceLROnPlateau, which the thesis' Keras 2.2 would have used, counts no smaller gain


@dataclass(frozen=True)
class Plateau:
    """State of the schedule after some epochs: it travels in the checkpoint."""

    best: float = math.inf
    waited: int = 0  # epochs since the best, or since the last halving


def after_epoch(plateau: Plateau, *, validation_loss: float, halve_after: int | None) -> tuple[Plateau, float]:
    """The new state and the factor (1 or 0.5) for the learning rate [koenig2019, section 4, Training Procedures]."""
    if validation_loss < plateau.best - LEAST_GAIN:
        return Plateau(best=validation_loss), 1.0
    waited = plateau.waited + 1
    if halve_after is not None and waited >= halve_after:
        return replace(plateau, waited=0), 0.5
    return replace(plateau, waited=waited), 1.0
