"""Class activation maps: which places of a network's map speak for a class or an age."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np

from agerepro.explain.float32 import in_float32
from agerepro.explain.gradients import gradient
from agerepro.explain.split import Split, split_at
from agerepro.explain.targets import Of, Target, batches, check_target, rows_of, score

How = Literal["mean", "grad_cam"]


def class_activation_maps(
    model: keras.Model, images: np.ndarray, layer: str, *, target: Target, bins: np.ndarray, how: How, batch: int = 32
) -> np.ndarray:
    """One map a photo at the layer's own resolution, (n, h, w) float32, computed in float32 whatever the model's precision.

    model: a network's `full`; images: (n, s, s, 3) RGB 0..255; layer: any that gives a map, a network's `last_map` as a rule;
    bins: (bins,) what the classes stand for, empty for a value head, whose only target is the expected age.

    how: `mean` is koenig2019 (section on class activation mapping): gradients of the softmax's probability with respect to the
    map, averaged over space, times each channel, mean over channels; signed. `grad_cam` is Selvaraju et al. 2017, equations 1
    and 2: gradients of the logit, sum over channels, what is below zero set to zero. The slope of the expected age, in years, is
    the same in both: neither paper has it; it goes through the softmax. Raises UserError for another layer or target.
    """
    check_target(target, bins, len(images))
    split, (of, combined) = split_at(model, layer), _HOW[how]
    found = [np.empty((0, *split.to_map.outputs[0].shape[1:3]), np.float32)]
    with in_float32(model):
        for rows in batches(len(images), batch):
            found.append(_of_batch(split, images[rows], rows_of(target, rows), bins, of, combined))
    return np.concatenate(found)


def _of_batch(split: Split, images: np.ndarray, target: Target, bins: np.ndarray, of: Of, combined: Callable[[Any], Any]) -> np.ndarray:
    pixels = keras.ops.convert_to_tensor(images, dtype="float32")
    maps = split.to_map(pixels)
    slopes = gradient(lambda changed: score(split.from_map([pixels, changed]), target, bins, of=of), maps)
    weighted = keras.ops.mean(slopes, axis=(1, 2), keepdims=True) * maps
    return np.asarray(keras.ops.convert_to_numpy(combined(weighted)), np.float32)


def _mean(weighted: Any) -> Any:
    return keras.ops.mean(weighted, axis=-1)


def _grad_cam(weighted: Any) -> Any:
    return keras.ops.relu(keras.ops.sum(weighted, axis=-1))


_HOW: dict[str, tuple[Of, Callable[[Any], Any]]] = {"mean": ("probability", _mean), "grad_cam": ("logit", _grad_cam)}
