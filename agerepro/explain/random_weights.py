"""A network with random weights for a while: what its maps look like when nothing was learned [Adebayo et al. 2018]."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import keras
import numpy as np

from agerepro.draws import generator
from agerepro.errors import UserError, near
from agerepro.models.arrays import weights_as_arrays
from agerepro.models.transfer import assign_all


@contextmanager
def random_weights(model: keras.Model, *, seed: int, layers: Collection[str] | None = None) -> Iterator[None]:
    """Inside, the named layers of a flat model (None: all) are as before any training; after it, all weights are as before.

    Kernels are drawn by He's rule, normal of variance 2 / fan-in, named by seed and tensor; all else (biases, what batch norms
    hold) has the layer's own first value. Adebayo's cascade is one use for each layer from the output down, with all those above.
    Raises UserError for a layer that has no weights.
    """
    weighted = {layer.name: layer for layer in model.layers if layer.weights}
    chosen = list(weighted) if layers is None else list(layers)
    for name in chosen:
        if name not in weighted:
            raise UserError(f"{name!r} is no layer of {model.name} with weights.{near(name, weighted)}")
    trained = weights_as_arrays(model)
    fresh = {key: array for name in chosen for key, array in _fresh(weighted[name], trained, seed).items()}
    try:
        assign_all(model, {**trained, **fresh}, source="random weights")
        yield
    finally:
        assign_all(model, trained, source="the trained weights")


def _fresh(layer: keras.layers.Layer, trained: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    new = type(layer).from_config(layer.get_config())
    new.build(layer.input.shape)
    keys = [key for key in trained if key.partition("/")[0] == layer.name]
    return {
        key: _drawn(key, trained[key].shape, seed) if trained[key].ndim > 1 else keras.ops.convert_to_numpy(variable)
        for key, variable in zip(keys, new.weights, strict=True)
    }


def _drawn(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    fan_in = int(np.prod(shape[:-1]))
    return (generator("random weights", seed, name).standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)
