"""Everything that a person reads of finished runs: scores.csv, table.{txt,csv,md,tex} and the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.baseline import baseline_scores, mean_age_predictions
from agerepro.evaluation.check import check_predictions
from agerepro.evaluation.compare import RunScores, compare
from agerepro.evaluation.scores import scores
from agerepro.evaluation.significance import Unit, paired
from agerepro.evaluation.standing import folds_text, standing
from agerepro.experiment.schema import Reproduces
from agerepro.files import write_text
from agerepro.report.figures.cumulative_score import draw_cumulative_score
from agerepro.report.figures.error_by_age import draw_error_by_age
from agerepro.report.figures.predicted_against_true import draw_predicted_against_true
from agerepro.report.figures.style import COLOURS, Caption
from agerepro.report.tables import ENDINGS, render
from agerepro.tables import SCORES, write_table

_PLURAL: dict[Unit, str] = {"fold": "folds", "subject": "people"}


@dataclass(frozen=True)
class RunResult:
    """A run as it is reported.

    `banner` warns ("demo: synthetic faces") and is empty for the paper's own experiment; missing folds are added to it.
    `predictions` is a PREDICTIONS table, `training_means` the mean age in years of each fold's training part.
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

    @property
    def standing(self) -> str:
        """The banner, with the missing folds."""
        return standing(self.banner, self.folds_done, self.folds_total)


def write_results(runs: Sequence[RunResult], folder: Path) -> list[Path]:
    """Score, compare and draw the runs into `folder`; returns the paths written, the text table first.

    Runs that share folds are compared with each other in the notes under the table. Raises UserError for no runs, two of
    one name and profile, or a run whose predictions do not have as many folds as it says.
    """
    runs = [_checked(run) for run in runs]
    twice = [name for name, count in Counter((run.experiment, run.profile) for run in runs).items() if count > 1]
    if twice or not runs:
        what = f"Two runs are both named {twice[0][0]} ({twice[0][1]})." if twice else "There is no run to report."
        raise UserError(f"{what} Name each run once.")
    scored = [score_run(run) for run in runs]
    comparison = compare(scored)
    notes = _protocol_notes(runs) + _seed_notes(runs) + paired_notes(runs)
    written = [write_text(folder / f"table.{ENDINGS[form]}", render(comparison, form=form, notes=notes)) for form in ENDINGS]
    written.append(write_table(folder / "scores.csv", pd.concat([run.scores for run in scored], ignore_index=True), SCORES))
    return written + draw_figures(runs, folder / "figures")


def score_run(run: RunResult) -> RunScores:
    """The run with its scores and those of the mean-age predictor, ready to be compared."""
    rows = pd.concat([scores(run.predictions), baseline_scores(run.predictions, run.training_means)], ignore_index=True)
    return RunScores(run.experiment, run.profile, run.banner, run.folds_done, run.folds_total, run.reproduces, rows)


def paired_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every two runs: the difference of their errors over shared folds, or why there is none."""
    notes = []
    for first, second in combinations(runs, 2):
        who = f"{_label(second, runs)} against {_label(first, runs)}"
        try:
            found = paired(second.predictions, first.predictions, unit=_unit(first, second))
        except UserError as error:
            notes.append(f"{who}: not compared. {error}")
            continue
        interval = f"[{found.low:+.2f}, {found.high:+.2f}]"
        notes.append(
            f"{who}: mean difference over {found.n} {_PLURAL[found.unit]} {found.difference:+.2f} years {interval}, "
            f"paired t {_p(found.t_p)}, Wilcoxon {_p(found.wilcoxon_p)}."
        )
    return notes


def draw_figures(runs: Sequence[RunResult], folder: Path) -> list[Path]:
    """Predicted against true age for each run, and cumulative score and error by age with all runs in one figure."""
    together = {_label(run, runs): run.predictions for run in runs}
    shared = _caption(runs)
    written = []
    for run in runs:
        name = "predicted-against-true" + (f"-{_file_name(_label(run, runs))}" if len(runs) > 1 else "")
        written += draw_predicted_against_true(run.predictions, _caption([run]), folder, name=name)
    first = runs[0]
    guess = mean_age_predictions(first.predictions, first.training_means)
    labels = list(together)
    for number, start in enumerate(range(0, len(labels), len(COLOURS)), 1):
        few = {label: together[label] for label in labels[start : start + len(COLOURS)]}
        ending = f"-{number}" if len(labels) > len(COLOURS) else ""
        written += draw_cumulative_score(few, shared, folder, guess=guess, name=f"cumulative-score{ending}")
        written += draw_error_by_age(few, shared, folder, name=f"error-by-age{ending}")
    return written


def _unit(*runs: RunResult) -> Unit:
    """Folds where each holds one person; people where a few folds hold many."""
    alone = all((run.predictions.groupby("fold")["subject"].nunique() == 1).all() for run in runs)
    return "fold" if alone else "subject"


def _checked(run: RunResult) -> RunResult:
    frame = check_predictions(run.predictions.assign(experiment=run.experiment, profile=run.profile))
    folds = frame["fold"].nunique()
    if folds != run.folds_done:
        raise UserError(
            f"{run.experiment} says that {run.folds_done} of {run.folds_total} folds are done, but its predictions are of "
            f"{folds}. Read the predictions of all finished folds."
        )
    return replace(run, predictions=frame)


def _protocol_notes(runs: Sequence[RunResult]) -> list[str]:
    followers: dict[str, list[str]] = {}
    for run in runs:
        followers.setdefault(run.protocol, []).append(_label(run, runs))
    if len(followers) == 1:
        return [f"Protocol: {runs[0].protocol}."]
    return [f"Protocol of {', '.join(labels)}: {protocol}." for protocol, labels in followers.items()]


def _seed_notes(runs: Sequence[RunResult]) -> list[str]:
    seeds = {_label(run, runs): run.predictions["seed"].nunique() for run in runs}
    return [f"{label}: mean of {count} seeds, each scored alone." for label, count in seeds.items() if count > 1]


def _label(run: RunResult, runs: Sequence[RunResult]) -> str:
    same = [other for other in runs if other.experiment == run.experiment]
    return run.experiment if len(same) == 1 else f"{run.experiment} ({run.profile})"


def _caption(runs: Sequence[RunResult]) -> Caption:
    def joined(values: list[str], between: str = ", ") -> str:
        return between.join(dict.fromkeys(value for value in values if value))

    protocols = [f"{run.protocol}, {folds_text(run.folds_done, run.folds_total)}" for run in runs]
    return Caption(
        run=joined([run.experiment for run in runs]),
        profile=joined([run.profile for run in runs]),
        protocol=joined(protocols, "; "),
        banner=joined([part for run in runs for part in run.standing.split("; ")], "; "),
    )


def _file_name(label: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "-" for character in label).strip("-")


def _p(value: float) -> str:
    return f"p = {value:.2g}"
