"""From the losses that an experiment names to the function that computes their sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agerepro.experiment import schema
from agerepro.losses.classes import cross_entropy
from agerepro.losses.years import absolute_error, squared_error

LossFunction = Callable[[Any, Any, Any], Any]  # (target (n,), outputs (n, outputs), bins (bins,)) -> (n,) float32

LOSS: dict[type, LossFunction] = {
    schema.CrossEntropy: cross_entropy,
    schema.SquaredError: squared_error,
    schema.AbsoluteError: absolute_error,
}


def total(losses: Sequence[schema.Loss]) -> LossFunction:
    """The sum of the named losses, per example: (target, outputs, bins) -> (n,) float32; the caller weighs and averages."""
    functions = [LOSS[type(loss)] for loss in losses]

    def summed(target: Any, outputs: Any, bins: Any) -> Any:
        first, *others = (function(target, outputs, bins) for function in functions)
        for other in others:
            first = first + other
        return first

    return summed
