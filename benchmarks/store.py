"""Prints memory and speed of reading 170,000 stored faces as training does: `python benchmarks/store.py`.

IMDB has about that many after cleaning (koenig2019: 171,858). A few hundred drawn faces are repeated under 170,000 keys, so that
the files are as large as real ones; every face is read, decoded, warped and batched once, in a random order.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from agerepro.config.schema import Augment
from agerepro.faces.images import StoredImages
from agerepro.faces.store import FaceStore, StoreWriter
from agerepro.training.augment import AugmentedFaces
from agerepro.training.pipeline import Examples, training_batches


def main() -> None:
    """Write, open and read; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=170_000)
    parser.add_argument("--size", type=int, default=256, help="side of a stored face, pixels (default: 256)")
    parser.add_argument("--threads", type=int, default=2, help="loading threads (default: 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, keys = Path(folder), [f"face-{number:06d}" for number in range(options.faces)]
        images = _images(options.size)
        began = time.perf_counter()
        with StoreWriter(place) as writer:
            for number, key in enumerate(keys):
                writer.append(key, images[number % len(images)])
        written = time.perf_counter() - began
        size = sum(file.stat().st_size for file in place.iterdir()) / 1e9
        print(f"written: {options.faces:,} faces, {size:.1f} GB, {options.faces / written:,.0f} a second")
        began = time.perf_counter()
        store = FaceStore(place)
        print(f"opened, every checksum verified: {time.perf_counter() - began:.1f} s; {_memory()}")
        faces = AugmentedFaces(StoredImages(store, keys, options.size), keys, Augment(), ("benchmark",))
        rows = np.arange(options.faces)
        examples = Examples(faces, rows, np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32))
        began, read = time.perf_counter(), 0
        with training_batches(examples, batch=32, epochs=range(1), rng_key=("benchmark",), threads=options.threads) as dataset:
            for pixels, _, _ in dataset:
                read += len(pixels)
        seconds = time.perf_counter() - began
        print(f"read, decoded, warped and batched: {read:,} faces, {read / seconds:,.0f} a second; {_memory()}")


def _images(side: int) -> list[bytes]:
    """JPEG files of smooth random pictures, about as large as crops of faces."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(400):
        coarse = draw.integers(0, 256, (side // 8, side // 8, 3), np.uint8)
        picture = cv2.GaussianBlur(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), (0, 0), 3)
        noisy = np.clip(picture + draw.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
        found.append(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return found


def _memory() -> str:
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"


if __name__ == "__main__":
    main()
