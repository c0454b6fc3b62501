"""The gradient of a score with respect to a tensor, on whichever backend Keras runs: the one file that names the backends.

keras.ops has no gradient, so each backend's own is taken. Its package is imported only when Keras already runs on it, so that
nothing here asks for TensorFlow where JAX or PyTorch computes (tests/test_house.py names this file as the exception).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from agerepro.errors import UserError

Function = Callable[[Any], Any]


def gradient(function: Function, at: Any) -> Any:
    """d sum(function(at)) / d at, a float32 tensor of the shape of `at` (n, ...); zeros where `at` plays no part.

    function: differentiable Keras operations that give (n,) scores, one an example. No example may see another (no batch
    statistics): then row i is the gradient of score i alone.
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENT:
        raise UserError(f"Keras runs on {backend!r}, which has no gradients here: set KERAS_BACKEND to one of {', '.join(_GRADIENT)}.")
    return _GRADIENT[backend](function, keras.ops.convert_to_tensor(at, dtype="float32"))


def _tensorflow(function: Function, at: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        scores = function(at)
    return tape.gradient(scores, at, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _jax(function: Function, at: Any) -> Any:
    import jax

    return jax.grad(lambda x: keras.ops.sum(function(x)))(at)


def _torch(function: Function, at: Any) -> Any:
    import torch

    with torch.enable_grad():
        leaf = at.detach().clone().requires_grad_(True)
        (found,) = torch.autograd.grad(keras.ops.sum(function(leaf)), leaf, allow_unused=True, materialize_grads=True)
    return found


_GRADIENT: dict[str, Callable[[Function, Any], Any]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
