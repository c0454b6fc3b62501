"""Photos drawn to disk by several processes, each whole or absent; what is there already is not drawn again."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import cv2

from agerepro.datasets.synthetic.film import encode
from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.render import render, render_empty
from agerepro.datasets.synthetic.scene import Scene
from agerepro.files import write_bytes

_CHUNK = 24  # photos a task: long enough to hide the pipe, short enough to see progress


@dataclass(frozen=True)
class Sitter:
    """Who stands before the camera, how old, and how."""

    seed: int  # the world
    number: int  # the person in it
    age: float  # years
    scene: Scene


@dataclass(frozen=True)
class Photo:
    """One picture to draw."""

    path: str  # relative to the data set's folder, with /
    size: int  # side, pixels
    sitter: Sitter
    kind: str = ""  # of label noise; "" for none
    label_age: float = float("nan")  # whole years that the data set's own labels say
    behind: Sitter | None = None  # a second face
    empty: bool = False  # nobody is drawn


def draw(photo: Photo) -> bytes:
    """The JPEG of a photo."""
    sitter = photo.sitter
    if photo.empty:
        return encode(render_empty(sitter.scene, photo.size), sitter.scene.quality)
    other = photo.behind
    behind = None if other is None else (draw_person(other.seed, other.number), other.age, other.scene)
    drawn = render(draw_person(sitter.seed, sitter.number), sitter.age, sitter.scene, photo.size, behind=behind)
    return encode(drawn.image, sitter.scene.quality)


def draw_all(root: Path, photos: Sequence[Photo], *, jobs: int, on_progress: Callable[[int, int], None]) -> None:
    """Draw every photo that is not in `root` yet with `jobs` processes; the bytes are the same for any number of them."""
    missing = [photo for photo in photos if not (root / photo.path).exists()]
    for folder in sorted({(root / photo.path).parent for photo in missing}):
        folder.mkdir(parents=True, exist_ok=True)
    chunks = [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]
    done, total = len(photos) - len(missing), len(photos)
    on_progress(done, total)
    for count in _drawn_chunks(root, chunks, jobs):
        done += count
        on_progress(done, total)


def _drawn_chunks(root: Path, chunks: Sequence[Sequence[Photo]], jobs: int) -> Iterable[int]:
    jobs = min(jobs, len(chunks))
    if jobs <= 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            for chunk in chunks:
                yield _draw_chunk(root, chunk)
        finally:
            cv2.setNumThreads(threads)
        return
    # Fresh processes (spawn): a forked TensorFlow or OpenCV may hang.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_start) as pool:
        tasks = [pool.submit(_draw_chunk, root, chunk) for chunk in chunks]
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _draw_chunk(root: Path, photos: Sequence[Photo]) -> int:
    for photo in photos:
        write_bytes(root / photo.path, draw(photo))
    return len(photos)


def _start() -> None:
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:  # a parent that was killed cannot say goodbye; its workers would wait for ever
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
