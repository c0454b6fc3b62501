"""Runs side by side: scored, compared with the paper, written as tables and drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.compare import RunScores, compare
from agerepro.evaluation.scores import baseline_scores, group_scores, majority_scores, mean_age_predictions, scores
from agerepro.io import write_text
from agerepro.published.tables import published_row, published_table
from agerepro.report.families import families_of, families_table
from agerepro.report.figures.distributions import plot_confusion
from agerepro.report.figures.errors import Metric, plot_cumulative_score, plot_error_by_age, plot_fold_boxes, plot_predicted_against_true
from agerepro.report.figures.families import plot_families
from agerepro.report.figures.style import COLOURS, Caption
from agerepro.report.run_result import RunResult, checked, file_name, label_of, require_unique, tested_alike
from agerepro.report.sections import confusion_table, epochs_table, extra_tables, gender_table, notes_of
from agerepro.report.tables import ENDINGS, render
from agerepro.runs.layout import folds_text
from agerepro.tables import SCORES, write_table

# (paper, table of a run) -> the table of other papers' results on the same folds.
_EARLIER = {("koenig2019", "table4"): "table2", ("koenig2019", "table5"): "table2", ("koenig2019", "adience"): "table3"}


@dataclass(frozen=True)
class Comparison:
    """Runs scored and compared: their checked results, their SCORES in one table, and the text of each form [tables.ENDINGS]."""

    runs: tuple[RunResult, ...]
    scores: pd.DataFrame
    tables: dict[str, str]


def compare_results(runs: Sequence[RunResult]) -> Comparison:
    """Score the runs and compare them with the paper; runs that share folds also with each other, in the notes under the table.

    Raises UserError for no runs, two of one name and profile, or a run whose predictions do not have as many folds as it says.
    """
    runs = [checked(run) for run in runs]
    if not runs:
        raise UserError("There is no run to report. Name each run once.")
    require_unique(runs)
    scored = [score_run(run) for run in runs]
    comparison, notes, pages = compare(scored), notes_of(runs), extra_tables(runs)
    tables = {form: render(comparison, form=form, notes=notes, below=pages) for form in ENDINGS}
    return Comparison(tuple(runs), pd.concat([run.scores for run in scored], ignore_index=True), tables)


def write_results(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the tables and scores into `folder` and plot its figures; returns the paths written, the text table first."""
    written = [write_text(folder / f"table.{ENDINGS[form]}", text) for form, text in comparison.tables.items()]
    written.append(write_table(folder / "scores.csv", comparison.scores, SCORES))
    return written + write_tables(comparison.runs, folder) + plot_figures(comparison.runs, folder / "figures")


def score_run(run: RunResult) -> RunScores:
    """The run with its scores and those of the predictor that looks at no picture, ready to be compared."""
    if run.groups:
        tables = [group_scores(run.predictions, run.groups), majority_scores(run.predictions, run.training_groups, run.groups)]
    else:
        tables = [scores(run.predictions, age_std=run.age_std), baseline_scores(run.predictions, run.training_means, run.training_medians)]
    rows = pd.concat(tables, ignore_index=True)
    return RunScores(run.experiment, run.profile, run.banner, run.folds_done, run.folds_total, run.reproduces, rows, run.people, run.unit)


