"""Faces by row are the same wherever they are kept, and are kept where memory allows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.faces import images as images_module
from agerepro.faces.images import InMemoryImages, JpegImages, StoredImages, image_reader
from agerepro.faces.store import FaceStore, StoreWriter

SIDE, COUNT = 24, 150
DECODED = COUNT * SIDE * SIDE * 3


@pytest.fixture
def store(tmp_path: Path) -> FaceStore:
    coarse = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 4, 3), dtype=np.uint8)
    with StoreWriter(tmp_path, shard_bytes=20_000) as writer:
        for number, picture in enumerate(coarse):
            content = cv2.imencode(".jpg", cv2.resize(picture, (SIDE, SIDE)), [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()
            writer.append(f"key{number}", content)
    return FaceStore(tmp_path)


def test_three_ways_of_keeping_give_the_same_pixels(store: FaceStore) -> None:
    keys = [f"key{number}" for number in np.random.default_rng(1).permutation(COUNT)]
    on_disk = sum(path.stat().st_size for path in store.folder.iterdir())
    assert on_disk < DECODED
    readers = [image_reader(store, keys, SIDE, memory=memory) for memory in (DECODED, DECODED - 1, on_disk, on_disk - 1)]
    assert [type(reader) for reader in readers] == [InMemoryImages, JpegImages, JpegImages, StoredImages]
    for row, key in enumerate(keys):
        expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(store.read(key), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        for reader in readers:
            assert reader.side == SIDE
            np.testing.assert_array_equal(reader.face(row), expected)


def test_faces_take_a_quarter_of_the_memory_of_each_worker(store: FaceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_module, "memory_bytes", lambda: 8 * DECODED)
    keys = store.keys()
    for workers, kind in (("1", InMemoryImages), ("2", InMemoryImages), ("3", JpegImages), ("4000", StoredImages)):
        monkeypatch.setenv("AGEREPRO_WORKERS", workers)
        assert isinstance(image_reader(store, keys, SIDE), kind)


def test_a_face_that_is_no_picture_is_told(tmp_path: Path) -> None:
    with StoreWriter(tmp_path) as writer:
        writer.append("broken", b"no picture")
    for memory in (10**6, 0):
        with pytest.raises(UserError, match="cannot be decoded"):
            image_reader(FaceStore(tmp_path), ["broken"], SIDE, memory=memory).face(0)
