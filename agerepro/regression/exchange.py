"""Features with their photos and folds as a folder of plain files: what passes between environments that share no Python.

`features.npy` (n, d) float32, `photos.csv` (a row a row of it), `folds.csv`, `meta.json`. NumPy reads it from Python 3.9 on without
TensorFlow, pandas or agerepro.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from agerepro.errors import CheckFailed, UserError
from agerepro.io import digest_of_file, finished_by, mark_damaged, work_folder, write_folder, write_json
from agerepro.tables import FOLDS, read_table, write_table

FEATURES, PHOTOS_FILE, FOLDS_FILE, META = "features.npy", "photos.csv", "folds.csv", "meta.json"
COLUMNS = ["photo", "subject", "age"]
PARTIAL, ROWS_DONE = "partial.npy", "partial.json"  # in the work folder of one that is not whole yet
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Exchange:
    """features (n, d) float32, read only as far as they are used; photos: columns photo, subject, age (years), row by row with them;
    folds: as a run's; meta: what they were made from."""

    features: np.ndarray
    photos: pd.DataFrame
    folds: pd.DataFrame
    meta: dict[str, Any]


@dataclass
class PartialExchange:
    """Features of `rows` photos that come block by block, kept beside `folder` until they are all there, with a note of how far they are.

    What a killed process noted is taken up again if it was made from the same (`made_by`) and is of the same shape. Blocks go to the file
    and are not kept: memory does not grow with the photos.
    """

    folder: Path
    rows: int
    columns: int
    made_by: str
    done: int = field(init=False)  # rows that are noted as written
    _file: BinaryIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self.done = self._noted()
        self._file = self.path.open("r+b" if self.done else "w+b")
        if not self.done:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype("<f4")), "fortran_order": False, "shape": (self.rows, self.columns)}
            np.lib.format.write_array_header_1_0(self._file, header)
        else:
            np.lib.format.read_magic(self._file)
            np.lib.format.read_array_header_1_0(self._file)
        self._begins = self._file.tell()

    @property
    def work(self) -> Path:
        """The folder of what is not whole yet."""
        return work_folder(self.folder)

    @property
    def path(self) -> Path:
        """The file that grows."""
        return self.work / PARTIAL

    def write(self, first: int, block: np.ndarray) -> None:
        """Put the features (m, columns) of the rows from `first` on into their place."""
        self._file.seek(self._begins + first * self.columns * 4)
        self._file.write(np.ascontiguousarray(block, "<f4").data)

    def save(self, done: int) -> None:
        """Flush to disk, then note that the first `done` rows are there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done = done
        write_json(self.work / ROWS_DONE, {"made_by": self.made_by, "rows": self.rows, "columns": self.columns, "done": done})

    def finish(self, photos: pd.DataFrame, folds: pd.DataFrame, meta: Mapping[str, Any]) -> None:
        """Make the folder whole; what was kept on the way goes."""
        self.save(self.rows)
        self.close()
        _write_whole(self.folder, lambda place: _link(self.path, place), photos, folds, {**meta, "made_by": self.made_by})
        (self.work / ROWS_DONE).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the file go; what was noted stays."""
        self._file.close()

    def _noted(self) -> int:
        try:
            note = json.loads((self.work / ROWS_DONE).read_text(encoding="utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0
        if (note.get("made_by"), note.get("rows"), note.get("columns")) != (self.made_by, self.rows, self.columns):
            return 0
        return int(note["done"]) if size >= note["done"] * self.columns * 4 else 0


def write_exchange(folder: Path, features: np.ndarray, photos: pd.DataFrame, folds: pd.DataFrame, meta: Mapping[str, Any]) -> Path:
    """The folder, whole; one that is there already and was made from the same is left alone.

    features: (n, d), written as float32 in blocks, so that a memory map of any size does; meta: what they were made from, its digest
    named `made_by`.
    """
    if is_made_by(folder, meta["made_by"]):
        return folder

    def write(place: Path) -> None:
        stored = np.lib.format.open_memmap(place / FEATURES, mode="w+", dtype=np.float32, shape=features.shape)
        for start in range(0, len(features), ROWS_AT_ONCE):
            stored[start : start + ROWS_AT_ONCE] = features[start : start + ROWS_AT_ONCE]
        stored.flush()

    _write_whole(folder, write, photos, folds, meta)
    return folder


def is_made_by(folder: Path, made_by: str) -> bool:
    """Whether the folder is there, whole, and was made from the same."""
    return finished_by(folder) == made_by


def read_exchange(folder: Path, *, verify: bool = True) -> Exchange:
    """Read such a folder. UserError where there is none, CheckFailed where a part of it is missing, damaged, or does not fit the others."""
    meta = read_meta(folder)
    try:
        photos = pd.read_csv(folder / PHOTOS_FILE, dtype={"photo": str, "subject": str, "age": float}, keep_default_na=False)[COLUMNS]
        features = np.load(folder / FEATURES, mmap_mode="r", allow_pickle=False)
        folds = read_table(folder / FOLDS_FILE, FOLDS)
    except FileNotFoundError as error:
        raise CheckFailed(f"{folder} lacks {error.filename}. `agerepro features` writes it anew.") from None
    except (OSError, ValueError, KeyError) as error:
        raise CheckFailed(f"{folder} cannot be read as exported features ({error}). `agerepro features` writes them anew.") from None
    if features.ndim != 2 or features.dtype != np.float32 or len(features) != len(photos):
        mark_damaged(folder)  # so that the next export makes it anew
        raise CheckFailed(
            f"{folder / FEATURES} is {features.dtype} of shape {features.shape}, for {len(photos)} photos: wanted is float32, a row each. "
            "`agerepro features` writes it anew."
        )
    if verify and digest_of_file(folder / FEATURES) != meta.get("features"):
        mark_damaged(folder)
        raise CheckFailed(f"{folder / FEATURES} is damaged: it is not what {META} says. `agerepro features` writes it anew.")
    return Exchange(features, photos, folds, meta)


def read_meta(folder: Path) -> dict[str, Any]:
    """meta.json of such a folder. UserError where it is missing or no JSON."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no exported features: {error.filename} is missing. `agerepro features` writes them.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot be read as exported features ({error}). `agerepro features` writes them anew.") from None
    if not isinstance(meta, dict):
        raise UserError(f"{folder / META} must hold an object of names and values. `agerepro features` writes it anew.")
    return meta


def _write_whole(
    folder: Path, put_features: Callable[[Path], object], photos: pd.DataFrame, folds: pd.DataFrame, meta: Mapping[str, Any]
) -> None:
    """The folder with the features that `put_features` puts into it; another one of that name gives way."""
    if finished_by(folder) is not None:
        mark_damaged(folder)

    def write(place: Path) -> None:
        put_features(place)
        photos[COLUMNS].to_csv(place / PHOTOS_FILE, index=False, lineterminator="\n")
        write_table(place / FOLDS_FILE, folds, FOLDS)
        write_json(place / META, {**meta, "features": digest_of_file(place / FEATURES)})

    write_folder(folder, write, made_by=str(meta["made_by"]))


def _link(path: Path, place: Path) -> None:
    """The file under its final name as well: a kill before the folder is whole loses none of it. A copy where there are no links."""
    try:
        os.link(path, place / FEATURES)
    except OSError:
        shutil.copyfile(path, place / FEATURES)
