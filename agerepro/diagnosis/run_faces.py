"""The faces that a finished run was tested on: its crops, as the network sees them, with their landmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets import catalog
from agerepro.datasets.synthetic.write import RENDERER
from agerepro.errors import UserError
from agerepro.experiment import schema
from agerepro.experiment.read import plain
from agerepro.explain.crop_landmarks import landmarks_in_crop
from agerepro.faces.crop_faces import POINTS, SIDES
from agerepro.faces.decode import decode
from agerepro.files import digest_of
from agerepro.inputs.crops_of_run import crops_of_run
from agerepro.inputs.sources import PLAIN, Faces, pixels_of
from agerepro.runs.folder import Run


@dataclass(frozen=True)
class RunFaces:
    """Rows of `photos` [PHOTOS and `image`] are rows of `landmarks` (n, 5, 2) in shares of the crop's side, NaN where unknown."""

    photos: pd.DataFrame
    landmarks: np.ndarray
    source: Faces
    drawn: bool  # by the renderer, so that no person is shown

    def images(self, rows: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB, as tested."""
        return self.source.batch(rows, PLAIN)

    def rows(self, photos: list[str]) -> np.ndarray:
        """Row numbers of these photos, in the order given."""
        where = {photo: row for row, photo in enumerate(self.photos["photo"])}
        return np.array([where[photo] for photo in photos], int)


def run_faces(run: Run, experiment: schema.Experiment, *, data: Path | None) -> RunFaces:
    """The crops of a run from the folder of faces beside it, the very ones: their digest is the one in the run's provenance.

    data: where the photos lie, as in `agerepro run`; asked for only where a crop may end at its photo's edge (`border: clip`),
    since landmarks then depend on the photo's size, and never for drawn faces. Raises UserError when crops or photos are gone.
    """
    folder = run.folder.resolve()
    about = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    name = experiment.stages[-1].data
    crops = crops_of_run(folder, name, experiment.faces)
    if crops is None:
        raise UserError(
            f"The faces that this run was tested on are not in {folder.parents[2] / 'faces'}: they were removed, or aligned again from "
            "other photos. The `agerepro run` command of the run makes them again."
        )
    found = crops.photos
    is_drawn = name in about["synthetic"]
    if data is None and is_drawn:
        data = folder.parents[2] / "synthetic" / digest_of([RENDERER, name, plain(experiment.synthetic[name])])
    landmarks = _landmarks(found, experiment.faces, None if data is None else catalog.folder_of(name, data))
    pixels = pixels_of(crops.store(), list(found["image"]), experiment.faces.size)
    return RunFaces(found, landmarks, Faces(pixels, list(found["photo"]), experiment.augment, ()), is_drawn)


def _landmarks(photos: pd.DataFrame, settings: schema.Faces, folder: Path | None) -> np.ndarray:
    points = photos[[f"{point}_{axis}" for point in POINTS for axis in "xy"]].to_numpy(float).reshape(-1, len(POINTS), 2)
    boxes = photos[[f"cropped_{side}" for side in SIDES]].to_numpy(float)
    found = np.full(points.shape, np.nan)
    for row, path in enumerate(photos["path"]):
        if np.isfinite(points[row]).all():
            box = (boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3])
            found[row] = landmarks_in_crop(points[row], box, settings, photo_shape=_shape(path, settings, folder), size=1)
    return found


def _shape(path: str, settings: schema.Faces, folder: Path | None) -> tuple[int, int]:
    """Height and width of a photo; read only where a crop may end at its edge."""
    if settings.align == "five_points" or settings.border == "repeat":
        return 0, 0
    if folder is None or not (folder / path).is_file():
        raise UserError(
            f"The photo {path} is needed to tell where its landmarks lie in the crop, and is not {f'in {folder}' if folder else 'known'}: "
            "give --data DIR as in `agerepro run`."
        )
    height, width = decode((folder / path).read_bytes()).shape[:2]
    return height, width
