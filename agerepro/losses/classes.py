"""Losses of logits over age classes, one number a photo."""

from __future__ import annotations

from typing import Any

from keras import ops


def cross_entropy(target: Any, outputs: Any, bins: Any) -> Any:
    """Categorical cross-entropy: -log softmax(outputs) at the class whose value is the target; (n,) float32, 0 is best.

    target: (n,) years (or any class value); outputs: (n, bins) logits; bins: (bins,) values of the classes.
    A target that is no class gives NaN, never a silent zero; labels are checked before training (models.bins).
    """
    outputs = ops.cast(outputs, "float32")
    target = ops.reshape(ops.cast(target, "float32"), (-1, 1))
    chosen = ops.cast(ops.equal(target, ops.reshape(ops.cast(bins, "float32"), (1, -1))), "float32")
    log_likelihood = ops.sum(chosen * ops.log_softmax(outputs, axis=-1), axis=-1)
    return -log_likelihood / ops.sum(chosen, axis=-1)
