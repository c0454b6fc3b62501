"""Runs on disk, each read once for all that tables, figures and the page show of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.schema import Experiment
from agerepro.errors import CheckFailed, UserError
from agerepro.evaluation.epochs import LAST, VALIDATION, FoldEpochs, errors_by_epoch
from agerepro.evaluation.scores import most_frequent
from agerepro.regression.automl import FIT
from agerepro.report.run_files import (
    REMAKE,
    read_arrays,
    read_fit,
    read_history,
    read_provenance,
    read_run_table,
    read_settings,
)
from agerepro.report.run_result import RunEpochs, RunResult, checked
from agerepro.running import failure
from agerepro.runs.layout import Run, decoded, disclaimer, shortfalls
from agerepro.splits.leakage import describe_overlap
from agerepro.splits.protocols import TRAIN, describe_protocol, describe_tests
from agerepro.tables import FOLDS, PHOTOS, PREDICTIONS
from agerepro.tasks.labels import names_of

_NAMED = 3  # failed folds that an error names


@dataclass(frozen=True)
class LoadedRun:
    """One run: its checked result, and what its folder says of photos [PHOTOS], folds [FOLDS], settings and provenance."""

    run: Run
    experiment: Experiment
    result: RunResult
    photos: pd.DataFrame
    folds: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def runs(self) -> Path:
        """The folder of all runs, in which faces and shared stages lie."""
        return self.run.folder.resolve().parents[2]

    @property
    def dataset(self) -> str:
        """The data set that is tested."""
        return self.experiment.stages[-1].data

    @property
    def synthetic(self) -> bool:
        """Whether the faces that are tested are drawn."""
        return self.dataset in self.provenance["synthetic"]

    @property
    def first_seed(self) -> int:
        """The seed whose photos are shown one by one."""
        return self.experiment.seeds[0]

    @property
    def first_seed_predictions(self) -> pd.DataFrame:
        """PREDICTIONS of the first seed, in the order of fold and photo."""
        frame = self.result.predictions
        return frame.loc[frame["seed"] == self.first_seed].sort_values(["fold", "photo"], ignore_index=True)

    def both_ages(self) -> pd.DataFrame | None:
        """By photo, the real and the apparent age, `age` and `apparent_age` in years; None where a tested photo lacks one of them.

        Of a run that is judged by another column than the real age, that age is read from the prepared faces: None where they are gone.
        """
        ages = self.photos.set_index("photo")[["age", "apparent_age"]]
        if ages["apparent_age"].isna().all():
            return None
        if self.experiment.stages[-1].target.column != "age":
            prepared = self.runs / "faces" / str(self.provenance["data"][self.dataset].get("prepared", "")) / "photos.csv"
            if not prepared.is_file():
                return None
            ages["age"] = read_run_table(prepared, PHOTOS).set_index("photo")["age"].reindex(ages.index)
        tested = ages.loc[ages.index.isin(self.result.predictions["photo"])]
        return None if tested.isna().to_numpy().any() else ages

    def fold_folders(self, predictions: pd.DataFrame) -> list[Path]:
        """The folder of every seed and fold in the predictions, in their order."""
        pairs = sorted({(int(seed), int(fold)) for seed, fold in zip(predictions["seed"], predictions["fold"])})
        return [self.run.fold_folder(seed, fold) for seed, fold in pairs]


def load_run(folder: Path, *, partial: bool) -> LoadedRun:
    """Read a run back; each file that is read is compared with its checksum, others (weights) are not opened.

    Raises CheckFailed when folds are missing, unless `partial`; then every table says how many; and for a damaged file, with its path.
    Raises UserError when no fold is finished.
    """
    run = Run(folder)
    experiment = read_settings(folder)
    provenance = read_provenance(folder, data=experiment.stages[-1].data)
    folds, photos = read_run_table(folder / "folds.csv", FOLDS), read_run_table(folder / "photos.csv", PHOTOS)
    _check_tables_fit(folder, folds, photos)
    done, total = _finished_folds(run, experiment, partial=partial)
    places = [run.fold_folder(seed, fold) for seed in experiment.seeds for fold in done]
    predictions = pd.concat([read_run_table(place / "predictions.csv", PREDICTIONS) for place in places], ignore_index=True)
    predictions = decoded(predictions, experiment)
    overlap, last = describe_overlap(folds, photos), experiment.stages[-1]
    result = RunResult(
        run.experiment,
        run.profile,
        disclaimer(
            run.profile,
            synthetic=bool(provenance["synthetic"]),
            changed=provenance["changed"],
            partial_copies=shortfalls(provenance["data"], synthetic=provenance["synthetic"]),
        ),
        describe_protocol(last.protocol, overlap=overlap),
        len(done),
        total,
        experiment.reproduces,
        predictions,
        training_means={},
        training_medians={},
        genders=dict(zip(photos["photo"], photos["gender"])),
        age_std={photo: years for photo, years in zip(photos["photo"], photos["age_std"]) if years == years},
        epochs=load_epochs(run, experiment, done),
        changed=tuple(provenance["changed"]),
        people=overlap,
        unit=last.target.unit,
        division=describe_tests(last.protocol, overlap=overlap),
        tested=last.data if last.target.column == "age" else f"{last.data}, {last.target.column.replace('_', ' ')}",
    )
    result = _with_choices(result, run, [(seed, fold) for seed in experiment.seeds for fold in done])
    result = _with_training_part(result, folds.loc[folds["part"] == TRAIN], photos, experiment)
    return LoadedRun(run, experiment, checked(result), photos, folds, provenance)


def load_epochs(run: Run, experiment: Experiment, folds: Sequence[int]) -> RunEpochs:
    """Every fold and seed after each epoch, from by_epoch.npz and history.csv; without folds where fewer than two were trained.

    Raises UserError for a damaged file, and for a fold whose two files hold different numbers of epochs.
    """
    last = experiment.stages[-1]
    reported = VALIDATION if last.keeps_best() else LAST
    if last.epochs_trained() < 2:
        return RunEpochs((), reported, experiment.tta)
    places = [(seed, fold, run.fold_folder(seed, fold)) for seed in experiment.seeds for fold in folds]
    return RunEpochs(tuple(_load_fold_epochs(seed, fold, place, experiment) for seed, fold, place in places), reported, experiment.tta)


def within(run: LoadedRun, *, years: float) -> RunResult:
    """The run's result, tested on those of its photos only whose `age_std` is known and at most `years`.

    Nothing is trained anew, and the mean-age predictor still says the mean of all training photos. UserError when a fold is
    left without a photo.
    """
    result = run.result
    sure = set(run.photos.loc[run.photos["age_std"] <= years, "photo"])
    predictions = result.predictions.loc[result.predictions["photo"].isin(sure)]
    empty = sorted(set(result.predictions["fold"]) - set(predictions["fold"]))
    if empty:
        raise UserError(
            f"{result.experiment}: no photo of fold {', '.join(map(str, empty[:8]))} has an age known within {years:g} years "
            "(age_std in the run's photos.csv). Give --within-std more years, or leave it out."
        )
    counts = f"{predictions['photo'].nunique()} of {result.predictions['photo'].nunique()}"
    return replace(
        result,
        predictions=predictions,
        protocol=f"{result.protocol}; tested on the {counts} photos whose age is known within {years:g} years",
        epochs=restrict_epochs(result.epochs, sure) if result.epochs else None,
    )


def restrict_epochs(epochs: RunEpochs, photos: set[str]) -> RunEpochs:
    """The same folds, tested on these photos only."""
    folds = []
    for fold in epochs.folds:
        inside = np.array([photo in photos for photo in fold.photos])
        names = tuple(photo for photo in fold.photos if photo in photos)
        folds.append(FoldEpochs(fold.fold, fold.seed, names, fold.errors[:, inside], fold.validation_loss))
    return RunEpochs(tuple(folds), epochs.reported, epochs.tta)


def _check_tables_fit(folder: Path, folds: pd.DataFrame, photos: pd.DataFrame) -> None:
    """UserError where a table was cut off so that it can still be read: then it lacks what the others name."""
    unknown = set(folds["photo"]) - set(photos["photo"])
    if unknown:
        raise UserError(
            f"{folder / 'folds.csv'} names {len(unknown)} photos that are not in {folder / 'photos.csv'} (first: {min(unknown)}): one of "
            f"the two is damaged. {REMAKE}"
        )
    on_disk = {int(place.name.partition("-")[0]) for place in (folder / "folds").glob("[0-9][0-9][0-9]*") if place.is_dir()}
    lacking = sorted(on_disk - set(folds["fold"]))
    if lacking:
        raise UserError(f"{folder / 'folds.csv'} is damaged (it lacks fold {lacking[0]}, which is in {folder / 'folds'}). {REMAKE}")


def _finished_folds(run: Run, experiment: Experiment, *, partial: bool) -> tuple[list[int], int]:
    """The folds that are finished for every seed, rising, and the number of all; errors as `load_run`."""
    complete = run.done(experiment.seeds)
    every = sorted(set(run.folds()["fold"]))
    total = len(every)
    done = sorted(set.intersection(*({fold for s, fold in complete if s == seed} for seed in experiment.seeds)))
    failed = _failures(run, experiment, sorted(set(every) - set(done)))
    if len(done) < total and not partial:
        raise CheckFailed(
            f"{run.folder}: {len(done)} of {total} folds are done{failed}. Continue it with the same `{run.command}` command, or "
            "add --partial for a table that says so."
        )
    if not done:
        raise UserError(f"No fold of {run.folder} is finished yet{failed}. Continue it with the same `{run.command}` command.")
    return done, total


def _failures(run: Run, experiment: Experiment, folds: Iterable[int]) -> str:
    """`; fold 3 failed: The loss became nan ...`, for the first few folds that have a reason noted; "" where none has."""
    places = [(fold, run.fold_folder(seed, fold)) for seed in experiment.seeds for fold in folds]
    reasons = [f"; fold {fold} failed: {reason.rstrip('.')}" for fold, place in places if (reason := failure(place))]
    return "".join(reasons[:_NAMED])


def _load_fold_epochs(seed: int, fold: int, folder: Path, experiment: Experiment) -> FoldEpochs:
    tested = read_run_table(folder / "predictions.csv", PREDICTIONS)
    history = read_history(folder / "history.csv", "validation_loss")
    outputs, bins = read_arrays(folder / "by_epoch.npz", "outputs", "bins")
    offset = read_arrays(folder / "by_epoch.npz", "offset")[0] if experiment.stages[-1].target.residual_of else 0.0
    if outputs.shape[:2] != (len(history), len(tested)):
        raise UserError(
            f"{folder}: by_epoch.npz is of shape {outputs.shape}, but history.csv has {len(history)} epochs and predictions.csv "
            f"{len(tested)} photos. Remove the folder {folder.name} of this fold. {REMAKE}"
        )
    target = experiment.stages[-1].target
    if target.labels:
        numbers = tested["group"].map({label: number for number, label in enumerate(target.labels)}).to_numpy(float)
        errors = errors_by_epoch(outputs, bins, numbers, decode=experiment.decode, measure="wrong")
    else:
        truth = tested["age"].to_numpy()
        errors = errors_by_epoch(outputs, bins, truth, decode=experiment.decode, measure="years", offset=offset)
    return FoldEpochs(fold, seed, tuple(tested["photo"]), errors, history["validation_loss"].to_numpy(float))


def _with_choices(result: RunResult, run: Run, fits: Sequence[tuple[int, int]]) -> RunResult:
    """The run with what the searches of its folds chose; as it is where its folds were trained, or are solved in closed form."""
    paths = {(seed, fold): run.fold_folder(seed, fold) / FIT for seed, fold in fits}
    if not all(path.is_file() for path in paths.values()):
        return result
    read = {place: read_fit(path) for place, path in paths.items()}
    rows = [(seed, fold, family, weight) for (seed, fold), (_, members) in read.items() for family, weight in members]
    engine = next(iter(read.values()))[0]
    return replace(result, engine=engine, chosen=pd.DataFrame(rows, columns=["seed", "fold", "family", "weight"]))


def _with_training_part(result: RunResult, train: pd.DataFrame, photos: pd.DataFrame, experiment: Experiment) -> RunResult:
    """The run with what a guess needs of each fold's training part [FOLDS]: its mean and median age, or its most frequent group."""
    target = experiment.stages[-1].target
    if target.labels:
        known = train.assign(group=train["photo"].map(dict(zip(photos["photo"], names_of(target, photos)))))
        most = {int(str(fold)): most_frequent(groups, target.labels) for fold, groups in known.groupby("fold")["group"]}
        return replace(result, groups=target.labels, training_groups=most)
    ages = train.merge(photos[["photo", "age"]], on="photo", validate="many_to_one").groupby("fold")["age"]
    means, medians = ({int(str(fold)): float(age) for fold, age in values.items()} for values in (ages.mean(), ages.median()))
    return replace(result, training_means=means, training_medians=medians)
