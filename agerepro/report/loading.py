"""Runs on disk as results."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.config.loading import read_experiment
from agerepro.config.schema import AgeGroups, Experiment
from agerepro.errors import CheckFailed, UserError
from agerepro.evaluation.epochs import LAST, VALIDATION, FoldEpochs, errors_by_epoch
from agerepro.evaluation.scores import most_frequent
from agerepro.io import config_hash
from agerepro.report.results import write_results
from agerepro.report.run_figures import plot_run
from agerepro.report.run_result import RunEpochs, RunResult, disambiguate
from agerepro.report.tables import ENDINGS
from agerepro.runs.layout import Run, disclaimer
from agerepro.splits.protocols import TRAIN, describe_protocol, groups_of
from agerepro.tables import PHOTOS, PREDICTIONS, read_table


def load_epochs(run: Run, experiment: Experiment, folds: Sequence[int]) -> RunEpochs:
    """Every fold and seed after each epoch, from by_epoch.npz and history.csv; without folds where fewer than two were trained.

    Raises UserError for a fold whose two files tell of different epochs.
    """
    last = experiment.stages[-1]
    reported = VALIDATION if last.checkpoint_selection == "best_validation" else LAST
    if last.epochs < 2:
        return RunEpochs((), reported, experiment.tta)
    of = [(seed, fold, run.fold_folder(seed, fold, first_seed=experiment.seeds[0])) for seed in experiment.seeds for fold in folds]
    return RunEpochs(tuple(_one(seed, fold, folder, experiment) for seed, fold, folder in of), reported, experiment.tta)


def only(epochs: RunEpochs, photos: set[str]) -> RunEpochs:
    """The same folds, tested on these photos only."""
    kept = []
    for one in epochs.folds:
        here = np.array([photo in photos for photo in one.photos])
        names = tuple(photo for photo in one.photos if photo in photos)
        kept.append(FoldEpochs(one.fold, one.seed, names, one.errors[:, here], one.validation_loss))
    return RunEpochs(tuple(kept), epochs.reported, epochs.tta)


def _one(seed: int, fold: int, folder: Path, experiment: Experiment) -> FoldEpochs:
    tested = read_table(folder / "predictions.csv", PREDICTIONS)
    history = pd.read_csv(folder / "history.csv")
    with np.load(folder / "by_epoch.npz", allow_pickle=False) as file:
        outputs, bins = file["outputs"], file["bins"]
    if len(history) != len(outputs):
        raise UserError(f"{folder}: history.csv has {len(history)} epochs, by_epoch.npz {len(outputs)}. Remove the fold and run it again.")
    target = experiment.stages[-1].target
    if isinstance(target, AgeGroups):
        truth = tested["group"].map({label: number for number, label in enumerate(target.labels)}).to_numpy(float)
        errors = errors_by_epoch(outputs, bins, truth, decode=experiment.decode, measure="wrong")
    else:
        errors = errors_by_epoch(outputs, bins, tested["age"].to_numpy(), decode=experiment.decode, measure="years")
    return FoldEpochs(fold, seed, tuple(tested["photo"]), errors, history["validation_loss"].to_numpy(float))


FORMATS = {"text": "txt", **{ending: ending for ending in ENDINGS.values()}}


def load_result(folder: Path, *, partial: bool) -> RunResult:
    """Read a run back. CheckFailed when folds are missing, unless `partial`; then every table says how many."""
    run = Run(folder)
    experiment = read_experiment(folder / "experiment.yaml")
    folds = run.folds()
    total = int(folds["fold"].nunique())
    sealed = run.done(experiment.seeds)  # reads every file of every fold: asked once
    done = sorted(set.intersection(*({fold for s, fold in sealed if s == seed} for seed in experiment.seeds)))
    if len(done) < total and not partial:
        raise CheckFailed(
            f"{folder}: {len(done)} of {total} folds are done. Continue it with the same `agerepro run` command, or "
            "add --partial for a table that says so."
        )
    photos = read_table(folder / "photos.csv", PHOTOS)
    about = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    predictions = run.predictions(experiment.seeds)
    result = RunResult(
        run.experiment,
        run.profile,
        disclaimer(run.profile, synthetic=bool(about["synthetic"]), changed=about["changed"]),
        describe_protocol(experiment.stages[-1].protocol),
        len(done),
        total,
        experiment.reproduces,
        predictions.loc[predictions["fold"].isin(done)],
        training_means={},
        training_medians={},
        genders=dict(zip(photos["photo"], photos["gender"])),
        age_std={photo: years for photo, years in zip(photos["photo"], photos["age_std"]) if years == years},
        epochs=load_epochs(run, experiment, done),
        changed=tuple(about["changed"]),
    )
    return _with_training_part(result, folds.loc[folds["part"] == TRAIN], photos, experiment)


def _with_training_part(result: RunResult, train: pd.DataFrame, photos: pd.DataFrame, experiment: Experiment) -> RunResult:
    """The run with what a guess needs of each fold's training part [FOLDS]: its mean and median age, or its most frequent group."""
    target = experiment.stages[-1].target
    if isinstance(target, AgeGroups):
        known = train.assign(group=train["photo"].map(dict(zip(photos["photo"], groups_of(photos, target)))))
        most = {int(str(fold)): most_frequent(groups, target.labels) for fold, groups in known.groupby("fold")["group"]}
        return replace(result, groups=target.labels, training_groups=most)
    ages = train.merge(photos[["photo", "age"]], on="photo", validate="many_to_one").groupby("fold")["age"]
    means, medians = ({int(str(fold)): float(age) for fold, age in values.items()} for values in (ages.mean(), ages.median()))
    return replace(result, training_means=means, training_medians=medians)


