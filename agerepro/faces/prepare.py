"""A data set by name -> its usable faces: read, cleaned, aligned, stored, named by a digest."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.loading import to_dict
from agerepro.config.schema import Faces
from agerepro.datasets import catalog
from agerepro.errors import UserError
from agerepro.faces.alignment import SIDES, Box, Cropped, crop_boxed, crop_detected, nothing, scaled, scaled_box
from agerepro.faces.decode import DecodeError, MissingDecoderError, decode, downscale
from agerepro.faces.detection import detector
from agerepro.faces.images import ImageReader, image_reader
from agerepro.faces.store import SHARD_BYTES, FaceStore, StoreWriter
from agerepro.io import config_hash, digest_of_bytes, write_json
from agerepro.synthetic.writers import is_drawn
from agerepro.tables import FACES, PHOTOS, coerce, write_table

ALIGNMENT = 1  # raise it when the same photo and settings give another crop than before
BATCH = 64  # photos decoded together; two batches are in memory at a time
THREADS = 4

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class FaceDataset:
    """The faces of one data set under one alignment; a row of `photos` is a row of every array made from it."""

    name: str
    photos: pd.DataFrame  # PHOTOS columns plus `image`, the key in the store
    store: FaceStore
    side: int
    digest: str
    funnel: dict[str, Any]  # what was read, cleaned and skipped, and what became of the faces

    def pixels(self) -> ImageReader:
        """The faces, decoded once when they fit in memory."""
        return image_reader(self.store, list(self.photos["image"]), self.side)

    def rows(self, photos: set[str]) -> np.ndarray:
        """Row numbers of these photos, in the table's order."""
        return np.flatnonzero(self.photos["photo"].isin(photos).to_numpy())

    def without(self, people: set[str]) -> FaceDataset:
        """The same faces less those of `people`."""
        photos = self.photos.loc[~self.photos["subject"].isin(people)].reset_index(drop=True)
        return FaceDataset(
            self.name, photos, self.store, self.side, content_digest(photos), {**self.funnel, "shared_people_dropped": len(people)}
        )


def prepare_faces(
    name: str, *, data: Path, faces: Faces, group_labels: str, folder: Path, on_progress: Callable[[str, int, int], None]
) -> FaceDataset:
    """Read `data`/<name>, align every photo, and keep the crops and the tables under `folder`.

    on_progress(name, done, total) is called while faces are cropped. Raises UserError when nothing usable is left.
    """
    photos = catalog.read(name, data, group_labels=group_labels)
    root = catalog.folder_of(name, data)
    aligned = align_photos(photos.table, root, faces, folder, on_progress=lambda done, total: on_progress(name, done, total))
    table = photos.table.merge(aligned[["photo", "image"]], on="photo", how="left", validate="one_to_one")
    usable = table.loc[table["image"].fillna("") != ""].sort_values("photo", ignore_index=True)
    if usable.empty:
        why = ", ".join(f"{count:,} {status}" for status, count in _statuses(aligned).items())
        raise UserError(
            f"No usable face is left of the {len(aligned):,} photos of {name} in {root}: {why}. "
            f"See `agerepro data verify {name} --root {shlex.quote(str(data))}`."
        )
    funnel = {
        "read": [{"step": step.name, "kept": step.kept, "removed": step.removed} for step in photos.funnel],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in photos.skipped],
        "faces": counts(aligned),
        "settings": to_dict(faces),
        "shortfall": _shortfall(name, root, aligned, group_labels),
    }
    store = store_folder(photos.table, faces, folder)
    write_json(store.parent / "funnel.json", funnel)
    return FaceDataset(name, usable, FaceStore(store), faces.size, content_digest(usable), funnel)


def content_digest(photos: pd.DataFrame) -> str:
    """Names the labels and pixels of a table of faces: `image` is itself a digest of photo bytes and alignment."""
    columns = ["photo", "subject", "age", "age_std", "group", "split", "image"]
    return config_hash(photos[columns].astype(str).to_numpy().tolist())


def align_photos(photos: pd.DataFrame, root: Path, settings: Faces, folder: Path, *, on_progress: Progress) -> pd.DataFrame:
    """The faces table of a photos table, in its order; crops lie in `FaceStore(store_folder(...))`.

    Photos are found under `root`. What the store already has under these settings is read but not aligned again, wherever
    the photo lies. `on_progress(done, total)` is called after every batch. The table is written too, as `faces.csv` beside
    the store: it describes the root that was aligned last. Raises UserError when the photos are of no or of several data
    sets; what is wrong with a single photo becomes its row's status and reason.
    """
    photos = coerce(photos, PHOTOS)
    target = store_folder(photos, settings, folder)
    store = FaceStore(target)
    records = photos[["photo", "path", *SIDES, "cropped_margin"]].to_dict("records")
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(THREADS) as pool, StoreWriter(target, shard_bytes=SHARD_BYTES) as writer:
        for jobs in _read_ahead(pool, records, lambda record: _read(record, root, settings, store)):
            for job, cropped in zip(jobs, _crop(pool, jobs, settings)):
                if job.key and not job.stored:
                    writer.append(job.key, cropped.image, cropped.facts)
                rows.append({"photo": records[len(rows)]["photo"], **cropped.facts, "image": job.key if cropped.image else ""})
            on_progress(len(rows), len(records))
    faces = coerce(pd.DataFrame(rows), FACES)
    write_table(target.parent / "faces.csv", faces, FACES)
    return faces


