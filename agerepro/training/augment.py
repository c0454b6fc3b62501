"""Random affine augmentation of faces: rotate, shift, zoom-crop and flip in a single resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from agerepro.config.schema import Augment
from agerepro.faces.images import ImageReader
from agerepro.rng import rng_for

PLAIN, MIRRORED = -1, -2  # in place of an epoch: not augmented, and its left-right mirror image


class InputView(Protocol):
    """Rows of network input."""

    def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """(n, ...) input for `rows` (n,), augmented for `epoch` from 0, or PLAIN, or MIRRORED."""
        ...


@dataclass(frozen=True)
class AugmentedFaces:
    """Faces as the network sees them; the warp of a photo depends on rng_key, epoch and photo, on nothing drawn before.

    The fold is not part of the draw: a photo looks the same in an epoch of every fold, so features of a frozen backbone
    are computed once for all folds, and folds differ by their people only.
    """

    pixels: ImageReader
    photos: Sequence[str]
    augment: Augment
    rng_key: tuple[str | int, ...]

    def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB."""
        return np.stack([self._warped(int(row), epoch) for row in rows])

    def _warped(self, row: int, epoch: int) -> np.ndarray:
        face = self.pixels.face(row)
        if epoch < 0:
            plain = warp(face, resize_matrix(self.pixels.side, self.augment.size), self.augment.size)
            return plain[:, ::-1] if epoch == MIRRORED else plain
        draw = rng_for("warp", *self.rng_key, epoch, self.photos[row])
        return warp(face, random_matrix(draw, self.augment, self.pixels.side), self.augment.size)


def resize_matrix(from_side: int, to_side: int) -> np.ndarray:
    """(2, 3) matrix that scales a square picture; pixel centres stay centres."""
    scale = from_side / to_side
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


def random_matrix(draw: np.random.Generator, augment: Augment, from_side: int) -> np.ndarray:
    """(2, 3) matrix from output pixels to input pixels for one random draw.

    Rotation is uniform in +-rotate_degrees, the shift in +-shift of the side in each direction, the crop keeps a random
    window of at least 1 - zoom_crop of the side, and the flip is left-right. koenig2019 (section 4) names the four
    operations without ranges or order; ours: flip, rotate about the centre, shift, crop.
    """
    angle = np.deg2rad(draw.uniform(-1, 1) * augment.rotate_degrees)
    shift = draw.uniform(-1, 1, 2) * augment.shift
    side = 1 - draw.uniform(0, 1) * augment.zoom_crop
    corner = draw.uniform(0, 1, 2) * (1 - side)
    mirror = -1.0 if draw.uniform() < augment.flip else 1.0
    # In units of the picture's side, from output (centre 0.5) to input: window, shift, rotation, mirror.
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[mirror * cos, -mirror * sin], [sin, cos]])
    centre = np.array([0.5, 0.5])
    linear = turn * side
    offset = turn @ (corner - centre - shift) + centre
    # From pixel indices to units and back: index i stands for the point (i + 0.5) / side.
    linear_px = linear * (from_side / augment.size)
    offset_px = (linear @ np.full(2, 0.5 / augment.size) + offset) * from_side - 0.5
    return np.column_stack([linear_px, offset_px])


def warp(face: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) uint8 RGB picture: bilinear, the border repeated outwards, as Keras' ImageDataGenerator fills by default."""
    return cv2.warpAffine(face, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
