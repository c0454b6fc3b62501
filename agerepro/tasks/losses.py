"""Losses, one number an example, and their weighted sum."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from agerepro.config import learning

LossFunction = Callable[[Any, Any], Any]  # (target (n, ...), outputs (n, width)) -> (n,) float32


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


def mean_loss(target: Any, outputs: Any, bins: Any, *, unit: float = 1.0) -> Any:
    """Half the squared difference of the posterior's mean and the target, (n,) float32, in units of `unit` years, squared.

    The one of pan2018, equation 4, whose mean over the batch Keras takes; target (n,) years, outputs (n, bins) logits, bins (bins,)
    years: the paper's j are the ages themselves, which begin at 0 in FG-NET.
    """
    mean, _ = _moments(outputs, bins)
    return ops.square((mean - ops.reshape(ops.cast(target, "float32"), (-1,))) / unit) / 2


def variance_loss(target: Any, outputs: Any, bins: Any, *, unit: float = 1.0) -> Any:
    """The variance of the posterior, (n,) float32, in units of `unit` years, squared [pan2018, equation 5]; the target plays no part."""
    _, variance = _moments(outputs, bins)
    return variance / unit**2


def squared_error(target: Any, outputs: Any, bins: Any) -> Any:
    """(predicted - target) squared, (n,) float32 years squared; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.square(_difference(target, outputs))


def absolute_error(target: Any, outputs: Any, bins: Any) -> Any:
    """|predicted - target|, (n,) float32 years; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.abs(_difference(target, outputs))


LOSS: dict[type, Callable[..., Any]] = {
    learning.CrossEntropy: cross_entropy,
    learning.MeanLoss: mean_loss,
    learning.VarianceLoss: variance_loss,
    learning.SquaredError: squared_error,
    learning.AbsoluteError: absolute_error,
}


def total_loss(losses: Sequence[learning.Loss], bins: Any) -> LossFunction:
    """The weighted sum of the named losses, per example: (target, outputs) -> (n,) float32; the caller weighs examples and averages."""
    functions = [functools.partial(_weighted, loss, bins) for loss in losses if loss.weight]

    def total(target: Any, outputs: Any) -> Any:
        return functools.reduce(operator.add, (function(target, outputs) for function in functions))

    return total


def _weighted(loss: learning.Loss, bins: Any, target: Any, outputs: Any) -> Any:
    settings = {name: value for name, value in vars(loss).items() if name != "weight"}
    values = LOSS[type(loss)](target, outputs, bins, **settings)
    return values if loss.weight == 1 else loss.weight * values


def _moments(outputs: Any, bins: Any) -> tuple[Any, Any]:
    """Mean and variance of the posterior of (n, bins) logits, (n,) each [pan2018, equations 1 to 3]."""
    probabilities = ops.softmax(ops.cast(outputs, "float32"), axis=-1)
    values = ops.reshape(ops.cast(bins, "float32"), (1, -1))
    mean = ops.sum(probabilities * values, axis=-1, keepdims=True)
    return mean[:, 0], ops.sum(probabilities * ops.square(values - mean), axis=-1)


def _difference(target: Any, outputs: Any) -> Any:
    return ops.cast(outputs, "float32")[:, 0] - ops.cast(ops.reshape(target, (-1,)), "float32")
