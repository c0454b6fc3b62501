"""Pixels of stored face crops by row, kept in memory where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from agerepro.errors import UserError
from agerepro.faces.store import FaceStore
from agerepro.machine import loading_threads, memory_bytes, workers

MEMORY_SHARE = 4  # of the memory that each process of a run may still take, one in so many is for faces
ROWS_AT_ONCE = 64  # faces that a thread decodes in one go


class ImageReader(Protocol):
    """Stored faces by row; read by several threads at once."""

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
class JpegImages:
    """Faces kept as the JPEG or PNG bytes that a store holds: a tenth of the memory of their pixels."""

    images: Sequence[bytes]
    side: int  # of a face in pixels

    def face(self, row: int) -> np.ndarray:
        """One face, decoded now."""
        return decode_crop(self.images[row])


@dataclass(frozen=True)
class StoredImages:
    """Faces read from the memory-mapped store each time: memory does not grow with the data set."""

    store: FaceStore
    keys: Sequence[str]
    side: int  # of a face in pixels

    def face(self, row: int) -> np.ndarray:
        """One face, read and decoded now."""
        return decode_crop(self.store.read(self.keys[row]))


def image_reader(store: FaceStore, keys: Sequence[str], side: int, *, memory: int | None = None) -> ImageReader:
    """Faces for many epochs: kept decoded where that fits `memory` bytes, else kept as JPEG where those fit, else left in the store.

    memory: None for a quarter of what each of the processes that share the machine may still take. The pixels are the same in
    all three ways. UserError for a face that cannot be decoded.
    """
    memory = memory_bytes() // workers() // MEMORY_SHARE if memory is None else memory
    if len(keys) * side * side * 3 <= memory:
        return _decoded(StoredImages(store, keys, side), len(keys))
    if sum(path.stat().st_size for path in store.folder.glob("[!.]*.arrow")) <= memory:
        return JpegImages([store.read(key) for key in keys], side)
    return StoredImages(store, keys, side)


def decode_crop(content: bytes) -> np.ndarray:
    """A stored face -> (side, side, 3) uint8 RGB."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise UserError("A face in the store cannot be decoded: remove the folder of faces and run again.")
    return pixels


def _decoded(stored: StoredImages, count: int) -> InMemoryImages:
    faces = np.empty((count, stored.side, stored.side, 3), np.uint8)

    def fill(start: int) -> None:
        for row in range(start, min(start + ROWS_AT_ONCE, count)):
            faces[row] = stored.face(row)

    with ThreadPoolExecutor(loading_threads(), thread_name_prefix="faces") as pool:
        for _ in pool.map(fill, range(0, count, ROWS_AT_ONCE)):  # taken one by one, so that an error is raised
            pass
    return InMemoryImages(faces)
