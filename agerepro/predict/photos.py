"""One's own photo files as face crops: found, decoded, detected, or recognised as tight crops."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from agerepro.config.schema import Faces
from agerepro.errors import UserError
from agerepro.faces.alignment import (
    MEAN_FACE,
    POINTS,
    SIDES,
    Cropped,
    Detect,
    Spread,
    apply,
    crop_detected,
    crop_whole,
    scaled,
    similarity,
    with_margin,
)
from agerepro.faces.decode import PICTURE_ENDINGS, DecodeError, decode, downscale
from agerepro.faces.detection import Detection
from agerepro.io import printable
from agerepro.runs.layout import Run
from agerepro.splits.protocols import TEST
from agerepro.tables import PHOTOS, read_table

Which = Literal["all", "largest"]
BATCH = 16  # photos in memory together; one of 89 megapixels takes a quarter GiB
THREADS = 4
# Ours. On 547 head-and-shoulder portraits of 225 x 275 pixels (`congress`) nobody is warned of, with five points at a margin of
# 0.25 and with level eyes at 0.2 or 0.4; with 0.05 in place of 0.15, 233 were at 0.4.
LARGEST_FACE = 0.5  # share of the picture that the face's box takes
SIDES_OUT = 3
BEYOND = 0.15  # of the crop's side: less than this outside the picture does not count as a side


@dataclass(frozen=True)
class PhotoFiles:
    """Paths to look at, in order, each once; and the files in folders that are no pictures by their ending."""

    photos: tuple[Path, ...]
    ignored: tuple[Path, ...]


def photo_files(places: Sequence[Path]) -> PhotoFiles:
    """Files as named, whatever they are called, and all pictures below the folders, sorted; hidden files are passed over.

    Links to folders are not followed. Raises UserError for a place that does not exist, and when no photo is left.
    """
    photos: dict[Path, None] = {}
    ignored: list[Path] = []
    for place in places:
        if place.is_dir():
            for path in _files_below(place):
                if path.suffix.lower() in PICTURE_ENDINGS:
                    photos[path] = None
                else:
                    ignored.append(path)
        elif os.path.lexists(place):
            photos[place] = None
        else:
            raise UserError(f"There is no photo or folder {printable(str(place))}. Name files, or folders with pictures in them.")
    if not photos:
        named = printable(", ".join(map(str, places)))
        raise UserError(f"No picture lies in {named} ({len(ignored)} other files). Pictures end in {', '.join(PICTURE_ENDINGS)}.")
    return PhotoFiles(tuple(photos), tuple(ignored))


def _files_below(folder: Path) -> list[Path]:
    paths = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(where) / name for name in sorted(names) if not name.startswith(".")]
    return paths


@dataclass(frozen=True)
class PhotoFaces:
    """What became of a photo: crops (one without an image where faces are dropped), or why it could not be read."""

    path: Path
    crops: tuple[Crop, ...] = ()
    unreadable: str = ""


@dataclass(frozen=True)
class Crop:
    """A face's crop with its facts [FACES], coordinates in pixels of the upright photo, and what to warn about."""

    cropped: Cropped
    warnings: tuple[str, ...]


def find_faces(
    photos: Sequence[Path], settings: Faces, *, which: Which, detect: Detect, on_progress: Callable[[int, int], object]
) -> list[PhotoFaces]:
    """One result a photo, in order. `on_progress(count, total)` is called after every batch."""
    faces: list[PhotoFaces] = []
    with ThreadPoolExecutor(THREADS) as pool, warnings.catch_warnings():
        # Pillow warns of pictures that `decode` refuses by its own limit.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for start in range(0, len(photos), BATCH):
            paths = photos[start : start + BATCH]
            contents = list(pool.map(_read, paths))
            pixels = [content for content in contents if not isinstance(content, str)]
            crops = iter(crops_of(pixels, settings, which=which, detect=detect, spread=pool.map) if pixels else [])
            for path, content in zip(paths, contents):
                faces.append(PhotoFaces(path, unreadable=content) if isinstance(content, str) else PhotoFaces(path, tuple(next(crops))))
            on_progress(len(faces), len(photos))
    return faces


