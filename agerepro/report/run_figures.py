"""The figures of one run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.config.loading import read_experiment
from agerepro.config.schema import AgeGroups, Experiment
from agerepro.evaluation.predictions import photo_errors
from agerepro.report.figures.distributions import plot_age_confusion, plot_age_distributions, plot_age_histogram, plot_group_counts
from agerepro.report.figures.examples import Example, plot_example_distributions
from agerepro.report.figures.training_curves import StageHistory, plot_training_curves
from agerepro.report.results import caption_of
from agerepro.report.run_result import RunResult
from agerepro.runs.layout import Run
from agerepro.splits.protocols import groups_of
from agerepro.tables import AGES, PHOTOS, PREDICTIONS, read_table

EXAMPLES = 6
_CHOSEN = "Photos in rising order of their error, in equal steps of rank from the best told to the worst"
_CHOSEN_GROUPS = "Photos in falling order of the true group's probability, in equal steps of rank from the best told to the worst"


def plot_run(run: Run, result: RunResult, folder: Path) -> list[Path]:
    """Draw all that one run has data for into `folder`; returns the paths written.

    Training curves of its stages and folds, its target's ages or age groups, the ages of all its data sets, the ages confused
    with each other, and the distributions of a few tested photos.
    """
    experiment, caption = read_experiment(run.folder / "experiment.yaml"), caption_of([result])
    last, photos = experiment.stages[-1], read_table(run.folder / "photos.csv", PHOTOS)
    written: list[Path] = []
    stages = [*shared_histories(run), *fold_histories(run, experiment, result.predictions)]
    if stages:
        written += plot_training_curves(stages, caption, folder)
    if isinstance(last.target, AgeGroups):
        written += plot_group_counts(last.data, groups_of(photos, last.target), last.target.labels, caption, folder)
    else:
        written += plot_age_histogram(last.data, photos["age"], caption, folder)
        written += plot_age_confusion(result.predictions, caption, folder)
    ages = run.folder / "ages.csv"  # older runs have none
    if ages.is_file() and len(table := read_table(ages, AGES)):
        written += plot_age_distributions(table, caption, folder)
    if examples := example_photos(run, experiment, result.predictions):
        chosen = _CHOSEN_GROUPS if result.groups else _CHOSEN
        written += plot_example_distributions(examples, caption, folder, chosen=chosen, groups=result.groups)
    return written


def shared_histories(run: Run) -> list[StageHistory]:
    """The stages that the run's folds start from, first to last, of all seeds; those that are no longer on disk are left out."""
    starts = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))["starts"]
    found: dict[str, list[pd.DataFrame]] = {}
    for start in starts.values():
        chain: list[tuple[str, pd.DataFrame]] = []
        while place := _stage(run, start):
            settings = json.loads((place / "settings.json").read_text(encoding="utf-8"))
            if settings["stage"]["epochs"]:
                chain.insert(0, (settings["stage"]["name"], pd.read_csv(place / "history.csv")))
            start = settings["start"]
        for name, history in chain:
            found.setdefault(name, []).append(history)
    return [StageHistory(name, tuple(histories)) for name, histories in found.items()]


def fold_histories(run: Run, experiment: Experiment, predictions: pd.DataFrame) -> list[StageHistory]:
    """The last stage, trained once a fold and seed of the predictions; nothing where it was trained for no epoch."""
    last = experiment.stages[-1]
    if not last.epochs:
        return []
    return [StageHistory(last.name, tuple(pd.read_csv(place / "history.csv") for _, _, place in _folds(run, experiment, predictions)))]


def example_photos(run: Run, experiment: Experiment, predictions: pd.DataFrame) -> list[Example]:
    """Up to EXAMPLES tested photos of the first seed, from the best told to the worst, in equal steps of rank.

    Rank is of the error in years or, where groups are told apart, of the probability that the true group is not given. Of equal
    ones the first photo by name comes first. Nothing for a network that gives years and no distribution.
    """
    first = predictions[predictions["seed"] == experiment.seeds[0]]
    tested, told = [], []
    for _, _, place in _folds(run, experiment, first):
        with np.load(place / "posteriors.npz", allow_pickle=False) as file:
            posteriors, bins = file["posteriors"], file["bins"]
        if not len(bins):
            return []
        tested.append(read_table(place / "predictions.csv", PREDICTIONS))
        told.append(posteriors)
    frame, posteriors = pd.concat(tested, ignore_index=True), np.concatenate(told)
    target = experiment.stages[-1].target
    if isinstance(target, AgeGroups):
        number = {label: at for at, label in enumerate(target.labels)}
        truth, said = (frame[column].map(number).to_numpy(float) for column in ("group", "predicted_group"))
        wrong = 1 - posteriors[np.arange(len(frame)), truth.astype(int)]
    else:
        truth, said, wrong = frame["age"].to_numpy(), frame["predicted"].to_numpy(), photo_errors(frame)
    ranked = np.lexsort((frame["photo"].to_numpy(str), wrong))
    rows = ranked[np.unique(np.linspace(0, len(frame) - 1, EXAMPLES).round().astype(int))]
    return [Example(frame["photo"][row], posteriors[row], bins, float(truth[row]), float(said[row])) for row in rows]


def _folds(run: Run, experiment: Experiment, predictions: pd.DataFrame) -> list[tuple[int, int, Path]]:
    """(seed, fold, folder) of every fold in the predictions."""
    pairs = sorted({(int(seed), int(fold)) for seed, fold in zip(predictions["seed"], predictions["fold"])})
    return [(seed, fold, run.fold_folder(seed, fold, first_seed=experiment.seeds[0])) for seed, fold in pairs]


def _stage(run: Run, start: str) -> Path | None:
    """The folder of a trained stage by its digest; None for published weights, for scratch, and where it is not on disk."""
    if not re.fullmatch("[0-9a-f]+", start):
        return None
    return next(
        (place for place in sorted((run.folder.parents[2] / "stages").glob(f"*-{start}")) if (place / "history.csv").is_file()), None
    )
