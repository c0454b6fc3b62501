"""The tables and notes below the comparison: epochs, confusion, gender, paired tests."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import MIN_CLUSTERS
from agerepro.evaluation.epochs import LAST, OPTIMISM, TEST, VALIDATION, EpochScore, epoch_scores, epoch_table
from agerepro.evaluation.metrics import precision, recall
from agerepro.evaluation.scores import counts_of
from agerepro.evaluation.significance import Paired, Unit, holm, paired
from agerepro.evaluation.subgroups import error_by_gender
from agerepro.report.families import family_pages
from agerepro.report.run_result import RunResult, label_of
from agerepro.report.tables import BOOTSTRAP, NOTHING, PrintedTable, count_text, interval_text, number_text

_CHOICES = {
    LAST: "last",
    VALIDATION: "least validation loss inside the fold",
    TEST: "best on the held-out {whom}",
    OPTIMISM: "best on the held-out {whom} less last",
}
_GENDERS = {"f": "women", "m": "men", "": "unknown"}
_PLURAL: dict[Unit, str] = {"fold": "folds", "subject": "people"}


def extra_tables(runs: Sequence[RunResult]) -> list[PrintedTable]:
    """Every section that the runs have numbers for."""
    return [*confusion_pages(runs), *gender_pages(runs), *family_pages(runs), *epoch_pages(runs)]


def epoch_pages(runs: Sequence[RunResult]) -> list[PrintedTable]:
    """The run's score at three choices of the epoch, and what the one that is no valid result would gain; none without epochs."""
    rows, notes = [], []
    with_epochs = [run for run in runs if run.epochs and run.epochs.folds]
    for run in with_epochs:
        label, scores = label_of(run, runs), epoch_scores(run.epochs.folds, measure=run.measure) if run.epochs else []
        rows += [_epoch_row(run, score, label if score.choice == LAST else "") for score in scores]
        if not all(score.available for score in scores):
            notes.append(f"{label}: least validation loss not available, since its folds have no validation part.")
        if run.epochs and run.epochs.tta != "none":
            notes.append(
                f"{label}: these are outputs for the plain picture; the comparison above averages it with its mirror image, so that the "
                "same epoch scores otherwise there."
            )
    if not rows:
        return []
    explanations = (
        "Validation: inside the fold's training part, apart from what is tested. Intervals: Student's t over folds; "
        f"of the last row, bootstrap over folds (BCa), none for fewer than {MIN_CLUSTERS}.",
        "Best on the held-out: there the tested photos themselves choose when to stop. It is not a valid result, and shown so that it "
        "can be told from one; the last row is what it pretends to gain.",
    )
    headings = ("Experiment", "Epoch", "Score", "Mean over folds", "95 % interval", "Epochs chosen", "Valid")
    return [PrintedTable("Which epoch is reported", _banner(with_epochs), headings, (3, 4), tuple(rows), (*explanations, *notes))]


def confusion_pages(runs: Sequence[RunResult]) -> list[PrintedTable]:
    """One page a run that tells groups apart: rows are true groups, columns predicted ones, with precision and recall."""
    pages = []
    for run in runs:
        if run.groups:
            table = confusion_table(run)
            rows = [
                (
                    label_of(run, runs) if not place else "",
                    str(line["group"]),
                    *(f"{line[label]:,}" for label in run.groups),
                    *_shares(line),
                )
                for place, line in enumerate(table.to_dict("records"))
            ]
            headings = ("Experiment", "True group", *run.groups, "Precision", "Recall")
            seeds = run.predictions["seed"].nunique()
            note = "Rows: true groups. Columns: photos by predicted group" + (f", all {seeds} seeds." if seeds > 1 else ".")
            numeric = tuple(range(2, len(headings)))
            pages.append(PrintedTable("Confusion matrix", run.standing, headings, numeric, tuple(rows), (note,)))
    return pages