def crops_of(photos: Sequence[np.ndarray], settings: Faces, *, which: Which, detect: Detect, spread: Spread) -> list[list[Crop]]:
    """The crops of each photo's faces, largest first: the first is the one that a run of these settings takes.

    photos: RGB uint8 (height, width, 3) of any sizes. Where no face is found there is one crop, of what `settings.no_face` says:
    the whole photo (status `no_face`), or nothing (status `dropped`, no image). `detect` is Detector.detect; `spread` maps a
    function over lists, in threads if it likes.
    """
    if settings.boxes == "whole_image":
        return [[Crop(crop_whole(photo, settings), ())] for photo in photos]
    small = [downscale(photo) for photo in photos]
    detected = detect([pixels for pixels, _ in small], smallest_face=settings.smallest_face)
    # Stable, so that of equal faces the one with the better score comes first, as in training.
    ranked = [sorted(faces, key=lambda face: -face.area)[: 1 if which == "largest" else None] for faces in detected]
    faces_to_crop: list[tuple[int, list[Detection]]] = [(n, [face]) for n, faces in enumerate(ranked) for face in faces]
    faces_to_crop += [(n, []) for n, faces in enumerate(ranked) if not faces]
    results = crop_detected(
        [small[n][0] for n, _ in faces_to_crop],
        [None] * len(faces_to_crop),
        settings,
        detect=_detect_once([faces for _, faces in faces_to_crop], detect),
        spread=spread,
    )
    crops: list[list[Crop]] = [[] for _ in photos]
    for (n, _), cropped in zip(faces_to_crop, results, strict=True):
        pixels, factor = small[n]
        warnings = is_tight_crop(cropped.facts, settings, shape=pixels.shape)
        counted = dataclasses.replace(cropped, facts={**cropped.facts, "found": len(detected[n])})
        crops[n].append(Crop(scaled(counted, factor), warnings))
    return crops


def _detect_once(first: list[list[Detection]], detect: Detect) -> Detect:
    """A detector that gives `first` once, without looking, and then looks itself, for the second pass."""
    results = [first]

    def detect_next(photos: Sequence[np.ndarray], **options: Any) -> list[list[Detection]]:
        return results.pop() if results else detect(photos, **options)

    return detect_next


def is_tight_crop(facts: dict[str, Any], settings: Faces, *, shape: tuple[int, ...]) -> tuple[str, ...]:
    """At most one warning. facts: the columns of a FACES row, in pixels of a photo of this shape; none without a face."""
    if facts["status"] != "ok":
        return ()
    height, width = shape[:2]
    left, top, right, bottom = (float(facts[side]) for side in SIDES)
    share = (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0)) / (width * height)
    region = _region(facts, settings)
    side = max(region[2] - region[0], region[3] - region[1])
    beyond = np.array([-region[0], -region[1], region[2] - width, region[3] - height]) / side
    sides_out = int((beyond > BEYOND).sum())
    if share >= LARGEST_FACE:
        return (f"seems to be a tight crop already: the face takes {share:.0%} of the picture",)
    if sides_out >= SIDES_OUT:
        return (f"seems to be a tight crop already: the crop reaches out of the picture on {sides_out} sides",)
    return ()


def _region(facts: dict[str, Any], settings: Faces) -> tuple[float, ...]:
    """Left, top, right and bottom of what the run's crop shows, whether the photo has it or not."""
    if settings.align == "five_points":
        points = np.array([[facts[f"{name}_x"], facts[f"{name}_y"]] for name in POINTS])
        matrix = similarity(points, (MEAN_FACE + settings.margin) / (1 + 2 * settings.margin))
        corners = apply(cv2.invertAffineTransform(matrix), np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float))
        return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    left, top, right, bottom = (float(facts[side]) for side in SIDES)
    return with_margin((left, top, right, bottom), settings.margin, shape=(0, 0), border="repeat")


@dataclass(frozen=True)
class TrainingOverlap:
    """The file names of a run's own photos, and the folds that test each.

    A run folder keeps paths and no digests of photos, so a copy under another name is not recognised, and a stranger's photo of
    the same name is. Photos of earlier stages are not listed in it at all.
    """

    tested_in: dict[str, frozenset[int]]

    def warnings(self, path: Path, folds: Sequence[int]) -> tuple[str, ...]:
        """At most one warning: which of these folds have the photo among those that they were trained or chosen by."""
        tested = self.tested_in.get(printable(path.name).lower())
        if tested is None or not (trained := [fold for fold in folds if fold not in tested]):
            return ()
        instead = f"; tested by fold {', '.join(map(str, sorted(tested)))}" if tested else ""
        return (f"a photo of this name trained fold {', '.join(map(str, trained))}: its estimate is too good{instead}",)


def training_overlap(run: Run) -> TrainingOverlap:
    """Read the run's photos and folds."""
    photos, table = read_table(run.folder / "photos.csv", PHOTOS), run.folds()
    tested: dict[str, set[int]] = defaultdict(set)
    for fold, photo in table.loc[table["part"] == TEST, ["fold", "photo"]].itertuples(index=False):
        tested[photo].add(int(fold))
    named: dict[str, set[int]] = defaultdict(set)
    for photo, path in zip(photos["photo"], photos["path"]):
        named[PurePosixPath(path.replace("\\", "/")).name.lower()] |= tested[photo]
    return TrainingOverlap({name: frozenset(folds) for name, folds in named.items()})


def _read(path: Path) -> np.ndarray | str:
    """Upright RGB pixels, or why there are none."""
    try:
        return decode(path.read_bytes())
    except DecodeError as error:
        return error.reason
    except OSError as error:
        return f"cannot be read: {error.strerror}"
