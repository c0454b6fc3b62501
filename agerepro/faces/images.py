"""Pixels of stored face crops by row, kept in memory where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from agerepro.errors import UserError
from agerepro.faces.store import FaceStore

IN_MEMORY_BYTES = 1_000_000_000  # small sets are decoded once and kept as uint8


class ImageReader(Protocol):
    """Stored faces by row."""

    @property
    def side(self) -> int:
        """Side of a face in pixels."""
        ...

    def face(self, row: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB."""
        ...


@dataclass(frozen=True)
class InMemoryImages:
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
class StoredImages:
    """Faces decoded from the store each time: memory does not grow with the data set."""

    store: FaceStore
    keys: Sequence[str]
    side: int  # of a face in pixels

    def face(self, row: int) -> np.ndarray:
        """One face, decoded now."""
        return decode_crop(self.store.read(self.keys[row]))


def image_reader(store: FaceStore, keys: Sequence[str], side: int) -> ImageReader:
    """Decoded once and kept when they fit IN_MEMORY_BYTES, else decoded at each use."""
    if len(keys) * side * side * 3 > IN_MEMORY_BYTES:
        return StoredImages(store, keys, side)
    faces = np.empty((len(keys), side, side, 3), np.uint8)
    for row, key in enumerate(keys):
        faces[row] = decode_crop(store.read(key))
    return InMemoryImages(faces)


def decode_crop(content: bytes) -> np.ndarray:
    """A stored face -> (side, side, 3) uint8 RGB."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise UserError("A face in the store cannot be decoded: remove the folder of faces and run again.")
    return pixels
