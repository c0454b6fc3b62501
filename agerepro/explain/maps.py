"""Maps of every kind by name: class activation maps of a layer, and sensitivity maps of the pixels."""

from __future__ import annotations

from typing import Literal, Union, cast

import keras
import numpy as np
from PIL import Image

from agerepro.errors import UserError
from agerepro.explain.class_activation import How, class_activation_maps
from agerepro.explain.sensitivity import sensitivity_maps
from agerepro.explain.targets import Target

SENSITIVITY: Literal["sensitivity"] = "sensitivity"
Kind = Union[How, Literal["sensitivity"]]
PIXELS = "pixels"  # stands where a class activation map has its layer
FINEST = 56  # places a side that are kept of sensitivity maps: each is smoothed over more than the four pixels of 224 it then covers


def maps_of(
    model: keras.Model, images: np.ndarray, layer: str, *, target: Target, bins: np.ndarray, how: Kind, batch: int = 32
) -> np.ndarray:
    """One map a photo, (n, h, w) float32, of any kind; arguments as those of `class_activation_maps`.

    Sensitivity maps are 0 and above, of at most FINEST places a side, and take no layer but PIXELS and no target but the expected
    age: UserError for others.
    """
    if how != SENSITIVITY:
        return class_activation_maps(model, images, layer, target=target, bins=bins, how=how, batch=batch)
    if layer != PIXELS or not (isinstance(target, str) and target == "expected_age"):
        raise UserError("Sensitivity maps say how the expected age depends on the pixels: they have no layer and no other target.")
    return at_most(sensitivity_maps(model, images, bins=bins, batch=batch), FINEST)


def at_most(maps: np.ndarray, side: int) -> np.ndarray:
    """Square maps (n, s, s) of at most `side` places a side, each the mean of those that it covers."""
    if maps.shape[1] <= side:
        return maps
    small = [np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BOX)) for one in cast("list[np.ndarray]", list(maps))]
    return np.stack(small) if small else np.empty((0, side, side), np.float32)
