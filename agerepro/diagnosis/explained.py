"""All that `agerepro explain` finds out about one run; loads no Keras, so that figures and tables can take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from agerepro.experiment.schema import Experiment
from agerepro.runs.folder import Run

if TYPE_CHECKING:
    from agerepro.diagnosis.aligned import MeanMaps
    from agerepro.diagnosis.check_tables import Checks
    from agerepro.diagnosis.run_faces import RunFaces


@dataclass(frozen=True)
class Explained:
    """One run's maps (n, h, w) in -1..1, row by row with `tested` (`fold`, `photo`, `subject`, `age`, `group`, `predicted`, ...).

    regions [diagnosis.regions.COLUMNS] and summary [SUMMARY] are empty, and mean is None, where no photo has landmarks; checks is
    None where none were wanted. about: as in about.json. folder: where all of it lies.
    """

    run: Run
    experiment: Experiment
    folder: Path
    faces: RunFaces
    tested: pd.DataFrame
    maps: np.ndarray
    regions: pd.DataFrame
    summary: pd.DataFrame
    mean: MeanMaps | None
    checks: Checks | None
    about: dict[str, Any]

    def images(self, photos: Sequence[str]) -> np.ndarray:
        """The crops of these photos as tested, (n, s, s, 3) uint8 RGB."""
        return self.faces.images(self.faces.rows(list(photos)))

    def landmarks(self, photos: Sequence[str]) -> np.ndarray:
        """Their landmarks (n, 5, 2) in shares of the crop's side."""
        return self.faces.landmarks[self.faces.rows(list(photos))]

    def maps_of(self, photos: Sequence[str]) -> np.ndarray:
        """Their maps (n, h, w)."""
        where = {photo: row for row, photo in enumerate(self.tested["photo"])}
        return self.maps[[where[photo] for photo in photos]]
