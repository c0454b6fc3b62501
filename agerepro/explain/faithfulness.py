"""Whether a map means anything: deletion and insertion curves, and networks with random weights."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Literal

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

from agerepro.errors import UserError, suggest
from agerepro.explain.cam import resize
from agerepro.models.weights import load_strict, weights_as_arrays
from agerepro.rng import rng_for

Score = Callable[[np.ndarray], np.ndarray]  # (n, s, s, 3) -> (n,), always the same photos in the same order
BLUR = 10 / 224  # sigma as a share of the side: 10 pixels at 224, after which no face is left; Petsiuk's kernel is 11 wide, sigma 5


def curves(
    score: Score, images: np.ndarray, maps: np.ndarray, *, order: Literal["deletion", "insertion"], start: np.ndarray, steps: int = 20
) -> np.ndarray:
    """(n, steps + 1) scores, with the share 0, 1 / steps, ... 1 of the pixels changed, those with the highest map first.

    images: (n, s, s, 3); maps: (n, s, s), at the side of the images; start: (n, s, s, 3), the pictures without content (`grey`,
    `blurred`). Deletion goes from the photo to `start`, insertion from `start` to the photo. Of equal pixels the first in reading
    order goes first: maps as coarse as a network's last should be resized, not repeated.
    """
    before, after = (images, start) if order == "deletion" else (start, images)
    ranks = np.argsort(np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable"), axis=1).reshape(maps.shape)
    scores = []
    for step in range(steps + 1):
        changed = ranks < round(step / steps * maps[0].size)
        scores.append(score(np.where(changed[..., None], after, before)))
    return np.stack(scores, axis=1)


def area(scores: np.ndarray) -> np.ndarray:
    """The area under each curve over the share of pixels 0..1: (n, steps + 1) -> (n,), in units of the score (trapezoids).

    For deletion less is better, for insertion more; both only mean something beside the area of random maps.
    """
    return np.trapezoid(scores, dx=1 / (scores.shape[1] - 1), axis=1)


def grey(images: np.ndarray) -> np.ndarray:
    """Every photo's own mean colour everywhere: (n, s, s, 3) -> the same shape, float32."""
    means = np.asarray(images, np.float32).mean(axis=(1, 2), keepdims=True)
    return np.broadcast_to(means, images.shape)


def blurred(images: np.ndarray, *, share: float = BLUR) -> np.ndarray:
    """The photos under a Gaussian of sigma `share` of their side: (n, s, s, 3) -> the same shape, float32."""
    sigma = share * images.shape[1]
    return gaussian_filter(np.asarray(images, np.float32), (0, sigma, sigma, 0), mode="nearest")


def random_maps(count: int, size: int, *, seed: int, coarse: int) -> np.ndarray:
    """The baseline: noise drawn at coarse x coarse places, (count, size, size) float32 after resizing; one stream a seed.

    coarse: the side of the maps that it is compared with, since smooth and fine noise hide a face differently.
    """
    return resize(rng_for("random maps", seed).random((count, coarse, coarse)), size)


def smooth_noise(count: int, size: int, *, seed: int, sigma: float) -> np.ndarray:
    """The baseline of maps of pixels: noise at every pixel under the Gaussian of `sigma` pixels that smoothed them."""
    noise = rng_for("random maps", seed).random((count, size, size))
    return gaussian_filter(noise, (0, sigma, sigma), mode="nearest").astype(np.float32)


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
            raise UserError(f"{name!r} is no layer of {model.name} with weights.{suggest(name, weighted)}")
    trained = weights_as_arrays(model)
    initial = {key: array for name in chosen for key, array in _initial(weighted[name], trained, seed).items()}
    try:
        load_strict(model, {**trained, **initial}, source="random weights")
        yield
    finally:
        load_strict(model, trained, source="the trained weights")


def _initial(layer: keras.layers.Layer, trained: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    new = type(layer).from_config(layer.get_config())
    new.build(layer.input.shape)
    keys = [key for key in trained if key.partition("/")[0] == layer.name]
    return {
        key: _draw_kernel(key, trained[key].shape, seed) if trained[key].ndim > 1 else keras.ops.convert_to_numpy(variable)
        for key, variable in zip(keys, new.weights, strict=True)
    }


def _draw_kernel(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    fan_in = int(np.prod(shape[:-1]))
    return (rng_for("random weights", seed, name).standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)
