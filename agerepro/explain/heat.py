"""Maps made ready to look at: stretched over the picture, scaled to 0..1; NumPy only."""

from __future__ import annotations

import numpy as np


def upsampled(maps: np.ndarray, size: int) -> np.ndarray:
    """Bilinear maps at the side of the picture: (n, h, w) -> (n, size, size) float32; pixel centres stay centres."""
    down, across = _bilinear(maps.shape[1], size), _bilinear(maps.shape[2], size)
    return (down @ np.asarray(maps, np.float64) @ across.T).astype(np.float32)


def to_unit(maps: np.ndarray) -> np.ndarray:
    """Each map's part above zero over its own largest value: (n, h, w) -> (n, h, w) in 0..1; all zero where nothing is above."""
    positive = np.maximum(maps, 0)
    largest = positive.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(positive, largest, out=np.zeros_like(positive), where=largest > 0)


def mean_maps(maps: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
    """Group -> the mean (h, w) of its maps, groups in the order of their names; maps (n, h, w), groups (n,), one a photo."""
    return {str(group): maps[groups == group].mean(axis=0) for group in np.unique(groups)}


def _bilinear(here: int, there: int) -> np.ndarray:
    """(there, here) weights; beyond the outermost centres the edge is repeated."""
    at = np.clip((np.arange(there) + 0.5) * here / there - 0.5, 0, here - 1)
    low = np.minimum(at.astype(int), max(here - 2, 0))
    weights, share = np.zeros((there, here)), at - low
    weights[np.arange(there), low] = 1 - share
    weights[np.arange(there), np.minimum(low + 1, here - 1)] += share
    return weights
