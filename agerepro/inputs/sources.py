"""What a network takes in, by row and epoch: faces warped anew each epoch, or features of a frozen trunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from agerepro.draws import generator
from agerepro.errors import UserError
from agerepro.experiment.schema import Augment
from agerepro.faces.store import FaceStore
from agerepro.inputs.warp import plain_matrix, random_matrix, warp

PLAIN, MIRRORED = -1, -2  # in place of an epoch: not augmented, and its left-right mirror image
IN_MEMORY_BYTES = 1_000_000_000  # small sets are decoded once and kept as uint8


class Source(Protocol):
    """Rows of network input."""

    def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """Input for `rows`, augmented for `epoch` from 0, or PLAIN, or MIRRORED."""
        ...


class Pixels(Protocol):
    """Stored faces by row."""

    @property
    def side(self) -> int:
        """Side of a face in pixels."""
        ...

    def face(self, row: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB."""
        ...


@dataclass(frozen=True)
class DecodedPixels:
    """Faces kept decoded: (n, side, side, 3) uint8 RGB."""

    faces: np.ndarray

    @property
    def side(self) -> int:
        """Side of a face in pixels."""
        return int(self.faces.shape[1])

    def face(self, row: int) -> np.ndarray:
        """One face, not copied."""
        return self.faces[row]


@dataclass(frozen=True)
class StoredPixels:
    """Faces decoded from the store each time: memory does not grow with the data set."""

    store: FaceStore
    keys: Sequence[str]
    side: int  # of a face in pixels

    def face(self, row: int) -> np.ndarray:
        """One face, decoded now."""
        return decode(self.store.read(self.keys[row]))


@dataclass(frozen=True)
class Faces:
    """Faces as the network sees them; the warp of a photo depends on purpose, epoch and photo, on nothing drawn before.

    The fold is not part of the draw: a photo looks the same in an epoch of every fold, so features of a frozen trunk
    are computed once for all folds, and folds differ by their people only.
    """

    pixels: Pixels
    photos: Sequence[str]
    augment: Augment
    purpose: tuple[str | int, ...]

    def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB."""
        return np.stack([self._one(int(row), epoch) for row in rows])

    def _one(self, row: int, epoch: int) -> np.ndarray:
        face = self.pixels.face(row)
        if epoch < 0:
            plain = warp(face, plain_matrix(self.pixels.side, self.augment.size), self.augment.size)
            return plain[:, ::-1] if epoch == MIRRORED else plain
        draw = generator("warp", *self.purpose, epoch, self.photos[row])
        return warp(face, random_matrix(draw, self.augment, self.pixels.side), self.augment.size)


def pixels_of(store: FaceStore, keys: Sequence[str], side: int) -> Pixels:
    """Decoded once and kept when they fit IN_MEMORY_BYTES, else decoded at each use."""
    if len(keys) * side * side * 3 > IN_MEMORY_BYTES:
        return StoredPixels(store, keys, side)
    faces = np.empty((len(keys), side, side, 3), np.uint8)
    for row, key in enumerate(keys):
        faces[row] = decode(store.read(key))
    return DecodedPixels(faces)


def decode(content: bytes) -> np.ndarray:
    """A stored face -> (side, side, 3) uint8 RGB."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise UserError("A face in the store cannot be decoded: remove the folder of faces and run again.")
    return pixels
