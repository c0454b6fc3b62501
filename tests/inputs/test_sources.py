"""Faces as the network sees them: what a draw depends on, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.experiment.schema import Augment
from agerepro.inputs.sources import MIRRORED, PLAIN, DecodedPixels, Faces


@pytest.fixture
def pixels() -> DecodedPixels:
    return DecodedPixels(np.random.default_rng(1).integers(0, 256, (5, 20, 20, 3), dtype=np.uint8))


def faces(pixels: DecodedPixels, photos: list[str]) -> Faces:
    return Faces(pixels, photos, Augment(size=16), (0, "fgnet"))


def test_a_photo_looks_the_same_in_any_company(pixels: DecodedPixels) -> None:
    source = faces(pixels, list("abcde"))
    alone = source.batch(np.array([3]), 2)[0]
    np.testing.assert_array_equal(source.batch(np.array([4, 3, 0]), 2)[1], alone)


def test_epochs_and_photos_differ(pixels: DecodedPixels) -> None:
    source = faces(DecodedPixels(np.repeat(pixels.faces[:1], 5, axis=0)), list("abcde"))
    first, second = source.batch(np.arange(5), 0), source.batch(np.arange(5), 1)
    assert len({one.tobytes() for one in (*first, *second)}) == 10


def test_mirrored_is_the_plain_one_mirrored(pixels: DecodedPixels) -> None:
    source = faces(pixels, list("abcde"))
    rows = np.arange(5)
    np.testing.assert_array_equal(source.batch(rows, MIRRORED), source.batch(rows, PLAIN)[:, :, ::-1])
