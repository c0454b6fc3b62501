"""Losses, one number an example, and their weighted sum."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from agerepro.config import schema

LossFunction = Callable[[Any, Any, Any], Any]  # (target (n,), outputs (n, outputs), bins (bins,)) -> (n,) float32


def cross_entropy(target: Any, outputs: Any, bins: Any) -> Any:
    """Categorical cross-entropy: -log softmax(outputs) at the class whose value is the target; (n,) float32, 0 is best.

    target: (n,) years (or any class value); outputs: (n, bins) logits; bins: (bins,) values of the classes.
    A target that is no class gives NaN, never a silent zero; labels are checked before training (tasks.decode.check_labels).
    """
    outputs = ops.cast(outputs, "float32")
    target = ops.reshape(ops.cast(target, "float32"), (-1, 1))
    one_hot = ops.cast(ops.equal(target, ops.reshape(ops.cast(bins, "float32"), (1, -1))), "float32")
    log_likelihood = ops.sum(one_hot * ops.log_softmax(outputs, axis=-1), axis=-1)
    return -log_likelihood / ops.sum(one_hot, axis=-1)


def squared_error(target: Any, outputs: Any, bins: Any) -> Any:
    """(predicted - target) squared, (n,) float32 years squared; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.square(_difference(target, outputs))


def absolute_error(target: Any, outputs: Any, bins: Any) -> Any:
    """|predicted - target|, (n,) float32 years; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.abs(_difference(target, outputs))


LOSS: dict[type, LossFunction] = {
    schema.CrossEntropy: cross_entropy,
    schema.SquaredError: squared_error,
    schema.AbsoluteError: absolute_error,
}


def total_loss(losses: Sequence[schema.Loss]) -> LossFunction:
    """The sum of the named losses, per example: (target, outputs, bins) -> (n,) float32; the caller weighs and averages."""
    functions = [LOSS[type(loss)] for loss in losses]

    def total(target: Any, outputs: Any, bins: Any) -> Any:
        return functools.reduce(operator.add, (function(target, outputs, bins) for function in functions))

    return total


def _difference(target: Any, outputs: Any) -> Any:
    return ops.cast(outputs, "float32")[:, 0] - ops.cast(ops.reshape(target, (-1,)), "float32")
