"""Features with their photos and folds as a folder of plain files: what passes between environments that share no Python.

`features.npy` (n, d) float32, `photos.csv` (a row a row of it), `folds.csv`, `meta.json`. NumPy reads it from Python 3.9 on without
TensorFlow, pandas or agerepro.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.errors import CheckFailed, UserError
from agerepro.io import digest_of_file, finished_by, mark_damaged, write_folder, write_json
from agerepro.tables import FOLDS, read_table, write_table

FEATURES, PHOTOS_FILE, FOLDS_FILE, META = "features.npy", "photos.csv", "folds.csv", "meta.json"
COLUMNS = ["photo", "subject", "age"]


@dataclass(frozen=True)
class Exchange:
    """features (n, d) float32, read only as far as they are used; photos: columns photo, subject, age (years), row by row with them;
    folds: as a run's; meta: what they were made from."""

    features: np.ndarray
    photos: pd.DataFrame
    folds: pd.DataFrame
    meta: dict[str, Any]


def write_exchange(folder: Path, features: np.ndarray, photos: pd.DataFrame, folds: pd.DataFrame, meta: Mapping[str, Any]) -> Path:
    """The folder, whole; one that is there already and was made from the same is left alone.

    features: (n, d), written as float32 in blocks, so that a memory map of any size does; meta: what they were made from, its digest
    named `made_by`.
    """
    made_by = finished_by(folder)
    if made_by == meta["made_by"]:
        return folder
    if made_by is not None:
        mark_damaged(folder)  # it gives way

    def write(place: Path) -> None:
        stored = np.lib.format.open_memmap(place / FEATURES, mode="w+", dtype=np.float32, shape=features.shape)
        for start in range(0, len(features), 4096):
            stored[start : start + 4096] = features[start : start + 4096]
        stored.flush()
        photos[COLUMNS].to_csv(place / PHOTOS_FILE, index=False, lineterminator="\n")
        write_table(place / FOLDS_FILE, folds, FOLDS)
        write_json(place / META, {**meta, "features": digest_of_file(place / FEATURES)})

    write_folder(folder, write, made_by=str(meta["made_by"]))
    return folder


def read_exchange(folder: Path, *, verify: bool = True) -> Exchange:
    """Read such a folder. UserError for what is missing or does not fit together, CheckFailed where the features were changed."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        photos = pd.read_csv(folder / PHOTOS_FILE, dtype={"photo": str, "subject": str, "age": float}, keep_default_na=False)[COLUMNS]
        features = np.load(folder / FEATURES, mmap_mode="r", allow_pickle=False)
        folds = read_table(folder / FOLDS_FILE, FOLDS)
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no exported features: {error.filename} is missing. `agerepro features` writes them.") from None
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder} cannot be read as exported features ({error}). `agerepro features` writes them anew.") from None
    if features.ndim != 2 or features.dtype != np.float32 or len(features) != len(photos):
        raise UserError(
            f"{folder / FEATURES} is {features.dtype} of shape {features.shape}, for {len(photos)} photos: wanted is float32, a row each."
        )
    if verify and digest_of_file(folder / FEATURES) != meta.get("features"):
        raise CheckFailed(f"{folder / FEATURES} is damaged: it is not what {META} says. `agerepro features` writes it anew.")
    return Exchange(features, photos, folds, meta)
