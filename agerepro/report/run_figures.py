"""The figures of one run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.evaluation.predictions import photo_errors
from agerepro.report.figures.distributions import (
    plot_age_confusion,
    plot_age_distributions,
    plot_age_histogram,
    plot_group_counts,
    plot_two_ages,
)
from agerepro.report.figures.examples import Example, plot_example_distributions
from agerepro.report.figures.training_curves import StageHistory, plot_training_curves
from agerepro.report.loading import LoadedRun
from agerepro.report.results import caption_of
from agerepro.report.run_files import read_fold_posteriors, read_history, read_run_table, shared_stages
from agerepro.tables import AGES
from agerepro.tasks.labels import names_of

EXAMPLES = 6
_CHOSEN = "Photos in rising order of their error, in equal steps of rank from the least to the greatest"
_CHOSEN_GROUPS = "Photos in falling order of the true group's probability, in equal steps of rank from the greatest to the least"


def plot_run(run: LoadedRun, folder: Path) -> list[Path]:
    """Plot all that one run has data for into `folder`; returns the paths written.

    Training curves of its stages and folds, its target's ages or age groups, real and apparent ages where the tested photos have both,
    the ages of all its data sets, the ages confused with each other, and the distributions of a few tested photos. Raises UserError for
    a damaged file, with its path.
    """
    result, last, caption = run.result, run.experiment.stages[-1], caption_of([run.result])
    written: list[Path] = []
    stages = [*shared_histories(run), *fold_histories(run, result.predictions)]
    if stages:
        written += plot_training_curves(stages, caption, folder)
    if last.target.labels:
        written += plot_group_counts(last.data, names_of(last.target, run.photos), last.target.labels, caption, folder)
    elif result.unit == "years":
        written += plot_age_histogram(last.data, run.photos["age"], caption, folder)
        written += plot_age_confusion(result.predictions, caption, folder)
    written += plot_ages_known(run, folder)
    ages = run.run.folder / "ages.csv"  # older runs have none
    if result.unit == "years" and ages.is_file() and len(table := read_run_table(ages, AGES)):
        written += plot_age_distributions(table, caption, folder)
    if examples := example_photos(run):
        chosen = _CHOSEN_GROUPS if result.groups else _CHOSEN
        written += plot_example_distributions(examples, caption, folder, chosen=chosen, groups=result.groups)
    return written


def plot_ages_known(run: LoadedRun, folder: Path) -> list[Path]:
    """The data set's apparent ages, and these against the real ones; nothing where tested photos lack one of the two."""
    ages = run.both_ages()
    if ages is None:
        return []
    caption = caption_of([run.result])
    written = plot_age_histogram(run.dataset, ages["apparent_age"], caption, folder, what="apparent age", name="apparent-ages")
    return written + plot_two_ages(run.dataset, ages["age"], ages["apparent_age"], caption, folder)


def shared_histories(run: LoadedRun, *, seeds: tuple[int, ...] | None = None) -> list[StageHistory]:
    """The stages that the run's folds of these seeds (None: all) start from, first to last, but those trained for no epoch.

    Stages that are no longer on disk are left out.
    """
    histories: dict[str, list[pd.DataFrame]] = {}
    for seed, start in run.provenance["starts"].items():
        if seeds is None or int(seed) in seeds:
            for stage in shared_stages(run.runs, str(start)):
                if stage.epochs:
                    histories.setdefault(stage.name, []).append(read_history(stage.history, "loss", "validation_loss"))
    return [StageHistory(name, tuple(tables)) for name, tables in histories.items()]


def fold_histories(run: LoadedRun, predictions: pd.DataFrame) -> list[StageHistory]:
    """The last stage, trained once a fold and seed of the predictions; nothing where it was trained for no epoch."""
    last = run.experiment.stages[-1]
    if not last.epochs_trained():  # what is tested as it started leaves an empty file
        return []
    tables = (read_history(place / "history.csv", "loss", "validation_loss") for place in run.fold_folders(predictions))
    return [StageHistory(last.name, tuple(tables))]


def example_photos(run: LoadedRun) -> list[Example]:
    """Up to EXAMPLES tested photos of the first seed, from the best predicted to the worst, in equal steps of rank.

    Rank is of the error in years or, where groups are told apart, of the probability that the true group is not given. Of equal
    ones the first photo by name comes first. Nothing for a network that gives years and no distribution.
    """
    target = run.experiment.stages[-1].target
    folds = [read_fold_posteriors(place, residual_of=target.residual_of) for place in run.fold_folders(run.first_seed_predictions)]
    if not all(len(fold.bins) for fold in folds):
        return []
    frame, posteriors = pd.concat([fold.tested for fold in folds], ignore_index=True), np.concatenate([fold.posteriors for fold in folds])
    values = folds[0].bins + np.concatenate([fold.offset for fold in folds])[:, None]
    if target.labels:
        number = {label: index for index, label in enumerate(target.labels)}
        truth, predicted = (frame[column].map(number).to_numpy(float) for column in ("group", "predicted_group"))
        wrong = 1 - posteriors[np.arange(len(frame)), truth.astype(int)]
    else:
        truth, predicted, wrong = frame["age"].to_numpy(), frame["predicted"].to_numpy(), photo_errors(frame)
    ranked = np.lexsort((frame["photo"].to_numpy(str), wrong))
    rows = ranked[np.unique(np.linspace(0, len(frame) - 1, EXAMPLES).round().astype(int))]
    return [Example(frame["photo"][row], posteriors[row], values[row], float(truth[row]), float(predicted[row])) for row in rows]