def write_tables(runs: Sequence[RunResult], folder: Path) -> list[Path]:
    """confusion.csv of each run that tells groups apart; error-by-gender.csv, families.csv, epochs.csv of those that have such numbers."""
    tables = {_own_name("confusion", run, runs): confusion_table(run) for run in runs if run.groups}
    some = {"error-by-gender": gender_table(runs), "families": families_table(runs), "epochs": epochs_table(runs)}
    tables |= {name: table for name, table in some.items() if table is not None}
    return [write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n")) for name, table in tables.items()]


def plot_figures(runs: Sequence[RunResult], folder: Path) -> list[Path]:
    """The confusion matrix of each run that tells groups apart; of those that predict ages, predicted against true age for each run, and
    cumulative score and error by age with all in one figure that are tested on the same data by the same protocol. Of several runs of one
    kind, their folds as box plots. Of each run that searched, what it chose."""
    written: list[Path] = []
    for run in runs:
        if run.groups:
            written += plot_confusion(run.predictions, run.groups, caption_of([run]), folder, name=_own_name("confusion", run, runs))
        elif run.unit == "years":
            name = _own_name("predicted-against-true", run, runs)
            written += plot_predicted_against_true(run.predictions, caption_of([run]), folder, name=name)
        if run.chosen is not None:
            name = _own_name("families", run, runs)
            written += plot_families(families_of(run), run.engine, run.predictions, caption_of([run]), folder, name=name)
    ages, groups = [run for run in runs if not run.groups and run.unit == "years"], [run for run in runs if run.groups]
    written += _plot_ages_together(ages, runs, folder)
    written += _plot_fold_boxes(ages, runs, "mae", folder, name="fold-boxes")
    return written + _plot_fold_boxes(groups, runs, "accuracy", folder, name="fold-boxes-groups")


def caption_of(runs: Sequence[RunResult]) -> Caption:
    """What a figure of these runs says about them."""

    def joined(values: list[str], between: str = ", ") -> str:
        return between.join(dict.fromkeys(value for value in values if value))

    protocols = [f"{run.protocol}, {folds_text(run.folds_done, run.folds_total)}" for run in runs]
    return Caption(
        run=joined([run.experiment for run in runs]),
        profile=joined([run.profile for run in runs]),
        protocol=joined(protocols, "; "),
        banner=joined([part for run in runs for part in run.standing.split("; ")], "; "),
    )


def _plot_ages_together(runs: Sequence[RunResult], named_among: Sequence[RunResult], folder: Path) -> list[Path]:
    """A figure of each kind for the runs that are tested alike, as pan2018, Figure 4 has one for each data set and protocol."""
    alike = tested_alike(runs)
    on_same_data = Counter(tested for tested, _ in alike)
    written: list[Path] = []
    for (tested, division), group in alike.items():
        words = f"{tested}, {division}"
        on, own = (words, f"-{_in_file_name(tested if on_same_data[tested] == 1 else words)}") if len(alike) > 1 else ("", "")
        guess = mean_age_predictions(group[0].predictions, group[0].training_means)
        for number, start in enumerate(range(0, len(group), len(COLOURS)), 1):
            part = group[start : start + len(COLOURS)]
            few, ending = {label_of(run, named_among): run.predictions for run in part}, f"-{number}" if len(group) > len(COLOURS) else ""
            written += plot_cumulative_score(few, caption_of(part), folder, guess=guess, on=on, name=f"cumulative-score{own}{ending}")
            written += plot_error_by_age(few, caption_of(part), folder, on=on, name=f"error-by-age{own}{ending}")
    return written


def _in_file_name(words: str) -> str:
    return file_name(words.replace(", ", " "))


def _plot_fold_boxes(runs: Sequence[RunResult], named_among: Sequence[RunResult], metric: Metric, folder: Path, *, name: str) -> list[Path]:
    if len(runs) < 2:
        return []
    together = {label_of(run, named_among): run for run in runs}
    printed = {label: published_row(run.reproduces) for label, run in together.items() if run.reproduces}
    return plot_fold_boxes(
        {label: run.predictions for label, run in together.items()},
        caption_of(runs),
        folder,
        earlier=_earlier_results(runs, metric),
        published={label: row[metric] for label, row in printed.items() if metric in row},
        name=name,
    )


def _earlier_results(runs: Sequence[RunResult], metric: Metric) -> Mapping[str, float]:
    """Other papers' results, where all runs stand in tables that are compared with the same ones."""
    places = {run.reproduces and _EARLIER.get((run.reproduces.paper, run.reproduces.table)) for run in runs}
    papers = {run.reproduces.paper for run in runs if run.reproduces}
    name = places.pop()
    if places or not name:
        return {}
    table = published_table(papers.pop(), name)
    return {f"{row} {table.cited.get(row, '')}".strip(): float(cells[metric]) for row, cells in table.rows.items() if metric in cells}


def _own_name(what: str, run: RunResult, runs: Sequence[RunResult]) -> str:
    """The name of a run's own file, told apart where there are several runs."""
    return what + (f"-{file_name(label_of(run, runs))}" if len(runs) > 1 else "")
