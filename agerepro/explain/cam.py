"""Class activation maps and Grad-CAM of any layer, resized and scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from agerepro.errors import UserError, suggest
from agerepro.explain.gradients import full_precision, gradient
from agerepro.explain.targets import Of, Target, batches, check_target, rows_of, score

How = Literal["mean", "grad_cam"]


def class_activation_maps(
    model: keras.Model, images: np.ndarray, layer: str, *, target: Target, bins: np.ndarray, how: How, batch: int = 32
) -> np.ndarray:
    """One map a photo at the layer's own resolution, (n, h, w) float32, computed in float32 whatever the model's precision.

    model: a network's `full`; images: (n, s, s, 3) RGB 0..255; layer: any that gives a map, a network's `last_conv` as a rule;
    bins: (bins,) what the classes stand for, empty for a regression head, whose only target is the expected age.

    how: `mean` is koenig2019 (section on class activation mapping): gradients of the softmax's probability with respect to the
    map, averaged over space, times each channel, mean over channels; signed. `grad_cam` is Selvaraju et al. 2017, equations 1
    and 2: gradients of the logit, sum over channels, what is below zero set to zero. The slope of the expected age, in years, is
    the same in both: neither paper has it; it goes through the softmax. Raises UserError for another layer or target.
    """
    check_target(target, bins, len(images))
    split, (of, combine) = split_model(model, layer), _HOW[how]
    maps = [np.empty((0, *split.to_map.outputs[0].shape[1:3]), np.float32)]
    with full_precision(model):
        for rows in batches(len(images), batch):
            maps.append(_batch_maps(split, images[rows], rows_of(target, rows), bins, of, combine))
    return np.concatenate(maps)


@dataclass(frozen=True)
class SplitModel:
    """Two graphs over a model's own layers.

    to_map: pixels (n, s, s, 3) -> map (n, h, w, c). from_map: [pixels, map] -> output. Paths that lead round the layer are
    computed from the pixels, so that the output as a function of the map alone is right inside a residual block, too; at a layer
    that everything passes, the pixels play no part.
    """

    to_map: keras.Function
    from_map: keras.Function


def split_model(model: keras.Model, layer: str) -> SplitModel:
    """Cut `model` at the first use of a layer whose output is a map; UserError naming fitting layers for any other name.

    A layer that sees the input at several sizes (head.regression.input_sizes) is cut at the first, the input's own.
    """
    fitting = map_layers(model)
    if layer not in fitting:
        raise UserError(f"{layer!r} is no layer of {model.name} that gives a map (height, width, channels).{suggest(layer, fitting)}")
    at = model.get_layer(layer).output
    return SplitModel(to_map=keras.Function(model.input, at), from_map=keras.Function([model.input, at], model.output))


def map_layers(model: keras.Model) -> list[str]:
    """Names of the layers whose output is a map (n, h, w, c), from the input on; every convolution is among them."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [layer.name for layer in layers if len(getattr(layer.output, "shape", ())) == 4]


def resize(maps: np.ndarray, size: int) -> np.ndarray:
    """Bilinear maps at the side of the picture: (n, h, w) -> (n, size, size) float32; pixel centres stay centres."""
    down, across = _bilinear(maps.shape[1], size), _bilinear(maps.shape[2], size)
    return (down @ np.asarray(maps, np.float64) @ across.T).astype(np.float32)


def to_unit(maps: np.ndarray) -> np.ndarray:
    """Each map's part above zero over its own largest value: (n, h, w) -> (n, h, w) in 0..1; all zero where nothing is above."""
    positive = np.maximum(maps, 0)
    largest = positive.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)


def _batch_maps(
    split: SplitModel, images: np.ndarray, target: Target, bins: np.ndarray, of: Of, combine: Callable[[Any], Any]
) -> np.ndarray:
    pixels = keras.ops.convert_to_tensor(images, dtype="float32")
    maps = split.to_map(pixels)
    slopes = gradient(lambda changed: score(split.from_map([pixels, changed]), target, bins, of=of), maps)
    weighted = keras.ops.mean(slopes, axis=(1, 2), keepdims=True) * maps
    return np.asarray(keras.ops.convert_to_numpy(combine(weighted)), np.float32)


def _channel_mean(weighted: Any) -> Any:
    return keras.ops.mean(weighted, axis=-1)


def _positive_sum(weighted: Any) -> Any:
    return keras.ops.relu(keras.ops.sum(weighted, axis=-1))


def _bilinear(old: int, new: int) -> np.ndarray:
    """(new, old) weights; beyond the outermost centres the edge is repeated."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), max(old - 2, 0))
    weights, share = np.zeros((new, old)), at - low
    weights[np.arange(new), low] = 1 - share
    weights[np.arange(new), np.minimum(low + 1, old - 1)] += share
    return weights


_HOW: dict[str, tuple[Of, Callable[[Any], Any]]] = {"mean": ("probability", _channel_mean), "grad_cam": ("logit", _positive_sum)}
