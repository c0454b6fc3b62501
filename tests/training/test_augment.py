"""The one warp against separate, literal operations on points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.schema import Augment
from agerepro.faces.images import InMemoryImages
from agerepro.rng import rng_for
from agerepro.training.augment import MIRRORED, PLAIN, AugmentedFaces, random_matrix, resize_matrix, warp


def literal_point(point: np.ndarray, draw: np.random.Generator, augment: Augment, from_side: int) -> np.ndarray:
    """Output pixel -> input pixel, one operation after the other, in the order that the docstring promises."""
    angle = draw.uniform(-1, 1) * augment.rotate_degrees / 180 * np.pi
    dx, dy = draw.uniform(-1, 1, 2) * augment.shift
    side = 1 - draw.uniform(0, 1) * augment.zoom_crop
    corner_x, corner_y = draw.uniform(0, 1, 2) * (1 - side)
    mirrored = draw.uniform() < augment.flip
    x, y = (point + 0.5) / augment.size
    x, y = corner_x + side * x, corner_y + side * y  # undo the crop
    x, y = x - dx, y - dy  # undo the shift
    x, y = x - 0.5, y - 0.5
    x, y = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y  # undo the rotation
    if mirrored:
        x = -x
    return np.array([x + 0.5, y + 0.5]) * from_side - 0.5


@given(seed=st.integers(0, 10_000), x=st.floats(0, 47), y=st.floats(0, 47))
def test_matrix_equals_the_operations_one_by_one(seed: int, x: float, y: float) -> None:
    augment = Augment(rotate_degrees=20, shift=0.1, zoom_crop=0.2, flip=0.5, size=48)
    matrix = random_matrix(rng_for("t", seed), augment, 64)
    expected = literal_point(np.array([x, y]), rng_for("t", seed), augment, 64)
    assert matrix @ np.array([x, y, 1]) == pytest.approx(expected, abs=1e-9)


def test_no_augmentation_is_the_plain_resize() -> None:
    still = Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=0.0, size=48)
    assert random_matrix(rng_for("t"), still, 64) == pytest.approx(resize_matrix(64, 48))


def test_flip_alone_mirrors_every_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    matrix = random_matrix(rng_for("t"), Augment(rotate_degrees=0, shift=0.0, zoom_crop=0.0, flip=1.0, size=16), 16)
    np.testing.assert_array_equal(warp(picture, matrix, 16), picture[:, ::-1])


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
