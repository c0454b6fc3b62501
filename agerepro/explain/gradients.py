"""Gradients by whichever backend Keras runs on, computed in full precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from agerepro.errors import UserError

Function = Callable[[Any], Any]


@contextmanager
def full_precision(model: keras.Model) -> Iterator[None]:
    """Inside, every layer of a flat model computes in float32; after it, as before.

    Under mixed precision the weights are float32 already, so nothing is rounded. float16 makes zero of what is below 3e-8. The
    layers are switched rather than copied, since a copied graph does not keep in which order a layer was used that is used twice.
    """
    policies = [(layer, layer.dtype_policy) for layer in model.layers]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


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
        (slopes,) = torch.autograd.grad(keras.ops.sum(function(leaf)), leaf, allow_unused=True, materialize_grads=True)
    return slopes


_GRADIENT: dict[str, Callable[[Function, Any], Any]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
