"""Pictures on which an exported model is compared with its original: noise, and the run's own faces where they still lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agerepro.draws import generator
from agerepro.experiment.schema import Experiment
from agerepro.faces.align_dataset import store_folder
from agerepro.faces.store import FaceStore
from agerepro.inputs.sources import PLAIN, Faces
from agerepro.prediction.outputs import JpegPixels
from agerepro.runs.folder import Run
from agerepro.tables import FACES, PHOTOS, read_table

COUNT = 16  # of each kind


def random_pictures(size: int, count: int = COUNT) -> np.ndarray:
    """(count, size, size, 3) uint8, every value as likely as any other; the same whenever asked for."""
    return generator("export", size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def faces_of_run(run: Run, experiment: Experiment, count: int = COUNT) -> np.ndarray:
    """Up to `count` faces of the run's own data as the network sees them, (n, size, size, 3) uint8.

    They lie in the folder of faces beside the run, not in it: n is 0 where the run was moved without it.
    """
    photos = read_table(run.folder / "photos.csv", PHOTOS)
    folder = store_folder(photos, experiment.faces, _runs(run) / "faces")
    table = folder.parent / "faces.csv"
    size = experiment.augment.size
    if not table.is_file():
        return np.empty((0, size, size, 3), np.uint8)
    faces, store = read_table(table, FACES), FaceStore(folder)
    images = [store.read(key) for key in faces.loc[faces["status"] == "ok", "image"] if key in store][:count]
    source = Faces(JpegPixels(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    return source.batch(np.arange(len(images)), PLAIN) if images else np.empty((0, size, size, 3), np.uint8)


def _runs(run: Run) -> Path:
    """runs/<paper>/<experiment>/<profile>-<digest> -> runs."""
    return run.folder.resolve().parents[2]
