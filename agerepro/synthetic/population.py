"""Who is drawn for a data set, at which ages, and the ground truth that is kept of it."""

from __future__ import annotations

import csv
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import cv2
import numpy as np

from agerepro.io import atomic_write, write_bytes
from agerepro.synthetic.camera import encode
from agerepro.synthetic.person import NUISANCE, Scene, draw_person, draw_scene
from agerepro.synthetic.renderer import LANDMARKS, Shot, aim, render, render_empty

_CHUNK = 24  # photos a task: long enough to hide the pipe, short enough to see progress
TRUTH = "synthetic-truth.csv"
COLUMNS = (
    "photo",  # path relative to the data set's folder
    "person",  # number of the person in its world
    "age",  # true years, as drawn
    "label_age",  # whole years that the data set's labels say; empty when they say none
    "gender",  # m or f, as drawn
    "kind",  # of label noise, empty for none
    "left", "top", "right", "bottom",  # the true face, pixels; empty when no face was drawn
    *(f"{name}_{axis}" for name in LANDMARKS for axis in "xy"),  # pixels; "left" is the one at smaller x
)  # fmt: skip
# People photographed as children: far more than in the real sets, so that a few hundred photos show childhood too, which
# the target of the cascade, FG-NET, is mostly about.
CHILDREN = 0.4

# First person of each data set; IMDB and AgeDB share some on purpose (see `plan_agedb`).
FIRST_PERSON = {
    "imdb": 0, "agedb": 1_000_000, "fgnet": 2_000_000, "vggface2": 3_000_000, "wiki": 4_000_000, "adience": 5_000_000, "own": 6_000_000,
    "utkface": 7_000_000, "morph": 8_000_000, "appareal": 9_000_000, "clap2015": 10_000_000, "aadb": 11_000_000,
}  # fmt: skip
_SALT = {name: 100 + place for place, name in enumerate(FIRST_PERSON)}


@dataclass(frozen=True)
class PhotoSubject:
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
    subject: PhotoSubject
    kind: str = ""  # of label noise; "" for none
    label_age: float = float("nan")  # whole years that the data set's own labels say
    behind: PhotoSubject | None = None  # a second face
    empty: bool = False  # nobody is drawn


@dataclass(frozen=True)
class GroundTruth:
    """A photo and the geometry of its face; None where nobody was drawn."""

    photo: Photo
    gender: str
    shot: Shot | None


@dataclass(frozen=True)
class DrawingPlan:
    """The pictures of a data set, and what writes its other files once their truth is known."""

    photos: Sequence[Photo]
    write_labels: Callable[[Path, Sequence[GroundTruth]], None]


def draw(photo: Photo) -> bytes:
    """The JPEG of a photo."""
    subject = photo.subject
    if photo.empty:
        return encode(render_empty(subject.scene, photo.size), subject.scene.quality)
    other = photo.behind
    behind = None if other is None else (draw_person(other.seed, other.number), other.age, other.scene)
    drawn = render(draw_person(subject.seed, subject.number), subject.age, subject.scene, photo.size, behind=behind)
    return encode(drawn.image, subject.scene.quality)


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


def ground_truth(photos: Iterable[Photo]) -> list[GroundTruth]:
    """The truth about photos, without drawing them."""
    truths = []
    for photo in photos:
        person = draw_person(photo.subject.seed, photo.subject.number)
        shot = None if photo.empty else aim(person, photo.subject.age, photo.subject.scene, photo.size)
        truths.append(GroundTruth(photo, person.sex, shot))
    return truths


def write_truth(root: Path, rows: Sequence[GroundTruth]) -> Path:
    """Write the truth table of a data set."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(_row(row) for row in rows)

    return atomic_write(root / TRUTH, write)


def draws_for(name: str, seed: int, *what: int) -> np.random.Generator:
    """The random numbers of one thing in a data set, apart from everything else's."""
    return np.random.default_rng([_SALT[name], seed, *what])


def photo_subject(name: str, seed: int, number: int, age: float, photo: int) -> PhotoSubject:
    """Person `number` at `age` (years) with the nuisance of data set `name` in its photo number `photo`."""
    return PhotoSubject(seed, number, age, draw_scene(NUISANCE[name], draw_person(seed, number), age, draws_for(name, seed, 1, photo)))


def person_name(number: int) -> str:
    """A name that nobody bears; equal numbers, equal names in every data set."""
    return f"Synthetic Person {number:04d}"


def spread(people: int, photos: int) -> list[int]:
    """Which of `people` is on each of `photos` pictures, person by person, as evenly as it goes."""
    return sorted(index % people for index in range(photos))


def within(value: float, low: float, high: float) -> float:
    """A value brought into low..high by reflection, which keeps a distribution's shape better than clipping."""
    width = high - low
    away = (value - low) % (2 * width)
    return low + (away if away <= width else 2 * width - away)


def middle_age(draw: np.random.Generator, mean: float, spread_people: float) -> float:
    """Years around which the photos of one person lie: normal, or childhood for a share of CHILDREN."""
    adult, child = draw.normal(mean, spread_people), draw.uniform(0, 20)
    return float(child if draw.random() < CHILDREN else adult)


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


def _row(row: GroundTruth) -> list[str]:
    photo, shot = row.photo, row.shot
    label = "" if photo.label_age != photo.label_age else f"{photo.label_age:g}"
    places = [""] * 14 if shot is None else [f"{value:.2f}" for value in (*shot.box, *shot.landmarks.ravel())]
    return [photo.path, str(photo.subject.number), f"{photo.subject.age:.3f}", label, row.gender, photo.kind, *places]
