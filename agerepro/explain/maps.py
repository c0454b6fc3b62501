"""Maps by name, compared with each other, and laid over a face."""

from __future__ import annotations

from typing import Literal, cast

import keras
import numpy as np
from PIL import Image
from scipy.stats import rankdata

from agerepro.errors import UserError
from agerepro.explain.cam import How, class_activation_maps, resize
from agerepro.explain.sensitivity import sensitivity_maps
from agerepro.explain.targets import Target

SENSITIVITY: Literal["sensitivity"] = "sensitivity"
Kind = How | Literal["sensitivity"]
PIXELS = "pixels"  # stands where a class activation map has its layer
FINEST = 56  # places a side that are kept of sensitivity maps: each is smoothed over more than the four pixels of 224 it then covers
# Blue speaks against, orange for; told apart with any colour vision, and white is neither. From -1 to 1, evenly apart.
STOPS = ("#00345F", "#0072B2", "#8CD7FF", "#FFFFFF", "#FFB25A", "#D55E00", "#6E2600")
FADED = 0.75  # of the face's darkness is left, so that dark hair is not taken for a strong map
STRONGEST = 0.85  # opacity of the strongest place
_RGB = np.array([[int(stop[start : start + 2], 16) for start in (1, 3, 5)] for stop in STOPS], float)


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


def is_empty(maps: np.ndarray) -> np.ndarray:
    """Whether nothing is in a map: (n, h, w) -> (n,) bool, true where it is 0 everywhere.

    So are maps of Grad-CAM of a network with one output wherever the whole map lowers that output: there is no other class whose
    logit would rise instead.
    """
    return np.asarray(~np.asarray(maps).any(axis=(1, 2)))


def at_most(maps: np.ndarray, side: int) -> np.ndarray:
    """Square maps (n, s, s) of at most `side` places a side, each the mean of those that it covers."""
    if maps.shape[1] <= side:
        return maps
    small = [np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BOX)) for heat in cast("list[np.ndarray]", list(maps))]
    return np.stack(small) if small else np.empty((0, side, side), np.float32)


def absolute_difference(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """|maps - others|, (n, h, w); for two models' sensitivity maps in 0..1 the column "Real - Apparent" [agustsson2017, Figure 6]."""
    return np.abs(maps - others)


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Spearman's correlation of two maps' pixels, a photo at a time: (n, h, w) twice -> (n,) in -1..1; NaN where a map is constant.

    A map that says something about what a network learned is far from its map under random weights: near 0 [Adebayo et al. 2018,
    section 4, which take it of absolute values also].
    """
    ranks, other_ranks = _centred_ranks(maps), _centred_ranks(others)
    norms = np.sqrt(np.sum(ranks**2, axis=1) * np.sum(other_ranks**2, axis=1))
    return np.divide(np.sum(ranks * other_ranks, axis=1), norms, out=np.full(len(ranks), np.nan), where=norms > 0)


def overlay(face: np.ndarray, heat: np.ndarray, side: int) -> np.ndarray:
    """The grey face (s, s, 3) uint8 under its map (h, w), at (side, side, 3) uint8 RGB; the stronger, the less of the face shows.

    The map is divided by its own largest absolute value and stretched; a map of zeros leaves the faded face.
    """
    strongest = float(np.abs(heat).max()) or 1.0
    level = resize(heat[None] / strongest, side)[0]
    large = Image.fromarray(np.ascontiguousarray(face)).resize((side, side), Image.Resampling.LANCZOS)
    grey = 255 - (255 - np.asarray(large, float).mean(axis=-1, keepdims=True)) * FADED
    opacity = np.clip(np.abs(level) * STRONGEST, 0, 1)[..., None]
    return np.rint(grey * (1 - opacity) + map_colours(level) * opacity).astype(np.uint8)


def map_colours(levels: np.ndarray) -> np.ndarray:
    """Levels in -1..1, of any shape, as RGB in 0..255 along a new last axis."""
    stops = np.linspace(-1, 1, len(STOPS))
    return np.stack([np.interp(levels, stops, _RGB[:, channel]) for channel in range(3)], axis=-1)


def _centred_ranks(maps: np.ndarray) -> np.ndarray:
    flat = np.asarray(maps).reshape(len(maps), -1)
    return rankdata(flat, axis=1) - (flat.shape[1] + 1) / 2
