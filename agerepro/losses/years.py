"""Losses of one predicted number of years, one number a photo."""

from __future__ import annotations

from typing import Any

from keras import ops


def squared_error(target: Any, outputs: Any, bins: Any) -> Any:
    """(predicted - target) squared, (n,) float32 years squared; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.square(_difference(target, outputs))


def absolute_error(target: Any, outputs: Any, bins: Any) -> Any:
    """|predicted - target|, (n,) float32 years; target (n,), outputs (n, 1) years; `bins` plays no part."""
    return ops.abs(_difference(target, outputs))


def _difference(target: Any, outputs: Any) -> Any:
    return ops.cast(outputs, "float32")[:, 0] - ops.cast(ops.reshape(target, (-1,)), "float32")
