"""Prints how fast faces come to a network that takes no time, and how fast their warps are drawn: `python benchmarks/pipeline.py`.

Drawn pictures of 256 pixels, stored as JPEG, are loaded at 224 as training does, in each of the three ways of keeping them; beside
each stands the plain view that validation, test and features load. Draws: the table of an epoch beside one generator a photo.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from agerepro.config.schema import Augment
from agerepro.faces.images import ImageReader, InMemoryImages, JpegImages, StoredImages, image_reader
from agerepro.faces.store import FaceStore, StoreWriter
from agerepro.machine import loading_threads
from agerepro.rng import rng_for, uniforms
from agerepro.training.augment import DRAWS, PLAIN, AugmentedFaces, random_matrices
from agerepro.training.loading import load_batches
from agerepro.training.pipeline import Examples, training_batches

BATCH = 32


def main() -> None:
    """Store, load and draw; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--side", type=int, default=256, help="side of a stored face, pixels (default: 256)")
    parser.add_argument("--size", type=int, default=224, help="side of the network's input, pixels (default: 224)")
    parser.add_argument("--threads", type=int, default=loading_threads(), help="loading threads (default: processors)")
    options = parser.parse_args()
    keys, augment = [f"imdb/{number:06d}.jpg" for number in range(options.faces)], Augment(size=options.size)
    with tempfile.TemporaryDirectory() as folder:
        pictures = [_jpeg(number, options.side) for number in range(200)]
        with StoreWriter(Path(folder)) as writer:
            for number, key in enumerate(keys):
                writer.append(key, pictures[number % len(pictures)])
        store = FaceStore(Path(folder))
        readers: dict[str, ImageReader] = {
            "decoded": image_reader(store, keys, options.side, memory=1 << 60),
            "JPEG in memory": JpegImages([store.read(key) for key in keys], options.side),
            "from the store": StoredImages(store, keys, options.side),
        }
        assert isinstance(readers["decoded"], InMemoryImages)
        for name, reader in readers.items():
            source = AugmentedFaces(reader, keys, augment, ("benchmark",))
            epoch = options.faces / _seconds(partial(_train, source, options.faces, options.threads))
            plain = options.faces / _seconds(partial(_look, source, options.faces, options.threads))
            alone = options.faces / _seconds(partial(_look, source, options.faces, 1))
            print(
                f"{name}: {epoch:,.0f} images a second of a training epoch, {plain:,.0f} of the plain view with {options.threads} threads "
                f"({plain / alone:.2f} times one thread ahead)"
            )
        one = _seconds(lambda: [rng_for("warp", "benchmark", 0, key).random(DRAWS) for key in keys]) / options.faces
        table = _seconds(lambda: random_matrices(uniforms(("warp", "benchmark", 0), keys, DRAWS), augment, options.side)) / options.faces
        print(
            f"draws: {1e6 * one:.1f} us with a generator a photo, {1e6 * table:.2f} us with its matrix in a table: {one / table:.0f} times"
        )


def _jpeg(number: int, side: int) -> bytes:
    """A file as large as a crop of a face: smooth, with the grain of a camera."""
    draw = np.random.default_rng(number)
    smooth = cv2.resize(draw.integers(0, 256, (12, 12, 3), np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    grain = draw.integers(-6, 7, smooth.shape)
    return cv2.imencode(".jpg", np.clip(smooth + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def _train(source: AugmentedFaces, faces: int, threads: int) -> None:
    examples = Examples(source, np.arange(faces), np.zeros(faces, np.float32), np.ones(faces, np.float32))
    with training_batches(examples, batch=BATCH, epochs=range(1), rng_key=("benchmark",), threads=threads) as dataset:
        for _ in dataset:
            pass


def _look(source: AugmentedFaces, faces: int, threads: int) -> None:
    for _ in load_batches(source, ((np.arange(at, min(at + BATCH, faces)), PLAIN) for at in range(0, faces, BATCH)), threads=threads):
        pass


def _seconds(task: Callable[[], object]) -> float:
    """The least of three tries, after one that is not counted."""
    tries = []
    for _ in range(4):
        began = time.perf_counter()
        task()
        tries.append(time.perf_counter() - began)
    return min(tries[1:])


if __name__ == "__main__":
    main()
