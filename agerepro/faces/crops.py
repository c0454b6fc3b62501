"""Photos -> face crops in a store: every photo read, its face found, levelled and cut out; what is there already is kept."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.schema import Faces
from agerepro.errors import UserError
from agerepro.faces.alignment import SIDES, Box, Cropped, crop_boxed, crop_detected, crop_whole, nothing, scaled, scaled_box
from agerepro.faces.decode import DecodeError, MissingDecoderError, decode, downscale
from agerepro.faces.detection import detector
from agerepro.faces.store import SHARD_BYTES, FaceStore, StoreWriter, set_aside
from agerepro.io import config_hash, digest_of_bytes
from agerepro.stopping import interrupt, stop_requested
from agerepro.tables import FACES, PHOTOS, coerce

ALIGNMENT = 1  # raise it when the same photo and settings give another crop than before
BATCH = 64  # photos decoded together; two batches are in memory at a time
THREADS = 4

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class SourceFile:
    """What a photo's file was when it was last read: size in bytes, time of its last change in ns, SHA-256 of its bytes."""

    size: int
    changed: int
    digest: str


def align_photos(
    photos: pd.DataFrame,
    root: Path,
    settings: Faces,
    folder: Path,
    *,
    on_progress: Progress,
    sources: dict[str, SourceFile] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> pd.DataFrame:
    """The faces table of a photos table, in its order; crops lie in `FaceStore(store_folder(...))`.

    Photos are found under `root`. What the store already has under these settings is not aligned again, wherever the photo lies.
    sources: what is known of files by their paths; one of the same size and time is not read again, and what is read is noted there.
    `on_progress(done, total)` is called after every batch, when what it has aligned may be lost by a kill, but not by a request to
    stop (Interrupted). Raises UserError when the photos are of no or of several data sets; what is wrong with a single photo
    becomes its row's status and reason; damaged shards of the store are set aside and said.
    """
    photos = coerce(photos, PHOTOS)
    sources = {} if sources is None else sources
    target = store_folder(photos, settings, folder)
    store = FaceStore(target)
    for shard in store.damaged:
        say(f"{shard} is damaged: it is set aside as {set_aside(shard).name}, and its photos are aligned again.")
    records = photos[["photo", "path", *SIDES, "cropped_margin"]].to_dict("records")
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(THREADS) as pool, StoreWriter(target, shard_bytes=SHARD_BYTES) as writer:
        for jobs in _read_ahead(pool, records, lambda record: _read(record, root, settings, store, sources)):
            for job, cropped in zip(jobs, _crop(pool, jobs, settings)):
                if job.key and not job.stored:
                    writer.append(job.key, cropped.image, cropped.facts)
                if job.source is not None:
                    sources[records[len(rows)]["path"]] = job.source
                rows.append({"photo": records[len(rows)]["photo"], **cropped.facts, "image": job.key if cropped.image else ""})
            on_progress(len(rows), len(records))
            if stop_requested():
                writer.flush()
                raise interrupt(f"faces of {photos['photo'].iloc[0].partition('/')[0]}, {len(rows)} of {len(records)} photos")
    return coerce(pd.DataFrame(rows), FACES)


def store_folder(photos: pd.DataFrame, settings: Faces, folder: Path) -> Path:
    """Where `align_photos` keeps the crops of this data set under these settings: `folder/crops/<dataset>-<digest>`."""
    names = sorted({photo.partition("/")[0] for photo in photos["photo"]})
    if len(names) != 1:
        raise UserError(f"Photos of one data set can be aligned at a time; these are of {', '.join(names) or 'none'}.")
    return folder / "crops" / f"{names[0]}-{config_hash(alignment_settings(settings))}"


def counted_as(status: str, reason: str) -> str:
    """What `counts` calls photos of this status and reason: `ok (box of the source)`."""
    return f"{status} ({reason.partition(':')[0]})" if reason else status


def counts(faces: pd.DataFrame) -> dict[str, int]:
    """How many photos of a faces table went which way, for printing: totals first, then every status with its reason."""
    totals = {"photos": len(faces), "crops": int((faces["image"] != "").sum()), "several faces": int((faces["found"] > 1).sum())}
    return totals | statuses(faces)


def statuses(faces: pd.DataFrame) -> dict[str, int]:
    """How many photos of a faces table have each status, with its reason."""
    return dict(sorted(Counter(counted_as(status, reason) for status, reason in zip(faces["status"], faces["reason"])).items()))


@dataclass(frozen=True)
class AlignJob:
    """One photo as read: its key in the store ("" without bytes), and either its crop or the pixels to make it from."""

    key: str
    box: Box | None
    cropped: Cropped | None = None
    pixels: np.ndarray | None = None
    factor: float = 1.0  # pixels of the photo per pixel of `pixels`
    stored: bool = False
    source: SourceFile | None = None


def alignment_settings(settings: Faces) -> dict[str, Any]:
    """All that a crop depends on besides its photo."""
    return {"alignment": ALIGNMENT, **dataclasses.asdict(settings)}


def _read_ahead(pool: ThreadPoolExecutor, records: list[dict], read: Callable[[dict], AlignJob]) -> Iterator[list[AlignJob]]:
    """Batches of jobs; the next batch is read and decoded while the caller works on this one."""
    pending = [pool.submit(read, record) for record in records[:BATCH]]
    for start in range(BATCH, len(records) + BATCH, BATCH):
        following = [pool.submit(read, record) for record in records[start : start + BATCH]]
        yield [job.result() for job in pending]
        pending = following


def _read(record: dict[str, Any], root: Path, settings: Faces, store: FaceStore, sources: Mapping[str, SourceFile]) -> AlignJob:
    box, margin = _box(record), record["cropped_margin"]

    def key_of(digest: str) -> str:
        return config_hash({"photo": digest, "box": box, **_margin_key(margin), **alignment_settings(settings)})

    try:
        path = _inside(root, record["path"])
        facts = path.stat()
        known = sources.get(record["path"])
        if known is not None and (known.size, known.changed) == (facts.st_size, facts.st_mtime_ns):
            key = key_of(known.digest)
            if key in store:
                return AlignJob(key, box, Cropped(store.read(key), store.facts(key)), stored=True, source=known)
        content = path.read_bytes()
    except FileNotFoundError:
        return AlignJob("", box, nothing("unreadable", "missing file"))
    except DecodeError as error:
        return AlignJob("", box, nothing("unreadable", error.reason))
    except OSError as error:
        return AlignJob("", box, nothing("unreadable", f"cannot be read: {error.strerror}"))
    source = SourceFile(facts.st_size, facts.st_mtime_ns, digest_of_bytes(content))
    return replace(_read_content(content, key_of(source.digest), box, margin, settings, store), source=source)


def _read_content(content: bytes, key: str, box: Box | None, margin: float, settings: Faces, store: FaceStore) -> AlignJob:
    if key in store:
        return AlignJob(key, box, Cropped(store.read(key), store.facts(key)), stored=True)
    try:
        pixels = decode(content)
    except MissingDecoderError as error:  # not stored: it may be readable tomorrow
        return AlignJob("", box, nothing("unreadable", error.reason))
    except DecodeError as error:
        return AlignJob(key, box, nothing("unreadable", error.reason))
    if settings.boxes == "whole_image":
        return AlignJob(key, None, crop_whole(pixels, settings))
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


def _inside(root: Path, path: str) -> Path:
    """Where a photo lies; DecodeError for a path that could leave the root (links that the user has placed are followed)."""
    parts = PurePath(path.replace("\\", "/"))
    if not path or parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise DecodeError(f"path leaves the data set's folder: {path!r}")
    return root / path


def _margin_key(margin: float) -> dict[str, float]:
    """What a crop's own margin adds to the key of a face; nothing for whole photos."""
    return {"cropped_margin": margin} if math.isfinite(margin) else {}


def _box(record: dict[str, Any]) -> Box | None:
    box = tuple(float(record[side]) for side in SIDES)
    usable = all(math.isfinite(value) for value in box) and box[2] > box[0] and box[3] > box[1]
    return (box[0], box[1], box[2], box[3]) if usable else None
