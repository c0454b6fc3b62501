"""A run's predictions, epochs and histories, checked and named for tables and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from agerepro.config.schema import Reproduces
from agerepro.errors import UserError
from agerepro.evaluation.epochs import FoldEpochs
from agerepro.evaluation.predictions import Measure, check_predictions, predicts_age_groups
from agerepro.runs.layout import run_status
from agerepro.splits.protocols import people_of


@dataclass(frozen=True)
class RunEpochs:
    """A run after each epoch; `folds` is empty where there were fewer than two to choose from.

    `reported` is the choice [evaluation.epochs.CHOICES] that the run's predictions are made with, `tta` how; here every
    output is of the plain picture.
    """

    folds: tuple[FoldEpochs, ...]
    reported: str
    tta: str


@dataclass(frozen=True)
class RunResult:
    """A run as it is reported.

    `banner` warns ("demo: synthetic faces") and is empty for the paper's own experiment; missing folds are added to it, and
    `people`: what the folds do to people ("12 % of test people also in training", "people unknown"), empty where they are apart.
    `predictions` is a PREDICTIONS table, `training_means` and `training_medians` the mean and median age in years of each
    fold's training part. A run that tells age groups apart has all its labels in rising order in `groups`, and the most frequent
    one of each fold's training part in `training_groups`. `genders` and `age_std` (years) are by photo. `epochs` is None where
    they were not read.
    """

    experiment: str
    profile: str
    banner: str
    protocol: str
    folds_done: int
    folds_total: int
    reproduces: Reproduces | None
    predictions: pd.DataFrame
    training_means: Mapping[int, float]
    training_medians: Mapping[int, float]
    groups: tuple[str, ...] = ()
    training_groups: Mapping[int, str] = field(default_factory=dict)
    genders: Mapping[str, str] = field(default_factory=dict)
    age_std: Mapping[str, float] = field(default_factory=dict)
    epochs: RunEpochs | None = None
    changed: tuple[str, ...] = ()  # settings, as `--set` takes them
    people: str = ""
    engine: str = ""  # of a regression that searched
    chosen: pd.DataFrame | None = None  # what it came to: seed, fold, family, weight in the fold's ensemble
    unit: str = "years"  # of what is predicted; points of a score
    tested: str = ""  # what it is tested on: the data set, and which number of its photos where that is not the age
    division: str = ""  # its protocol without what validates

    @property
    def standing(self) -> str:
        """The banner, with the missing folds and what is said of people."""
        return run_status(self.banner, self.folds_done, self.folds_total, people=self.people)

    @property
    def measure(self) -> Measure:
        """In what its errors are: years, or wrong photos."""
        return "wrong" if self.groups else "years"

    @property
    def one_person_a_fold(self) -> bool:
        """Whether every fold tests one person."""
        return bool((people_of(self.predictions).groupby(self.predictions["fold"]).nunique() == 1).all())


def checked(run: RunResult) -> RunResult:
    """The run with checked predictions; UserError when they are not of as many folds, or not of the kind, that it says."""
    frame = check_predictions(run.predictions.assign(experiment=run.experiment, profile=run.profile))
    folds = frame["fold"].nunique()
    if folds != run.folds_done:
        raise UserError(
            f"{run.experiment} says that {run.folds_done} of {run.folds_total} folds are done, but its predictions are of "
            f"{folds}. Read the predictions of all finished folds."
        )
    if predicts_age_groups(frame) != bool(run.groups):
        target, predicted = ("groups", "ages") if run.groups else ("ages", "groups")
        raise UserError(
            f"{run.experiment} says that it predicts {target}, but its predictions are {predicted}. Read it with its own settings."
        )
    return replace(run, predictions=frame)


def label_of(run: RunResult, runs: Sequence[RunResult]) -> str:
    """The experiment's name, with the profile where two of the runs share it."""
    same = [other for other in runs if other.experiment == run.experiment]
    return run.experiment if len(same) == 1 else f"{run.experiment} ({run.profile})"


def tested_alike(runs: Sequence[RunResult]) -> dict[tuple[str, str], list[RunResult]]:
    """The runs by what they are tested on and by which division, in words: those whose curves may stand in one figure."""
    alike: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        alike.setdefault((run.tested, run.division), []).append(run)
    return alike


def file_name(label: str) -> str:
    """A label as a part of a file's name."""
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in label).strip("-")


def disambiguate(runs: Sequence[RunResult]) -> list[RunResult]:
    """The runs, those that share experiment and profile named with what `--set` changed: `vgg16-imdb, batch=32`.

    Runs of one experiment that were changed alike keep one name; `require_unique` then refuses them.
    """
    times = Counter((run.experiment, run.profile) for run in runs)
    return [run if times[run.experiment, run.profile] == 1 else _with_name(run, _name_with_changes(run)) for run in runs]


def require_unique(runs: Sequence[RunResult]) -> None:
    """UserError where two runs share experiment and profile, since no table could tell them apart."""
    twice = [name for name, count in Counter((run.experiment, run.profile) for run in runs).items() if count > 1]
    if twice:
        raise UserError(
            f"Two runs are both named {twice[0][0]} ({twice[0][1]}). Name each run once; runs of one name "
            "on other data or settings have tables of their own."
        )


def _with_name(run: RunResult, name: str) -> RunResult:
    return replace(run, experiment=name, predictions=run.predictions.assign(experiment=name))


def _name_with_changes(run: RunResult) -> str:
    # The last part of a key says enough: the banner has the whole.
    settings = (f"{key.rpartition('.')[2]}={value}" for key, _, value in (change.partition("=") for change in run.changed))
    return ", ".join([run.experiment, *settings])
