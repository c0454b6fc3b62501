"""Random affine augmentation of faces: rotate, shift, zoom-crop and flip in a single resampling."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import cv2
import numpy as np

from agerepro.config.schema import Augment, Experiment
from agerepro.faces.images import ImageReader
from agerepro.rng import uniforms

# How photos are looked at: as they are, as their left-right mirror images, or augmented for an epoch, counted from 0.
View = Literal["plain", "mirrored"] | int
PLAIN: Literal["plain"] = "plain"
MIRRORED: Literal["mirrored"] = "mirrored"
DRAWS = 7  # random numbers of a warp
CROP_DRAWS = 2  # and of the place of a random crop
EPOCHS_KEPT = 4  # tables of warps, 48 bytes a photo; batches are loaded of two epochs at a time, and the folds begin again


class InputView(Protocol):
    """Rows of network input; called by several threads at once."""

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        """(n, ...) input for `rows` (n,)."""
        ...


@dataclass(frozen=True)
class AugmentedFaces:
    """Faces as the network sees them; the warp of a photo depends on rng_key, epoch and photo, on nothing drawn before.

    The fold is not part of the draw: a photo looks the same in an epoch of every fold, so features of a frozen backbone
    are computed once for all folds, and folds differ by their people only. The warps of all photos are drawn once an epoch.
    """

    pixels: ImageReader
    photos: Sequence[str]
    augment: Augment
    rng_key: tuple[str | int, ...]
    _warps: OrderedDict[int, np.ndarray] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB."""
        size = self.augment.size
        if isinstance(view, str):
            matrices = np.broadcast_to(plain_matrix(self.augment, self.pixels.side), (len(rows), 2, 3))
        else:
            matrices = self._epoch(view)[rows]
        pictures = np.empty((len(rows), size, size, 3), np.uint8)
        for picture, row, matrix in zip(pictures, rows.tolist(), matrices):
            warp(self.pixels.face(row), matrix, size, out=picture)
        return np.ascontiguousarray(pictures[:, :, ::-1]) if view == MIRRORED else pictures

    def _epoch(self, epoch: int) -> np.ndarray:
        """(photos, 2, 3) matrices of an epoch."""
        with self._lock:  # who comes while they are drawn needs them, too
            if epoch not in self._warps:
                drawn = uniforms(("warp", *self.rng_key, epoch), self.photos, draws_of(self.augment))
                self._warps[epoch] = random_matrices(drawn, self.augment, self.pixels.side)
            self._warps.move_to_end(epoch)
            while len(self._warps) > EPOCHS_KEPT:
                self._warps.popitem(last=False)
            return self._warps[epoch]


def views_of(experiment: Experiment) -> list[View]:
    """How a tested face is looked at; answers are averaged over these."""
    return [PLAIN, MIRRORED] if experiment.tta == "flip_average" else [PLAIN]


def resize_matrix(from_side: int, to_side: int) -> np.ndarray:
    """(2, 3) matrix that scales a square picture; pixel centres stay centres."""
    scale = from_side / to_side
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


def plain_matrix(augment: Augment, from_side: int) -> np.ndarray:
    """(2, 3) matrix from output pixels to input pixels of a face as tested: the middle of it, as large as a random crop, scaled."""
    side = crop_side(augment, from_side)
    return resize_matrix(side, augment.size) + np.array([[0, 0, 1], [0, 0, 1]]) * ((from_side - side) // 2)


def in_plain_view(points: np.ndarray, augment: Augment, from_side: int) -> np.ndarray:
    """Points (..., 2) in shares of the stored face's side, in shares of the side of what the network sees of it in a test."""
    side = crop_side(augment, from_side)
    return (points * from_side - (from_side - side) // 2) / side if side < from_side else points


def crop_side(augment: Augment, from_side: int) -> int:
    """Side in whole pixels of the window that the network sees of a face."""
    return max(1, round(augment.random_crop * from_side))


def draws_of(augment: Augment) -> int:
    """Random numbers that a warp takes: without a random crop as many as before there was one."""
    return DRAWS + (CROP_DRAWS if augment.random_crop < 1 else 0)


def random_matrices(drawn: np.ndarray, augment: Augment, from_side: int) -> np.ndarray:
    """(n, 2, 3) matrices from output pixels to input pixels, one for each row of `drawn` (n, draws_of(augment)), uniform in [0, 1).

    Rotation is uniform in +-rotate_degrees, the shift in +-shift of the side in each direction, the crop keeps a random
    window of at least 1 - zoom_crop of the side, and the flip is left-right. koenig2019 (section 4) names the four
    operations without ranges or order; ours: flip, rotate about the centre, shift, crop. Before all of them a random crop of a
    fixed size cuts its window out of the face, at a place in whole pixels, all equally likely: alone it copies pixels.
    """
    angle = np.deg2rad((2 * drawn[:, 0] - 1) * augment.rotate_degrees)
    shift = (2 * drawn[:, 1:3] - 1) * augment.shift
    side = 1 - drawn[:, 3] * augment.zoom_crop
    corner = drawn[:, 4:6] * (1 - side)[:, None]
    mirror = np.where(drawn[:, 6] < augment.flip, -1.0, 1.0)
    # In units of the picture's side, from output (centre 0.5) to input: window, shift, rotation, mirror.
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([mirror * cos, -mirror * sin, sin, cos], axis=1).reshape(-1, 2, 2)
    linear = turn * side[:, None, None]
    offset = (turn @ (corner - 0.5 - shift)[:, :, None])[:, :, 0] + 0.5
    # From pixel indices to units and back: index i stands for the point (i + 0.5) / side.
    window = crop_side(augment, from_side)
    linear_px = linear * (window / augment.size)
    offset_px = (linear @ np.full(2, 0.5 / augment.size) + offset) * window - 0.5
    if augment.random_crop < 1:
        offset_px += np.floor(drawn[:, DRAWS:] * (from_side - window + 1))
    return np.concatenate([linear_px, offset_px[:, :, None]], axis=2)


def warp(face: np.ndarray, matrix: np.ndarray, side: int, *, out: np.ndarray | None = None) -> np.ndarray:
    """(side, side, 3) uint8 RGB picture: bilinear, the border repeated outwards, as Keras' ImageDataGenerator fills by default.

    out: an array of that shape and type to write into.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face, matrix, (side, side), dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)