def gender_pages(runs: Sequence[RunResult]) -> list[PrintedTable]:
    """Mean error of women's and men's photos; none where no gender is known."""
    rows: list[tuple[str, ...]] = []
    with_genders = _with_genders(runs)
    for run in with_genders:
        unit = "years" if run.groups == () else "share"
        for place, line in enumerate(error_by_gender(run.predictions, run.genders).to_dict("records")):
            score = f"MAE (pooled), {run.unit}" if unit == "years" else "Photos in a wrong group (pooled)"
            counts = (f"{line['photos']:,}", count_text(line["people"]))
            error = (number_text(line["error"], unit), interval_text(line["low"], line["high"], unit))
            rows.append((label_of(run, runs) if not place else "", _GENDERS[line["gender"]], score, *counts, *error))
    headings = ("Experiment", "Photos of", "Score", "Photos", "People", "Error", "95 % interval")
    note = f"Gender as the data set has it. Intervals: {BOOTSTRAP}."
    return [PrintedTable("Error by gender", _banner(with_genders), headings, (3, 4, 5, 6), tuple(rows), (note,))] if rows else []


def confusion_table(run: RunResult) -> pd.DataFrame:
    """One row a true group: `group`, a column of counts a predicted group, then `precision` and `recall` of this group."""
    table = pd.DataFrame(counts_of(run.predictions, run.groups), columns=list(run.groups))
    table.insert(0, "group", list(run.groups))
    pair = run.predictions["group"], run.predictions["predicted_group"]
    return table.assign(precision=precision(*pair, run.groups), recall=recall(*pair, run.groups))


