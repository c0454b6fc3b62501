"""The picture of a map over a face, place by place."""

from __future__ import annotations

import numpy as np

from agerepro.explain.overlay import FADED, STRONGEST, coloured, laid_over

FACE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def test_nothing_leaves_the_faded_grey_face() -> None:
    grey = 255 - (255 - FACE.astype(float).mean(axis=-1)) * FADED
    np.testing.assert_allclose(laid_over(FACE, np.zeros((2, 2)), 8), np.repeat(grey[..., None], 3, axis=-1), atol=0.5)


def test_the_strongest_place_is_all_but_covered_and_the_sign_gives_the_colour() -> None:
    black, heat = np.zeros((8, 8, 3), np.uint8), np.array([[4.0, 0.0], [0.0, -4.0]])
    found = laid_over(black, heat, 8)
    grey = 255 * (1 - FADED)
    for place, end in (((0, 0), (0x6E, 0x26, 0x00)), ((7, 7), (0x00, 0x34, 0x5F))):
        np.testing.assert_allclose(found[place], [grey * (1 - STRONGEST) + STRONGEST * one for one in end], atol=0.51)
    # Only the sign and the share of the strongest place count.
    np.testing.assert_array_equal(laid_over(black, heat * 1e-6, 8), found)


def test_levels_between_two_stops_are_between_their_colours() -> None:
    np.testing.assert_allclose(
        coloured(np.array([-1.0, 0.0, 1.0, 1 / 6])), [[0, 52, 95], [255, 255, 255], [110, 38, 0], [255, 216.5, 172.5]]
    )
