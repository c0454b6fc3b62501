"""Rank correlation a photo at a time, beside SciPy's."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from agerepro.explain.compare_maps import rank_correlation


def test_rank_correlation_is_spearmans() -> None:
    draw = np.random.default_rng(0)
    maps, others = draw.normal(size=(3, 5, 6)).round(1), draw.normal(size=(3, 5, 6)).round(1)  # rounded: with ties
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    np.testing.assert_allclose(rank_correlation(maps, others), expected, rtol=1e-12)


def test_only_the_order_of_pixels_counts() -> None:
    maps = np.random.default_rng(1).normal(size=(2, 4, 4))
    np.testing.assert_allclose(rank_correlation(maps, np.exp(3 * maps)), 1)
    np.testing.assert_allclose(rank_correlation(maps, -maps), -1)


def test_a_constant_map_has_no_ranks() -> None:
    maps = np.stack([np.zeros((2, 2)), np.arange(4.0).reshape(2, 2)])
    found = rank_correlation(maps, np.stack([maps[1], maps[1]]))
    assert np.isnan(found[0]) and found[1] == 1