def store_folder(photos: pd.DataFrame, settings: Faces, folder: Path) -> Path:
    """Where `align_photos` keeps the crops of this data set under these settings: `folder/<dataset>-<digest>/store`."""
    names = sorted({photo.partition("/")[0] for photo in photos["photo"]})
    if len(names) != 1:
        raise UserError(f"Photos of one data set can be aligned at a time; these are of {', '.join(names) or 'none'}.")
    return folder / f"{names[0]}-{config_hash(_settings(settings))}" / "store"


def counted_as(status: str, reason: str) -> str:
    """What `counts` calls photos of this status and reason: `ok (box of the source)`."""
    return f"{status} ({reason.partition(':')[0]})" if reason else status


def counts(faces: pd.DataFrame) -> dict[str, int]:
    """How many photos of a faces table went which way, for printing: totals first, then every status with its reason."""
    totals = {"photos": len(faces), "crops": int((faces["image"] != "").sum()), "several faces": int((faces["found"] > 1).sum())}
    return totals | _statuses(faces)


def _statuses(faces: pd.DataFrame) -> dict[str, int]:
    return dict(sorted(Counter(counted_as(status, reason) for status, reason in zip(faces["status"], faces["reason"])).items()))


def _shortfall(name: str, root: Path, aligned: pd.DataFrame, group_labels: str) -> str:
    """What a copy lacks of the published set, "" for a drawn one. A photo without a face is there: the settings say what becomes of it."""
    if is_drawn(root):
        return ""
    return catalog.shortfall(catalog.card(name), int((aligned["status"] != "unreadable").sum()), group_labels=group_labels)


@dataclass(frozen=True)
class AlignJob:
    """One photo as read: its key in the store ("" without bytes), and either its crop or the pixels to make it from."""

    key: str
    box: Box | None
    cropped: Cropped | None = None
    pixels: np.ndarray | None = None
    factor: float = 1.0  # pixels of the photo per pixel of `pixels`
    stored: bool = False


def _settings(settings: Faces) -> dict[str, Any]:
    return {"alignment": ALIGNMENT, **dataclasses.asdict(settings)}


def _read_ahead(pool: ThreadPoolExecutor, records: list[dict], read: Callable[[dict], AlignJob]) -> Iterator[list[AlignJob]]:
    """Batches of jobs; the next batch is read and decoded while the caller works on this one."""
    pending = [pool.submit(read, record) for record in records[:BATCH]]
    for start in range(BATCH, len(records) + BATCH, BATCH):
        following = [pool.submit(read, record) for record in records[start : start + BATCH]]
        yield [job.result() for job in pending]
        pending = following


def _read(record: dict[str, Any], root: Path, settings: Faces, store: FaceStore) -> AlignJob:
    box, margin = _box(record), record["cropped_margin"]
    try:
        content = _content(root, record["path"])
    except DecodeError as error:
        return AlignJob("", box, nothing("unreadable", error.reason))
    key = config_hash({"photo": digest_of_bytes(content), "box": box, **_margin_key(margin), **_settings(settings)})
    if key in store:
        return AlignJob(key, box, Cropped(store.read(key), store.facts(key)), stored=True)
    try:
        pixels = decode(content)
    except MissingDecoderError as error:  # not stored: it may be readable tomorrow
        return AlignJob("", box, nothing("unreadable", error.reason))
    except DecodeError as error:
        return AlignJob(key, box, nothing("unreadable", error.reason))
    height, width = pixels.shape[:2]
    if _margin_key(margin):
        inner = margin / (1 + 2 * margin)
        box = (inner * width, inner * height, (1 - inner) * width, (1 - inner) * height)
    if box is not None and settings.boxes == "source_first" and settings.align == "eyes_level":
        if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
            return AlignJob(key, box, nothing("unreadable", f"the source's box lies outside the photo: {box} in {width}x{height}"))
        return AlignJob(key, box, crop_boxed(pixels, box, settings))
    reduced, factor = downscale(pixels)
    return AlignJob(key, box, pixels=reduced, factor=factor)


def _crop(pool: ThreadPoolExecutor, jobs: list[AlignJob], settings: Faces) -> list[Cropped]:
    waiting = [(job.pixels, job.box, job.factor) for job in jobs if job.pixels is not None]
    crops: list[Cropped] = []
    if waiting:
        boxes = [None if box is None else scaled_box(box, 1 / factor) for _, box, factor in waiting]
        crops = crop_detected([pixels for pixels, _, _ in waiting], boxes, settings, detect=detector().detect, spread=pool.map)
    results = iter([scaled(cropped, factor) for cropped, (_, _, factor) in zip(crops, waiting)])
    return [job.cropped if job.cropped is not None else next(results) for job in jobs]


def _content(root: Path, path: str) -> bytes:
    """The bytes of a photo; a path that could leave the root is refused (links that the user has placed are followed)."""
    parts = PurePath(path.replace("\\", "/"))
    if not path or parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise DecodeError(f"path leaves the data set's folder: {path!r}")
    try:
        return (root / path).read_bytes()
    except FileNotFoundError:
        raise DecodeError("missing file") from None
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}") from None


def _margin_key(margin: float) -> dict[str, float]:
    """What a crop's own margin adds to the key of a face; nothing for whole photos."""
    return {"cropped_margin": margin} if math.isfinite(margin) else {}


def _box(record: dict[str, Any]) -> Box | None:
    box = tuple(float(record[side]) for side in SIDES)
    usable = all(math.isfinite(value) for value in box) and box[2] > box[0] and box[3] > box[1]
    return (box[0], box[1], box[2], box[3]) if usable else None
