"""Landmarks in a crop: dots drawn on a photo are found again where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.experiment.schema import Faces
from agerepro.explain.crop_landmarks import landmarks_in_crop
from agerepro.faces.align import box_crop, five_points_crop, leveling, turned_box

UPRIGHT = np.array([[-18.0, -14.0], [18, -14], [1, 4], [-14, 22], [15, 22]])  # about the middle of a face of 80 x 100 pixels


def turned(degrees: float, centre: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return UPRIGHT @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + centre


def dotted(landmarks: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """One photo a landmark, black but for a bright round spot of sigma 3 about it."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    spots = [250 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18) for at in landmarks]
    return [np.repeat(spot.round().astype(np.uint8)[..., None], 3, axis=2) for spot in spots]


def centre_of(crop: np.ndarray) -> np.ndarray:
    weights = crop[..., 0].astype(float)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("degrees", [0.0, 17.0, -31.0])
@pytest.mark.parametrize(("centre", "border"), [((120.0, 100.0), "clip"), ((62.0, 68.0), "clip"), ((62.0, 68.0), "repeat")])
@pytest.mark.parametrize("align", ["eyes_level", "five_points"])
def test_dots_are_found_where_the_landmarks_are_said_to_be(degrees: float, centre: tuple[float, float], border: str, align: str) -> None:
    shape, size = (200, 240), 160
    landmarks = turned(degrees, centre)
    faces = Faces(align=align, margin=0.3, border=border, size=size)
    _, rotation = leveling(landmarks)
    box = turned_box((centre[0] - 40, centre[1] - 50, centre[0] + 40, centre[1] + 50), rotation)
    said = landmarks_in_crop(landmarks, box, faces, photo_shape=shape, size=size)
    for photo, where in zip(dotted(landmarks, shape), said, strict=True):
        if align == "eyes_level":
            crop = box_crop(photo, box, margin=0.3, border=border, size=size, rotation=rotation)
        else:
            crop = five_points_crop(photo, landmarks, margin=0.3, border=border, size=size)
        assert np.abs(centre_of(crop) - where).max() < 0.25, where
    # The network's input is the whole crop at another size.
    half = landmarks_in_crop(landmarks, box, faces, photo_shape=shape, size=size // 2)
    if align == "eyes_level":
        np.testing.assert_allclose(half, said / 2)
        assert abs(said[0, 1] - said[1, 1]) < 1e-9, "the eyes are level"


def test_a_clipped_crop_is_stretched_with_its_landmarks() -> None:
    # By hand: box 0..100 x 0..100, margin 0, photo 80 wide: the crop is 80 x 100 pixels, stretched to 100 x 100.
    landmarks = np.array([[20.0, 30], [60, 30], [40, 50], [25, 70], [55, 70]])
    found = landmarks_in_crop(landmarks, (0, 0, 100, 100), Faces(margin=0.0, border="clip"), photo_shape=(100, 80), size=100)
    np.testing.assert_allclose(found, landmarks * [1.25, 1])
