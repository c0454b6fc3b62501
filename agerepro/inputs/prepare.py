"""A data set by name -> its usable faces: read, cleaned, aligned, stored, named by a digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.datasets import catalog
from agerepro.errors import UserError
from agerepro.experiment.read import plain
from agerepro.experiment.schema import Faces
from agerepro.faces.align_dataset import align_photos, counts, store_folder
from agerepro.faces.store import FaceStore
from agerepro.files import digest_of, write_json
from agerepro.inputs.sources import Pixels, pixels_of


@dataclass(frozen=True)
class Prepared:
    """The faces of one data set under one alignment; a row of `photos` is a row of every array made from it."""

    name: str
    photos: pd.DataFrame  # PHOTOS columns plus `image`, the key in the store
    store: FaceStore
    side: int
    digest: str
    funnel: dict[str, Any]  # what was read, cleaned and skipped, and what became of the faces

    def pixels(self) -> Pixels:
        """The faces, decoded once when they fit in memory."""
        return pixels_of(self.store, list(self.photos["image"]), self.side)

    def rows(self, photos: set[str]) -> np.ndarray:
        """Row numbers of these photos, in the table's order."""
        return np.flatnonzero(self.photos["photo"].isin(photos).to_numpy())

    def without(self, people: set[str]) -> Prepared:
        """The same faces less those of `people`."""
        photos = self.photos.loc[~self.photos["subject"].isin(people)].reset_index(drop=True)
        return Prepared(
            self.name, photos, self.store, self.side, content_digest(photos), {**self.funnel, "shared_people_dropped": len(people)}
        )


def prepare(
    name: str, *, data: Path, faces: Faces, group_labels: str, folder: Path, on_progress: Callable[[str, int, int], None]
) -> Prepared:
    """Read `data`/<name>, align every photo, and keep the crops and the tables under `folder`.

    on_progress(name, done, total) is called while faces are cropped. Raises UserError when nothing usable is left.
    """
    found = catalog.read(name, data, group_labels=group_labels)
    aligned = align_photos(
        found.table, catalog.folder_of(name, data), faces, folder, on_progress=lambda done, total: on_progress(name, done, total)
    )
    table = found.table.merge(aligned[["photo", "image"]], on="photo", how="left", validate="one_to_one")
    usable = table.loc[table["image"].fillna("") != ""].sort_values("photo", ignore_index=True)
    if usable.empty:
        raise UserError(f"No usable face is left of {name} in {data}: {counts(aligned)}. See `agerepro data verify {name}`.")
    funnel = {
        "read": [{"step": step.name, "kept": step.kept, "removed": step.removed} for step in found.funnel],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in found.skipped],
        "faces": counts(aligned),
        "settings": plain(faces),
    }
    write_json(folder / f"{name}-funnel.json", funnel)
    return Prepared(name, usable, FaceStore(store_folder(found.table, faces, folder)), faces.size, content_digest(usable), funnel)


def content_digest(photos: pd.DataFrame) -> str:
    """Names the labels and pixels of a table of faces: `image` is itself a digest of photo bytes and alignment."""
    columns = ["photo", "subject", "age", "age_std", "group", "split", "image"]
    return digest_of(photos[columns].astype(str).to_numpy().tolist())
