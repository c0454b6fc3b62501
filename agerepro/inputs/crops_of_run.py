"""The crops that a finished run was made from, found again beside its folder by their digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.experiment.schema import Faces
from agerepro.faces.align_dataset import store_folder
from agerepro.faces.crop_faces import SIDES
from agerepro.faces.store import FaceStore
from agerepro.inputs.prepare import content_digest
from agerepro.tables import FACES, PHOTOS, read_table


@dataclass(frozen=True)
class CropsOfRun:
    """photos: the run's PHOTOS with the columns of FACES, its box as `cropped_<side>`; `image` is the key in the store in `folder`."""

    photos: pd.DataFrame
    folder: Path

    def store(self) -> FaceStore:
        """The store, opened."""
        return FaceStore(self.folder)


def crops_of_run(run: Path, data: str, settings: Faces) -> CropsOfRun | None:
    """The very crops of data set `data` that the run in folder `run` names in its provenance, or None where they are gone.

    A folder of the same data and another alignment, or of the same alignment and other data, gives another digest.
    """
    run = run.resolve()
    photos, faces = read_table(run / "photos.csv", PHOTOS), run.parents[2] / "faces"
    digest = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["data"][data]["digest"]
    usual = store_folder(photos, settings, faces).parent
    name = usual.name.rpartition("-")[0]
    for folder in dict.fromkeys([usual, *sorted(faces.glob(f"{name}-*"))]):
        if not (folder / "faces.csv").is_file():
            continue
        # PHOTOS has a box, too: the source's.
        table = read_table(folder / "faces.csv", FACES).rename(columns={side: f"cropped_{side}" for side in SIDES})
        merged = photos.merge(table, on="photo", how="left", validate="one_to_one")
        merged["image"] = merged["image"].fillna("")
        if content_digest(merged) == digest:
            return CropsOfRun(merged, folder / "store")
    return None
