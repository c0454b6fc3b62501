"""Features of a frozen backbone, computed once an epoch for all folds: training a head alone then costs almost nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from agerepro.io import WHEN_FREE, atomic_write, lock_folder
from agerepro.training.augment import MIRRORED, PLAIN, InputView
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
    opened: dict[int, np.ndarray] = field(default_factory=dict)  # the maps by epoch: a batch opens no file

    def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
        """(n, ...) float32 features."""
        return np.array(self._epoch(epoch)[rows])

    def precompute(self, epochs: int, *, mirrored: bool) -> None:
        """Compute what a training of `epochs` epochs will read, ahead of the loading threads."""
        for epoch in (PLAIN, *([MIRRORED] if mirrored else []), *range(epochs)):
            self._epoch(epoch)

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch in self.opened:
            return self.opened[epoch]
        name = {PLAIN: "plain", MIRRORED: "mirrored"}.get(epoch, f"epoch-{epoch:03d}")
        path = self.folder / f"{name}.npy"
        if not path.is_file():
            with lock_folder(self.folder, wait=WHEN_FREE):
                if not path.is_file():
                    self._compute(path, epoch)
        self.opened[epoch] = np.load(path, mmap_mode="r")
        return self.opened[epoch]

    def _compute(self, path: Path, epoch: int) -> None:
        shape = (self.count, *self.backbone.output_shape[1:])

        def write(temporary: Path) -> None:
            features = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
            start = 0
            for outputs in predict_batches(self.backbone, self.faces, np.arange(self.count), epoch):
                features[start : start + len(outputs)] = outputs
                start += len(outputs)
            features.flush()

        atomic_write(path, write)
