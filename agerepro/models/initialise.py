"""Seeded He-normal initialisers, one a layer, the same in every process."""

from __future__ import annotations

import hashlib

import keras


def layer_seed(seed: int, layer: str) -> int:
    """A whole number below 2**31 drawn from (seed, layer name) alone; the process-global seed has no part in it."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:4], "little") >> 1


def he_normal(seed: int, layer: str) -> keras.initializers.Initializer:
    """Truncated normal of variance 2 / fan-in for one layer's kernel [He et al. 2015; Keras's `he_normal`]."""
    return keras.initializers.HeNormal(seed=layer_seed(seed, layer))