def within(result: RunResult, photos: pd.DataFrame, *, years: float) -> RunResult:
    """The same run, tested on those of its photos [PHOTOS] only whose `age_std` is known and at most `years`.

    Nothing is trained anew, and the mean-age predictor still says the mean of all training photos. UserError when a fold is
    left without a photo.
    """
    sure = set(photos.loc[photos["age_std"] <= years, "photo"])
    kept = result.predictions.loc[result.predictions["photo"].isin(sure)]
    empty = sorted(set(result.predictions["fold"]) - set(kept["fold"]))
    if empty:
        raise UserError(
            f"{result.experiment}: no photo of fold {', '.join(map(str, empty[:8]))} has an age known within {years:g} years "
            "(age_std in the run's photos.csv). Give --within-std more years, or leave it out."
        )
    counts = f"{kept['photo'].nunique()} of {result.predictions['photo'].nunique()}"
    return replace(
        result,
        predictions=kept,
        protocol=f"{result.protocol}; tested on the {counts} photos whose age is known within {years:g} years",
        epochs=only(result.epochs, sure) if result.epochs else None,
    )


def write_report(
    folders: Sequence[Path], *, partial: bool, out: Callable[[str], object], style: str = "text", within_std: float | None = None
) -> Path:
    """Write scores, tables and figures of the runs, print the table in `style`, and return the folder they are in.

    within_std: test on the photos only whose age is known within these years. One run's results lie in it; several runs' lie
    beside them, in results-<profile>-<digest of the runs>; those on fewer photos end in -std-<years>.
    """
    results = disambiguate([load_result(folder, partial=partial) for folder in folders])
    ending = ""
    if within_std is not None:
        results = [within(result, read_table(folder / "photos.csv", PHOTOS), years=within_std) for folder, result in zip(folders, results)]
        ending = f"-std-{within_std:g}"
    place = place_of(folders, results, ending=ending)
    write_results(results, place)
    if len(folders) == 1 and within_std is None:
        plot_run(Run(folders[0]), results[0], place / "figures")
    out((place / f"table.{FORMATS[style]}").read_text(encoding="utf-8").rstrip("\n"))
    if style == "text":
        out(f"\nTables and figures: {place}")
    return place


def figures_of(folders: Sequence[Path], *, partial: bool) -> None:
    """Draw what is drawn of one run alone into the results of each."""
    for folder in folders:
        plot_run(Run(folder), load_result(folder, partial=partial), folder / "results" / "figures")


def place_of(folders: Sequence[Path], results: Sequence[RunResult], *, ending: str = "") -> Path:
    """The folder of the results: in the run for one, beside the runs, named by them, for several."""
    if len(folders) == 1:
        return folders[0] / f"results{ending}"
    profiles = "-".join(dict.fromkeys(result.profile for result in results))
    return folders[0].parents[1] / f"results-{profiles}-{config_hash([folder.name for folder in folders])[:8]}{ending}"
