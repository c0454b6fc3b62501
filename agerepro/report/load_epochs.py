"""What a run's folds left on disk after each epoch -> errors of their test photos and losses of their validation people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.epochs import LAST, VALIDATION, FoldEpochs, errors_by_epoch
from agerepro.experiment.schema import Experiment, Groups
from agerepro.report.run_result import RunEpochs
from agerepro.runs.folder import Run
from agerepro.tables import PREDICTIONS, read_table


def load_epochs(run: Run, experiment: Experiment, folds: Sequence[int]) -> RunEpochs:
    """Every fold and seed after each epoch, from by_epoch.npz and history.csv; without folds where fewer than two were trained.

    Raises UserError for a fold whose two files tell of different epochs.
    """
    last = experiment.stages[-1]
    reported = VALIDATION if last.keep == "best_validation" else LAST
    if last.epochs < 2:
        return RunEpochs((), reported, experiment.test_time)
    of = [(seed, fold, run.fold_folder(seed, fold, first_seed=experiment.seeds[0])) for seed in experiment.seeds for fold in folds]
    return RunEpochs(tuple(_one(seed, fold, folder, experiment) for seed, fold, folder in of), reported, experiment.test_time)


def only(epochs: RunEpochs, photos: set[str]) -> RunEpochs:
    """The same folds, tested on these photos only."""
    kept = []
    for one in epochs.folds:
        here = np.array([photo in photos for photo in one.photos])
        names = tuple(photo for photo in one.photos if photo in photos)
        kept.append(FoldEpochs(one.fold, one.seed, names, one.errors[:, here], one.validation_loss))
    return RunEpochs(tuple(kept), epochs.reported, epochs.test_time)


def _one(seed: int, fold: int, folder: Path, experiment: Experiment) -> FoldEpochs:
    tested = read_table(folder / "predictions.csv", PREDICTIONS)
    history = pd.read_csv(folder / "history.csv")
    with np.load(folder / "by_epoch.npz", allow_pickle=False) as file:
        outputs, bins = file["outputs"], file["bins"]
    if len(history) != len(outputs):
        raise UserError(f"{folder}: history.csv has {len(history)} epochs, by_epoch.npz {len(outputs)}. Remove the fold and run it again.")
    target = experiment.stages[-1].target
    if isinstance(target, Groups):
        truth = tested["group"].map({label: number for number, label in enumerate(target.labels)}).to_numpy(float)
        errors = errors_by_epoch(outputs, bins, truth, decode=experiment.decode, measure="wrong")
    else:
        errors = errors_by_epoch(outputs, bins, tested["age"].to_numpy(), decode=experiment.decode, measure="years")
    return FoldEpochs(fold, seed, tuple(tested["photo"]), errors, history["validation_loss"].to_numpy(float))
