"""How far two sets of maps of the same photos agree; NumPy and SciPy only."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def absolute_difference(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """|maps - others|, (n, h, w); for two models' sensitivity maps in 0..1 the column "Real - Apparent" [agustsson2017, Figure 6]."""
    return np.abs(maps - others)


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Spearman's correlation of two maps' pixels, a photo at a time: (n, h, w) twice -> (n,) in -1..1; NaN where a map is constant.

    A map that says something about what a network learned is far from its map under random weights: near 0 [Adebayo et al. 2018,
    section 4, which take it of absolute values also].
    """
    one, other = (_centred_ranks(each) for each in (maps, others))
    below = np.sqrt(np.sum(one**2, axis=1) * np.sum(other**2, axis=1))
    return np.divide(np.sum(one * other, axis=1), below, out=np.full(len(one), np.nan), where=below > 0)


def _centred_ranks(maps: np.ndarray) -> np.ndarray:
    flat = np.asarray(maps).reshape(len(maps), -1)
    return rankdata(flat, axis=1) - (flat.shape[1] + 1) / 2
