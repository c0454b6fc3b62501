"""Features of a frozen backbone, computed once an epoch for all folds: training a head alone then costs almost nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from agerepro.io import WHEN_FREE, atomic_write, lock_folder
from agerepro.training.augment import MIRRORED, PLAIN, InputView, View
from agerepro.training.pipeline import predict_batches


@dataclass(frozen=True)
class FeatureCache:
    """An InputView whose rows are what the backbone gives for the rows of `faces`; one memory-mapped file an epoch under `folder`.

    The same numbers as running the whole network each time: the backbone is frozen, and the warp of a photo in an epoch does
    not depend on the fold. Several processes share the files.
    """

    backbone: keras.Model
    faces: InputView
    count: int
    folder: Path
    opened: dict[View, np.ndarray] = field(default_factory=dict)  # the maps by view: a batch opens no file

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        """(n, ...) float32 features."""
        return np.array(self._maps(view)[rows])

    def precompute(self, epochs: int, *, mirrored: bool) -> None:
        """Compute what a training of `epochs` epochs will read, ahead of the loading threads."""
        views: list[View] = [PLAIN, *([MIRRORED] if mirrored else []), *range(epochs)]
        for view in views:
            self._maps(view)

    def _maps(self, view: View) -> np.ndarray:
        if view in self.opened:
            return self.opened[view]
        name = view if isinstance(view, str) else f"epoch-{view:03d}"
        path = self.folder / f"{name}.npy"
        if not path.is_file():
            with lock_folder(self.folder, wait=WHEN_FREE):
                if not path.is_file():
                    self._compute(path, view)
        self.opened[view] = np.load(path, mmap_mode="r")
        return self.opened[view]

    def _compute(self, path: Path, view: View) -> None:
        shape = (self.count, *self.backbone.output_shape[1:])

        def write(temporary: Path) -> None:
            features = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            start = 0
            for outputs in predict_batches(self.backbone, self.faces, np.arange(self.count), view):
                features[start : start + len(outputs)] = outputs
                start += len(outputs)
            features.flush()

        atomic_write(path, write)
