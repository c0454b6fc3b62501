"""A network computing in float32 for a while: slopes of a probability are too small for half precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def in_float32(model: keras.Model) -> Iterator[None]:
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
