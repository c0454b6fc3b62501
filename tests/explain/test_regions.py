"""Landmarks in a crop: dots drawn on a photo are found again where they should be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.schema import Faces
from agerepro.errors import UserError
from agerepro.explain.regions import (
    EYES_AND_NOSE,
    REGIONS,
    SIDE,
    area_shares,
    densest,
    energy_shares,
    face_regions,
    landmarks_in_crop,
    region_summary,
    region_table,
    relative_energy,
    usable,
    with_notes,
)
from agerepro.faces.alignment import MEAN_FACE, box_crop, eye_rotation, five_points_crop, rotate_box

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
    _, rotation = eye_rotation(landmarks)
    box = rotate_box((centre[0] - 40, centre[1] - 50, centre[0] + 40, centre[1] + 50), rotation)
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
        with pytest.raises(UserError, match="usable"):
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


LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])  # shares of the side


def photos(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"photo": [f"p{n}" for n in range(count)], "subject": [f"s{n // 2}" for n in range(count)], "age": np.arange(count) * 10.0}
    )


def everywhere(count: int) -> np.ndarray:
    return np.repeat(LANDMARKS[None], count, axis=0)


def test_an_even_map_has_every_region_at_one_and_shares_sum_to_one() -> None:
    table = region_table(photos(2), np.ones((2, 3, 3)), everywhere(2))
    assert list(table["region"].unique()) == list(REGIONS)
    np.testing.assert_allclose(table["relative"], 1)
    np.testing.assert_allclose(table.groupby("photo")["share"].sum(), 1)
    np.testing.assert_allclose(table.groupby("photo")["area_share"].sum(), 1)


def test_a_map_on_the_mouth_alone_holds_all_of_its_energy_there_whatever_its_sign() -> None:
    mouth = (face_regions(LANDMARKS * SIDE, SIDE) == REGIONS.index("mouth")).astype(float)
    table = region_table(photos(2), np.stack([mouth, -mouth]), everywhere(2)).set_index(["photo", "region"])
    assert table.loc[("p0", "mouth"), "share"] == table.loc[("p1", "mouth"), "share"] == 1
    assert table.loc[("p0", "mouth"), "relative"] == pytest.approx(1 / mouth.mean())


def test_photos_without_landmarks_or_with_an_empty_map_have_no_rows() -> None:
    landmarks, maps = everywhere(3), np.ones((3, 2, 2))
    landmarks[0], maps[1] = np.nan, 0
    table = region_table(photos(3), maps, landmarks)
    assert set(table["photo"]) == {"p2"}
    noted = with_notes(table, photos(3), maps)
    assert noted.loc[noted["note"] != "", ["photo", "region", "note"]].to_numpy().tolist() == [
        ["p0", "", "no landmarks"],
        ["p1", "", "empty map"],
    ]
    assert noted["share"].notna().sum() == len(REGIONS) == len(noted) - 2
    assert list(with_notes(table.iloc[:0], photos(3), maps * 0)["note"]) == ["empty map"] * 3
    assert region_table(photos(3), maps, np.full((3, 5, 2), np.nan)).empty


def test_the_summary_is_a_mean_over_photos_and_eyes_and_nose_are_their_sum() -> None:
    maps = np.random.default_rng(0).random((24, 8, 8))
    table = region_table(photos(24), maps, everywhere(24))
    groups = pd.Series(["0-9", "10-19", "20-39", "20-39", "40-59", "40-59"] * 4, index=photos(24)["photo"])
    summary = region_summary(table, groups).set_index(["group", "region"])
    mine = table.loc[table["region"] == "nose"]
    assert summary.loc[("all", "nose"), "share"] == pytest.approx(mine["share"].mean())
    assert summary.loc[("all", "nose"), "relative"] == pytest.approx(mine["share"].sum() / mine["area_share"].sum())
    parts = summary.loc["all"].loc[["eyes", "nose"], "share"]
    assert summary.loc[("all", EYES_AND_NOSE), "share"] == pytest.approx(parts.sum())
    assert (summary.loc["all"]["people"] == 12).all() and summary.loc[("20-39", "nose"), "photos"] == 8
    low, high = (summary.loc[("all", EYES_AND_NOSE), end] for end in ("relative_low", "relative_high"))
    assert low < summary.loc[("all", EYES_AND_NOSE), "relative"] < high


def test_the_densest_region_is_the_one_with_most_a_pixel() -> None:
    nose = (face_regions(LANDMARKS * SIDE, SIDE) == REGIONS.index("nose")) + 0.1
    table = region_table(photos(2), np.stack([nose, nose]), everywhere(2))
    assert densest(region_summary(table, pd.Series("", index=photos(2)["photo"])))[0] == "nose"
