"""A run folder as the page shows it: its result, its settings, its papers and where its faces lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.experiment.read import read_experiment
from agerepro.experiment.schema import Experiment
from agerepro.report.load import load_result
from agerepro.report.run_result import RunResult, checked
from agerepro.runs.folder import Run
from agerepro.tables import PHOTOS, read_table


@dataclass(frozen=True)
class Loaded:
    """One run: its checked result, and what its folder says of photos [PHOTOS], folds [FOLDS], settings and provenance."""

    run: Run
    experiment: Experiment
    result: RunResult
    photos: pd.DataFrame
    folds: pd.DataFrame
    provenance: dict[str, Any]
    settings: str  # experiment.yaml as it stands

    @property
    def runs(self) -> Path:
        """The folder of all runs, beside which faces and shared stages lie."""
        return self.run.folder.parents[2]

    @property
    def dataset(self) -> str:
        """The data set that is tested."""
        return self.experiment.stages[-1].data

    @property
    def first_seed(self) -> int:
        """The seed whose photos are shown one by one."""
        return self.experiment.seeds[0]

    @property
    def first_seed_predictions(self) -> pd.DataFrame:
        """PREDICTIONS of the first seed, in the order of fold and photo."""
        frame = self.result.predictions
        return frame.loc[frame["seed"] == self.first_seed].sort_values(["fold", "photo"], ignore_index=True)


def load(folder: Path, *, partial: bool) -> Loaded:
    """Read one run back. FoundWanting when folds are missing, unless `partial`."""
    folder = folder.resolve()
    run = Run(folder)
    return Loaded(
        run,
        read_experiment(folder / "experiment.yaml"),
        checked(load_result(folder, partial=partial)),
        read_table(folder / "photos.csv", PHOTOS),
        run.folds(),
        json.loads((folder / "provenance.json").read_text(encoding="utf-8")),
        (folder / "experiment.yaml").read_text(encoding="utf-8"),
    )
