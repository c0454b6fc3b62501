"""The sentences under a table of runs: protocols, seeds, and how runs differ from each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from agerepro.errors import UserError
from agerepro.evaluation.significance import Paired, Unit, paired
from agerepro.report.run_result import RunResult, label_of

_PLURAL: dict[Unit, str] = {"fold": "folds", "subject": "people"}


def notes_of(runs: Sequence[RunResult]) -> list[str]:
    """All of them, in the order of the page."""
    return protocol_notes(runs) + seed_notes(runs) + paired_notes(runs) + epoch_notes(runs)


def protocol_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence a protocol, naming its followers where there are several."""
    followers: dict[str, list[str]] = {}
    for run in runs:
        followers.setdefault(run.protocol, []).append(label_of(run, runs))
    if len(followers) == 1:
        return [f"Protocol: {runs[0].protocol}."]
    return [f"Protocol of {', '.join(labels)}: {protocol}." for protocol, labels in followers.items()]


def seed_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every run of several seeds."""
    seeds = {label_of(run, runs): run.predictions["seed"].nunique() for run in runs}
    return [f"{label}: mean of {count} seeds, each scored alone." for label, count in seeds.items() if count > 1]


def paired_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every two runs: the difference of their errors over shared folds, or why there is none."""
    notes, tested = [], False
    for first, second in combinations(runs, 2):
        who = f"{label_of(second, runs)} against {label_of(first, runs)}"
        unit: Unit = "fold" if first.one_person_a_fold and second.one_person_a_fold else "subject"
        try:
            found = paired(second.predictions, first.predictions, unit=unit)
        except UserError as error:
            notes.append(f"{who}: not compared. {error}")
            continue
        notes.append(f"{who}: {_said(found)}.")
        tested |= found.shapiro_p == found.shapiro_p
    if tested:
        notes.append("Shapiro-Wilk: a small p speaks against normal differences; then read Wilcoxon's p and not that of paired t.")
    return notes


def epoch_notes(runs: Sequence[RunResult]) -> list[str]:
    """One sentence for every run that had no two epochs to choose from."""
    few = [label_of(run, runs) for run in runs if run.epochs is not None and not run.epochs.folds]
    return [f"{label}: trained for fewer than two epochs, so there is no choice of an epoch to show." for label in few]


def _said(found: Paired) -> str:
    scale, unit = (1.0, " years") if found.measure == "years" else (100.0, " percentage points of wrong photos")
    difference, low, high = (f"{scale * value:+.2f}" for value in (found.difference, found.low, found.high))
    shapiro = f", Shapiro-Wilk {_p(found.shapiro_p)}" if found.shapiro_p == found.shapiro_p else ""
    return (
        f"mean difference over {found.n} {_PLURAL[found.unit]} {difference}{unit} [{low}, {high}], "
        f"paired t {_p(found.t_p)}, Wilcoxon {_p(found.wilcoxon_p)}{shapiro}"
    )


def _p(value: float) -> str:
    return f"p = {value:.2g}"
