"""Mean maps: what lies on the same feature of each face comes together."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.explain.mean_maps import MAP_SIDE, SIDE, mean_maps

FACE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def spot(at: np.ndarray, side: int) -> np.ndarray:
    """A bright disc at a point in shares of the side, on a dim ground."""
    y, x = np.indices((side, side)) + 0.5
    return (np.hypot(x / side - at[0], y / side - at[1]) < 0.08) + 0.01


def test_noses_at_two_places_are_laid_on_the_mean_one() -> None:
    shifts = np.array([[-0.1, 0.0], [0.1, 0.05]])
    landmarks = FACE + shifts[:, None]
    maps = np.stack([spot(one[2], 56) for one in landmarks])
    images = np.stack([np.repeat(spot(one[2], 40)[..., None] * 200, 3, axis=-1) for one in landmarks]).astype(np.uint8)
    found = mean_maps(maps, images, landmarks, np.array(["0-9", "0-9"]))
    assert found is not None and found.photos == {"all": 2, "0-9": 2}
    nose = landmarks.mean(axis=0)[2]
    for picture, side in ((found.energy["all"], MAP_SIDE), (found.faces["all"][..., 0], SIDE)):
        y, x = np.unravel_index(np.nanargmax(np.where(np.isfinite(picture), picture, -1) * (picture < 255)), picture.shape)
        assert np.hypot((x + 0.5) / side - nose[0], (y + 0.5) / side - nose[1]) < 0.09
        # Where a disc lay before, nothing is left: it moved as a whole.
    assert np.nanmax(found.energy["all"]) == pytest.approx(np.nanmax(maps[0] / maps[0].mean()), rel=0.15)


def test_faces_without_landmarks_and_empty_maps_are_left_out() -> None:
    landmarks = np.stack([FACE, np.full((5, 2), np.nan), FACE])
    maps = np.ones((3, 2, 2))
    maps[2] = 0
    images = np.zeros((3, 8, 8, 3), np.uint8)
    found = mean_maps(maps, images, landmarks, np.array(["0-9", "0-9", "60+"]))
    assert found is not None and found.photos == {"all": 1, "0-9": 1}
    np.testing.assert_allclose(found.energy["all"], 1, atol=1e-5)
    assert mean_maps(maps[1:], images[1:], landmarks[1:], np.array(["0-9", "60+"])) is None
