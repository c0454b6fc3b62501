"""Features that a regression sees: those that a run computes for itself, or those of exported folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from agerepro.config.learning import Target
from agerepro.io import WHEN_FREE, lock_folder
from agerepro.regression.exchange import is_made_by, read_exchange, write_exchange
from agerepro.splits.protocols import people_of
from agerepro.tasks.labels import judged
from agerepro.training.augment import InputView, View
from agerepro.training.features import FeatureCache
from agerepro.training.stages import TrainingTask


class FoldFeatures(Protocol):
    """Features of all photos of a task, row by row, as each of its folds sees them."""

    @property
    def shared(self) -> bool:
        """Whether all folds see the same."""
        ...

    def of(self, fold: int) -> InputView:
        """The features by row and view."""
        ...

    def exchange(self, fold: int) -> Path:
        """They and the folds as a folder that another environment reads [regression/exchange.py]."""
        ...


@dataclass(frozen=True)
class ComputedFeatures:
    """Those of a frozen backbone, which all folds share; `folder` is where they are put for another environment, once a run and seed."""

    cache: FeatureCache
    task: TrainingTask
    folds: pd.DataFrame
    views: Sequence[View]
    folder: Path
    shared: bool = True

    def of(self, fold: int) -> InputView:
        """The cache."""
        return self.cache

    def exchange(self, fold: int) -> Path:
        """The folder, written where it is not there: no later fold reads all features."""
        photos = self.task.data.photos
        if not is_made_by(self.folder, self.task.digest):
            with lock_folder(self.folder, wait=WHEN_FREE):
                write_exchange(
                    self.folder,
                    mean_features(self.cache, np.arange(len(photos)), self.views),
                    photos.assign(subject=people_of(photos).to_numpy(), age=self.task.values),
                    self.folds,
                    {"made_by": self.task.digest, "stage": self.task.settings["stage"], "start": self.task.settings["start"]},
                )
        return self.folder


@dataclass(frozen=True)
class ExportedFeatures:
    """Those of exported folders, by fold; each is compared with its checksum when it is first used. UserError as `read_exchange`."""

    folders: Mapping[int, Path]
    _opened: dict[Path, InputView] = field(default_factory=dict)

    @property
    def shared(self) -> bool:
        """Whether it is one folder for all."""
        return len(set(self.folders.values())) == 1

    def of(self, fold: int) -> InputView:
        """The features of the fold's folder."""
        folder = self.folders[fold]
        if folder not in self._opened:
            self._opened[folder] = StoredFeatures(read_exchange(folder).features)
        return self._opened[folder]

    def exchange(self, fold: int) -> Path:
        """The fold's folder."""
        self.of(fold)
        return self.folders[fold]


@dataclass(frozen=True)
class StoredFeatures:
    """Features (n, d) float32, on disk. They were averaged over the views when they were exported."""

    features: np.ndarray

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        """(n, d) float32."""
        return np.array(self.features[rows])


def exchanged_photos(photos: pd.DataFrame, target: Target) -> pd.DataFrame:
    """PHOTOS as they are exchanged: the label of the target as `age`; whose is nobody's is a person's own [splits.protocols.people_of]."""
    return photos.assign(subject=people_of(photos).to_numpy(), age=judged(photos, target)["age"].to_numpy(np.float32))


def mean_features(features: InputView, rows: np.ndarray, views: Sequence[View]) -> np.ndarray:
    """(n, d) features of the rows, averaged over the views."""
    return np.mean([features.batch(rows, view) for view in views], axis=0).reshape(len(rows), -1)
