"""Pictures on which an exported model is compared with its original: noise, and the run's own faces where they still lie."""

from __future__ import annotations

import numpy as np

from agerepro.draws import generator
from agerepro.experiment.schema import Experiment
from agerepro.inputs.crops_of_run import crops_of_run
from agerepro.inputs.sources import PLAIN, Faces
from agerepro.prediction.outputs import JpegPixels
from agerepro.runs.folder import Run

COUNT = 16  # of each kind


def random_pictures(size: int, count: int = COUNT) -> np.ndarray:
    """(count, size, size, 3) uint8, every value as likely as any other; the same whenever asked for."""
    return generator("export", size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def faces_of_run(run: Run, experiment: Experiment, count: int = COUNT) -> np.ndarray:
    """Up to `count` faces of the run's own data as the network sees them, (n, size, size, 3) uint8.

    They lie in the folder of faces beside the run, not in it: n is 0 where the run was moved without it.
    """
    crops, size = crops_of_run(run.folder, experiment.stages[-1].data, experiment.faces), experiment.augment.size
    if crops is None:
        return np.empty((0, size, size, 3), np.uint8)
    store = crops.store()
    images = [store.read(key) for key in crops.photos.loc[crops.photos["status"] == "ok", "image"] if key in store][:count]
    source = Faces(JpegPixels(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    return source.batch(np.arange(len(images)), PLAIN) if images else np.empty((0, size, size, 3), np.uint8)