def gender_table(runs: Sequence[RunResult]) -> pd.DataFrame | None:
    """`error_by_gender` of every run with known genders, and its experiment, profile and measure (years, or wrong: a share)."""
    tables = [
        error_by_gender(run.predictions, run.genders).assign(experiment=run.experiment, profile=run.profile, measure=run.measure)
        for run in _with_genders(runs)
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def epochs_table(runs: Sequence[RunResult]) -> pd.DataFrame | None:
    """`epoch_table` of every run that has epochs to choose from; None when there is none."""
    tables = [
        epoch_table(run.epochs.folds, measure=run.measure, experiment=run.experiment, profile=run.profile)
        for run in runs
        if run.epochs and run.epochs.folds
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def notes_of(runs: Sequence[RunResult]) -> list[str]:
    """All of them, in the order of the page."""
    return protocol_notes(runs) + people_notes(runs) + seed_notes(runs) + paired_notes(runs) + epoch_notes(runs)


def protocol_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence a protocol, naming its followers where there are several."""
    followers: dict[str, list[str]] = {}
    for run in runs:
        followers.setdefault(run.protocol, []).append(label_of(run, runs))
    if len(followers) == 1:
        return [f"Protocol: {runs[0].protocol}."]
    return [f"Protocol of {', '.join(labels)}: {protocol}." for protocol, labels in followers.items()]


def people_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every run that tests photos of nobody known."""
    notes = []
    for run in runs:
        nameless = run.predictions.loc[run.predictions["subject"] == "", "photo"].nunique()
        if nameless:
            notes.append(
                f"{label_of(run, runs)}: people are unknown in {nameless:,} of {run.predictions['photo'].nunique():,} tested photos; each "
                "of these counts as a person of its own, so intervals may be too narrow."
            )
    return notes


def seed_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every run of several seeds."""
    seeds = {label_of(run, runs): run.predictions["seed"].nunique() for run in runs}
    return [f"{label}: mean of {count} seeds, each scored alone." for label, count in seeds.items() if count > 1]


def paired_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every two runs that can be paired: the difference of their errors over shared folds. One for all that cannot.

    p-values are corrected for all pairs that are tested here [evaluation.significance.holm], paired t and Wilcoxon each by itself.
    """
    notes: dict[tuple[str, str], Paired | UserError] = {}
    for first, second in combinations(runs, 2):
        unit: Unit = "fold" if first.one_person_a_fold and second.one_person_a_fold else "subject"
        try:
            result: Paired | UserError = paired(second.predictions, first.predictions, unit=unit)
        except UserError as error:
            result = error
        notes[label_of(second, runs), label_of(first, runs)] = result
    tests = {pair: result for pair, result in notes.items() if isinstance(result, Paired)}
    t_p, wilcoxon_p = (
        dict(zip(tests, holm(values))) for values in ([test.t_p for test in tests.values()], [test.wilcoxon_p for test in tests.values()])
    )
    sentences = [f"{' against '.join(pair)}: {_describe(test, t_p[pair], wilcoxon_p[pair], len(tests))}." for pair, test in tests.items()]
    unpaired = {pair: error for pair, error in notes.items() if isinstance(error, UserError)}
    if len(unpaired) == 1:
        sentences += [f"{' against '.join(pair)}: not compared. {error}" for pair, error in unpaired.items()]
    elif unpaired:
        sentences.append(
            "Not compared are runs that do not test the same photos in the same folds. Those that do: "
            f"{'; '.join(', '.join(group) for group in _paired_groups(runs, tests))}."
        )
    if any(test.shapiro_p == test.shapiro_p for test in tests.values()):
        sentences.append("Shapiro-Wilk: a small p speaks against normal differences; then read Wilcoxon's p and not that of paired t.")
    return sentences


def _paired_groups(runs: Sequence[RunResult], pairs: Collection[tuple[str, str]]) -> list[list[str]]:
    """The labels of the runs, those together of which each is paired with the first."""
    groups: list[list[str]] = []
    for label in (label_of(run, runs) for run in runs):
        of_first = next((group for group in groups if (label, group[0]) in pairs), None)
        if of_first is None:
            groups.append([label])
        else:
            of_first.append(label)
    return groups


def epoch_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every run that had no two epochs to choose from."""
    few = [label_of(run, runs) for run in runs if run.epochs is not None and not run.epochs.folds]
    return [f"{label}: trained for fewer than two epochs, so there is no choice of an epoch to show." for label in few]


def _with_genders(runs: Sequence[RunResult]) -> list[RunResult]:
    return [run for run in runs if any(run.genders.get(photo, "") for photo in run.predictions["photo"])]


def _epoch_row(run: RunResult, score: EpochScore, label: str) -> tuple[str, ...]:
    whom = "person" if run.one_person_a_fold else "photos" if run.people else "people"
    reported = " (reported)" if run.epochs and score.choice == run.epochs.reported else ""
    unit, scale, label_of_score = (
        (run.unit, 1.0, f"MAE (macro), {run.unit}") if run.measure == "years" else ("percent", 100.0, "Accuracy (macro)")
    )
    sign = "+" if score.choice == OPTIMISM else ""
    value = number_text(scale * score.mean.value, unit, sign=sign)
    interval = interval_text(scale * score.mean.low, scale * score.mean.high, unit, sign=sign)
    valid = {LAST: "yes", VALIDATION: "yes", TEST: "no: not a valid result", OPTIMISM: ""}[score.choice]
    return (
        label,
        _CHOICES[score.choice].format(whom=whom) + reported,
        label_of_score,
        value if score.available else "not available",
        interval,
        _span(score.epochs),
        valid,
    )


def _span(epochs: Sequence[int]) -> str:
    """`20`, or `median 12, 3 to 20` where folds differ."""
    if not epochs:
        return NOTHING
    if min(epochs) == max(epochs):
        return str(epochs[0])
    return f"median {np.median(epochs):g}, {min(epochs)} to {max(epochs)}"


def _shares(line: dict[Hashable, Any]) -> tuple[str, str]:
    precision_text, recall_text = (NOTHING if np.isnan(line[name]) else f"{line[name]:.3f}" for name in ("precision", "recall"))
    return precision_text, recall_text


def _banner(runs: Sequence[RunResult]) -> str:
    return "; ".join(dict.fromkeys(part for run in runs for part in run.standing.split("; ") if part))


def _describe(test: Paired, t_p: float, wilcoxon_p: float, pairs: int) -> str:
    scale, unit = (1.0, " years") if test.measure == "years" else (100.0, " percentage points of wrong photos")
    difference, low, high = (f"{scale * value:+.2f}" for value in (test.difference, test.low, test.high))
    interval = f"[{low}, {high}]" if test.low == test.low else f"(no interval: fewer than {MIN_CLUSTERS} people)"
    correction = f" (Holm over {pairs} pairs)" if pairs > 1 else ""
    shapiro = f", Shapiro-Wilk {_p(test.shapiro_p)}" if test.shapiro_p == test.shapiro_p else ""
    return (
        f"mean difference over {test.n} {_PLURAL[test.unit]} {difference}{unit} {interval}, "
        f"paired t {_p(t_p)}, Wilcoxon {_p(wilcoxon_p)}{correction}{shapiro}"
    )


def _p(value: float) -> str:
    return f"p = {value:.2g}"
