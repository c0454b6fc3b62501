"""What a run's own test photos say about its estimates: how wide an interval must be, or how often a group is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from agerepro.evaluation.check import people, tells_groups
from agerepro.evaluation.intervals import Interval, bootstrap_people
from agerepro.experiment.schema import Experiment
from agerepro.models.arrays import load_arrays
from agerepro.prediction.interval import Calibration, calibrated, scales
from agerepro.runs.folder import Run
from agerepro.tables import PREDICTIONS, read_table


@dataclass(frozen=True)
class Tested:
    """The tested photos of one seed of a run.

    predictions: PREDICTIONS rows of all finished folds. years: the calibration of its intervals, None where groups are told
    apart. right: then the share of photos in their right group, with its 95 % interval over people; else None.
    """

    predictions: pd.DataFrame
    years: Calibration | None
    right: Interval | None


def tested(run: Run, experiment: Experiment, *, seed: int) -> Tested:
    """Read the finished folds of a run and measure what its estimates are worth. UserError when a file is damaged."""
    first = experiment.seeds[0]
    folders = [run.fold_folder(s, fold, first_seed=first) for s, fold in run.done(experiment.seeds) if s == seed]
    tables = [read_table(folder / "predictions.csv", PREDICTIONS) for folder in folders]
    frame = pd.concat(tables, ignore_index=True)
    who = people(frame).to_numpy()
    if tells_groups(frame):
        right = (frame["group"] == frame["predicted_group"]).to_numpy(np.float64)
        return Tested(frame, None, bootstrap_people(right, np.ones(len(right)), who))
    outputs = [load_arrays(folder / "posteriors.npz") for folder in folders]
    scale = np.concatenate([scales(one["posteriors"], one["bins"]) for one in outputs])
    years = calibrated(frame["age"].to_numpy(), frame["predicted"].to_numpy(), scale, folds=frame["fold"].to_numpy(), people=who)
    return Tested(frame, years, None)
