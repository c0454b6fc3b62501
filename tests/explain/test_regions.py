"""Regions of a crop: each landmark in its own, every pixel in one, turning with the face; energies by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.errors import UserError
from agerepro.explain.regions import REGIONS, area_shares, energy_shares, face_regions, relative_energy, usable
from agerepro.faces.align import MEAN_FACE

SIZE = 200
FACE = MEAN_FACE * 80 + 60  # dlib's mean face: eyes at (78, 77) and (120, 77), the mouth at 122


def name_at(regions: np.ndarray, x: float, y: float) -> str:
    return REGIONS[regions[int(y), int(x)]]


def test_parts_of_the_mean_face_by_hand() -> None:
    regions = face_regions(FACE, SIZE)
    for landmark, name in zip(FACE, ("eyes", "eyes", "nose", "mouth", "mouth"), strict=True):
        inward = landmark + (FACE.mean(axis=0) - landmark) * 0.1  # a corner of the mouth is its edge
        assert name_at(regions, *inward) == name
    places = {
        (99, 85): "nose",  # between the eyes, a little below
        (99, 50): "forehead",
        (72, 100): "cheeks",
        (126, 100): "cheeks",
        (99, 145): "cheeks",  # the chin
        (99, 10): "hair",
        (50, 60): "hair",
        (5, 5): "background",
        (99, 190): "background",
    }
    assert {place: name_at(regions, *place) for place in places} == places


def test_every_region_has_its_place_and_the_face_is_symmetric() -> None:
    symmetric = FACE.copy()
    symmetric[:, 0] = [80, 120, 100, 82, 118]
    regions = face_regions(symmetric, SIZE)
    assert set(np.unique(regions)) == set(range(len(REGIONS)))
    np.testing.assert_array_equal(regions, regions[:, ::-1])


@given(degrees=st.floats(-40, 40), scale=st.floats(0.5, 1.3))
def test_regions_turn_and_grow_with_the_face(degrees: float, scale: float) -> None:
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (FACE - 100) @ turn.T + 100
    before, after = face_regions(FACE, SIZE), face_regions(moved, SIZE)
    for x, y in np.array([[78, 77], [99, 95], [99, 122], [99, 50], [72, 100], [99, 27], [99, 175]]):
        there = (np.array([x, y]) + 0.5 - 100) @ turn.T + 100
        assert after[int(there[1]), int(there[0])] == before[y, x]


def test_the_mouth_follows_its_corners_and_the_nose_its_tip() -> None:
    turned_away = FACE + np.array([[0, 0], [0, 0], [14.0, 0], [10, 0], [10, 0]])
    regions = face_regions(turned_away, SIZE)
    for number, part in ((REGIONS.index("nose"), 2), (REGIONS.index("mouth"), slice(3, 5))):
        columns = np.flatnonzero((regions == number).any(axis=0))
        assert columns.min() < np.mean(turned_away[part, 0]) < columns.max()
    assert np.mean(np.argwhere(regions == REGIONS.index("mouth"))[:, 1]) == pytest.approx(FACE[3:, 0].mean() + 10, abs=1)


def test_a_face_in_profile_keeps_a_width() -> None:
    profile = FACE.copy()
    profile[:, 0] = [99, 101, 112, 104, 106]
    shares = dict(zip(REGIONS, area_shares(face_regions(profile, SIZE)[None])[0], strict=True))
    frontal = dict(zip(REGIONS, area_shares(face_regions(FACE, SIZE)[None])[0], strict=True))
    assert shares["forehead"] > 0.4 * frontal["forehead"]


def test_landmarks_that_allow_no_regions_are_told_and_refused() -> None:
    unknown, upside_down, one_eye = FACE.copy(), FACE.copy(), FACE.copy()
    unknown[2, 0] = np.nan
    upside_down[3:, 1] -= 100
    one_eye[1] = one_eye[0]
    assert usable(np.stack([FACE, unknown, upside_down, one_eye])).tolist() == [True, False, False, False]
    for landmarks in (unknown, upside_down, one_eye):
        with pytest.raises(UserError, match="leave out the photos where `usable` is false"):
            face_regions(landmarks, SIZE)


def test_energies_by_hand() -> None:
    regions = np.array([[[0, 0], [2, 6]], [[1, 1], [1, 1]]], np.uint8)  # eyes, mouth, background; nose
    maps = np.array([[[1.0, -3.0], [4.0, 0.0]], [[0, 0], [0, 0]]])
    absolute, positive = (energy_shares(maps, regions, energy=energy) for energy in ("absolute", "positive"))
    assert absolute[0].tolist() == [0.5, 0, 0.5, 0, 0, 0, 0]
    assert positive[0].tolist() == [0.2, 0, 0.8, 0, 0, 0, 0]
    assert np.isnan(absolute[1]).all(), "an empty map has no shares"
    areas = area_shares(regions)
    assert areas[0].tolist() == [0.5, 0, 0.25, 0, 0, 0, 0.25] and areas[1].tolist() == [0, 1, 0, 0, 0, 0, 0]
    found = relative_energy(absolute, areas)[0]
    assert found[[0, 2, 6]].tolist() == [1, 2, 0] and np.isnan(found[[1, 3, 4, 5]]).all()
