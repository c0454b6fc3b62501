"""The one warp against separate, literal operations on points, and warps of many photos against those of one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.schema import Augment
from agerepro.faces.images import InMemoryImages
from agerepro.rng import rng_for
from agerepro.training import augment as augment_module
from agerepro.training.augment import (
    CROP_DRAWS,
    DRAWS,
    EPOCHS_KEPT,
    MIRRORED,
    PLAIN,
    AugmentedFaces,
    draws_of,
    in_plain_view,
    plain_matrix,
    random_matrices,
    resize_matrix,
    warp,
)


def drawn_for(*rng_key: str | int, count: int = DRAWS) -> np.ndarray:
    return rng_for(*rng_key).random((1, count))


def matrix_of_one_photo(draw: np.random.Generator, augment: Augment, from_side: int) -> np.ndarray:
    """As it was written when every photo had a generator of its own: results of published runs hang on every bit of it."""
    angle = np.deg2rad(draw.uniform(-1, 1) * augment.rotate_degrees)
    shift = draw.uniform(-1, 1, 2) * augment.shift
    side = 1 - draw.uniform(0, 1) * augment.zoom_crop
    corner = draw.uniform(0, 1, 2) * (1 - side)
    mirror = -1.0 if draw.uniform() < augment.flip else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[mirror * cos, -mirror * sin], [sin, cos]])
    centre = np.array([0.5, 0.5])
    linear = turn * side
    offset = turn @ (corner - centre - shift) + centre
    linear_px = linear * (from_side / augment.size)
    offset_px = (linear @ np.full(2, 0.5 / augment.size) + offset) * from_side - 0.5
    return np.column_stack([linear_px, offset_px])


def literal_point(point: np.ndarray, draw: np.random.Generator, augment: Augment, from_side: int) -> np.ndarray:
    """Output pixel -> input pixel, one operation after the other, in the order that the docstring promises."""
    angle = draw.uniform(-1, 1) * augment.rotate_degrees / 180 * np.pi
    dx, dy = draw.uniform(-1, 1, 2) * augment.shift
    side = 1 - draw.uniform(0, 1) * augment.zoom_crop
    corner_x, corner_y = draw.uniform(0, 1, 2) * (1 - side)
    mirrored = draw.uniform() < augment.flip
    window = round(augment.random_crop * from_side)
    at = np.floor(draw.uniform(0, 1, 2) * (from_side - window + 1)) if augment.random_crop < 1 else np.zeros(2)
    x, y = (point + 0.5) / augment.size
    x, y = corner_x + side * x, corner_y + side * y  # undo the crop
    x, y = x - dx, y - dy  # undo the shift
    x, y = x - 0.5, y - 0.5
    x, y = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y  # undo the rotation
    if mirrored:
        x = -x
    return np.array([x + 0.5, y + 0.5]) * window - 0.5 + at  # undo the random crop


@pytest.mark.parametrize("crop", [1.0, 0.7])
@given(seed=st.integers(0, 10_000), x=st.floats(0, 47), y=st.floats(0, 47))
def test_matrix_equals_the_operations_one_by_one(crop: float, seed: int, x: float, y: float) -> None:
    augment = Augment(rotate_degrees=20, shift=0.1, zoom_crop=0.2, flip=0.5, size=48, random_crop=crop)
    (matrix,) = random_matrices(drawn_for("t", seed, count=draws_of(augment)), augment, 64)
    expected = literal_point(np.array([x, y]), rng_for("t", seed), augment, 64)
    assert matrix @ np.array([x, y, 1]) == pytest.approx(expected, abs=1e-9)


def test_no_augmentation_is_the_plain_resize() -> None:
    still = Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=0.0, size=48)
    assert random_matrices(drawn_for("t"), still, 64)[0] == pytest.approx(resize_matrix(64, 48))


def test_flip_alone_mirrors_every_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (matrix,) = random_matrices(drawn_for("t"), Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=1.0, size=16), 16)
    np.testing.assert_array_equal(warp(picture, matrix, 16), picture[:, ::-1])


@pytest.mark.parametrize(("side", "crop", "size"), [(256, 0.875, 224), (256, 0.88671875, 227), (20, 0.8, 16)])
def test_a_random_crop_alone_copies_a_window_of_pixels_and_a_test_sees_the_middle(side: int, crop: float, size: int) -> None:
    # pan2018 and teh2018: 224 of 256 pixels; pan2018's AlexNet: 227
    faces = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    augment = Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=0.5, size=size, random_crop=crop)
    source = AugmentedFaces(InMemoryImages(faces), list("abc"), augment, (0, "fgnet"))
    middle = (side - size) // 2
    for view in (PLAIN, 0, 1, 2, 3):
        for photo, face, picture in zip("abc", faces, source.batch(np.arange(3), view), strict=True):
            draw = rng_for("warp", 0, "fgnet", view, photo).random(DRAWS + CROP_DRAWS)
            left, top = (middle, middle) if view == PLAIN else np.floor(draw[DRAWS:] * (side - size + 1)).astype(int)
            window = face[top : top + size, left : left + size]
            np.testing.assert_array_equal(picture, window[:, ::-1] if view != PLAIN and draw[DRAWS - 1] < 0.5 else window)
    np.testing.assert_array_equal(source.batch(np.arange(3), MIRRORED), source.batch(np.arange(3), PLAIN)[:, :, ::-1])


def test_every_place_of_a_random_crop_is_as_likely() -> None:
    augment = Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=0.0, size=16, random_crop=0.8)
    matrices = random_matrices(np.random.default_rng(0).random((20_000, draws_of(augment))), augment, 20)
    for axis in (0, 1):
        places, counts = np.unique(matrices[:, axis, 2].round(9), return_counts=True)
        np.testing.assert_array_equal(places, range(5))
        assert np.abs(counts / 4000 - 1).max() < 0.1


def test_without_a_random_crop_nothing_more_is_drawn() -> None:
    assert draws_of(Augment()) == DRAWS and draws_of(Augment(random_crop=0.5)) == DRAWS + CROP_DRAWS
    np.testing.assert_array_equal(plain_matrix(Augment(size=48), 64), resize_matrix(64, 48))


@pytest.mark.parametrize("crop", [1.0, 0.875, 0.61])
def test_points_of_the_face_lie_where_the_plain_view_shows_them(crop: float) -> None:
    augment = Augment(size=48, random_crop=crop)
    seen = np.array([[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]])  # shares of what the network sees
    pixels = plain_matrix(augment, 65) @ np.column_stack([seen * 48 - 0.5, np.ones(3)]).T
    np.testing.assert_allclose(in_plain_view((pixels.T + 0.5) / 65, augment, 65), seen, atol=1e-12)


def test_border_is_repeated_not_black() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    shifted = np.array([[1.0, 0, -10], [0, 1.0, -10]])
    assert warp(white, shifted, 20).min() == 255


@pytest.fixture
def pixels() -> InMemoryImages:
    return InMemoryImages(np.random.default_rng(1).integers(0, 256, (5, 20, 20, 3), dtype=np.uint8))


def faces(pixels: InMemoryImages, photos: list[str]) -> AugmentedFaces:
    return AugmentedFaces(pixels, photos, Augment(size=16), (0, "fgnet"))


def test_a_photo_looks_the_same_in_any_company(pixels: InMemoryImages) -> None:
    source = faces(pixels, list("abcde"))
    alone = source.batch(np.array([3]), 2)[0]
    np.testing.assert_array_equal(source.batch(np.array([4, 3, 0]), 2)[1], alone)


def test_epochs_and_photos_differ(pixels: InMemoryImages) -> None:
    source = faces(InMemoryImages(np.repeat(pixels.faces[:1], 5, axis=0)), list("abcde"))
    first, second = source.batch(np.arange(5), 0), source.batch(np.arange(5), 1)
    assert len({face.tobytes() for face in (*first, *second)}) == 10


def test_mirrored_is_the_plain_one_mirrored(pixels: InMemoryImages) -> None:
    source = faces(pixels, list("abcde"))
    rows = np.arange(5)
    np.testing.assert_array_equal(source.batch(rows, MIRRORED), source.batch(rows, PLAIN)[:, :, ::-1])


@pytest.mark.parametrize("augment", [Augment(size=16), Augment(rotate_degrees=30, shift=0.2, zoom_crop=0.3, flip=0.3, size=24)])
def test_pictures_equal_those_of_one_generator_a_photo(pixels: InMemoryImages, augment: Augment) -> None:
    photos = [f"imdb/{number}.jpg" for number in range(2000)]
    source = AugmentedFaces(InMemoryImages(np.resize(pixels.faces, (2000, 20, 20, 3))), photos, augment, (7, "stage"))
    rows = np.random.default_rng(0).permutation(2000)
    for epoch in (0, 31):
        matrices = [matrix_of_one_photo(rng_for("warp", 7, "stage", epoch, photos[row]), augment, 20) for row in rows]
        np.testing.assert_array_equal(source._epoch(epoch)[rows], matrices)
        expected = [warp(source.pixels.face(row), matrix, augment.size) for row, matrix in zip(rows.tolist(), matrices)]
        np.testing.assert_array_equal(source.batch(rows, epoch), expected)


def test_warps_are_drawn_once_an_epoch_and_few_epochs_are_kept(pixels: InMemoryImages, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str | int, ...]] = []
    draw = augment_module.uniforms

    def counted(rng_key: tuple[str | int, ...], names: list[str], count: int) -> np.ndarray:
        drawn.append(rng_key)
        return draw(rng_key, names, count)

    monkeypatch.setattr(augment_module, "uniforms", counted)
    source = faces(pixels, list("abcde"))
    with ThreadPoolExecutor(8) as pool:  # the folds and their loading threads share a source
        list(pool.map(lambda row: source.batch(np.array([row % 5]), row % 2), range(40)))
    assert sorted(drawn) == [("warp", 0, "fgnet", 0), ("warp", 0, "fgnet", 1)]
    for epoch in range(10):
        source.batch(np.arange(5), epoch)
    assert len(drawn) == 10 and len(source._warps) == EPOCHS_KEPT
