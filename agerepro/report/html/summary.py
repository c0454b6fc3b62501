"""Three sentences in plain words that say what came out, made from the comparison's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from agerepro.report.run_result import RunResult, label_of
from agerepro.report.tables import number_text

MEASURED = {"years": "MAE (macro)", "wrong": "Accuracy (macro)"}
GUESSED = {"years": "Mean-age predictor, MAE (macro)", "wrong": "Majority predictor, accuracy (macro)"}


def summary(runs: Sequence[RunResult], comparison: pd.DataFrame) -> list[str]:
    """What was tested and the mean result; what guessing gives; how it stands to the paper."""
    if len(runs) == 1:
        return [_result(runs[0], comparison), _guess(runs[0], comparison), _paper(runs, comparison)]
    return [_tested_together(runs), _best_and_worst(runs, comparison), _paper(runs, comparison)]


def line_of(run: RunResult, comparison: pd.DataFrame, metric: str) -> pd.Series | None:
    """The comparison's line of a score of this run; None where it has none."""
    found = comparison.loc[
        (comparison["experiment"] == run.experiment) & (comparison["profile"] == run.profile) & (comparison["metric"] == metric)
    ]
    return None if found.empty else found.iloc[0]


def crowd(run: RunResult) -> str:
    """`1,002 photos of 82 people`."""
    photos, people = run.predictions["photo"].nunique(), run.predictions.loc[run.predictions["subject"] != "", "subject"].nunique()
    return f"{photos:,} photos of {people:,} {'person' if people == 1 else 'people'}"


def _result(run: RunResult, comparison: pd.DataFrame) -> str:
    line = line_of(run, comparison, MEASURED[run.measure])
    assert line is not None, "every run is scored by its own measure"
    span = "" if line["low"] != line["low"] else f" (95 % interval {_plain(line['low'], line)} to {_plain(line['high'], line)})"
    on = f"Tested on {crowd(run)} ({run.protocol}), {run.experiment}"
    if run.measure == "wrong":
        return f"{on} puts {number_text(line['ours'], 'percent')} of the photos into their right age group{span}, averaged over folds."
    return f"{on} is wrong by {number_text(line['ours'], 'years')} years on average over folds{span}."


def _guess(run: RunResult, comparison: pd.DataFrame) -> str:
    line = line_of(run, comparison, GUESSED[run.measure])
    assert line is not None, "every run is scored beside a guess"
    if run.measure == "wrong":
        return f"Always saying the most frequent group is right for {number_text(line['ours'], 'percent')}."
    near = line_of(run, comparison, "CS(5) (pooled)")
    within = "" if near is None else f"; {number_text(near['ours'], 'share')} of the photos are at most five years off"
    return f"Saying the mean age of the training photos for everyone would be wrong by {number_text(line['ours'], 'years')} years{within}."


def _paper(runs: Sequence[RunResult], comparison: pd.DataFrame) -> str:
    told = []
    for run in runs:
        line = line_of(run, comparison, MEASURED[run.measure])
        if line is None or line["paper"] != line["paper"]:
            continue
        value = _plain(line["paper"], line) + ("" if run.measure == "wrong" else " years")
        of = "" if len(runs) == 1 else f" for {label_of(run, runs)}"
        if line["difference"] == line["difference"]:
            more = "more" if line["difference"] > 0 else "less"
            points = " percentage points" if run.measure == "wrong" else " years"
            told.append(f"{value}{of}, and ours is {abs(line['difference']):.2f}{points} {more}")
        else:
            told.append(f"{value}{of}, which this run does not reproduce ({run.standing or 'profile ' + run.profile})")
    if not told:
        return "No published number belongs to these settings, so none stands beside them."
    return f"The paper prints {'; '.join(told)}."


def _tested_together(runs: Sequence[RunResult]) -> str:
    crowds = list(dict.fromkeys(f"{crowd(run)} ({run.protocol})" for run in runs))
    return f"{len(runs)} runs, tested on {' or '.join(crowds)}, stand side by side."


def _best_and_worst(runs: Sequence[RunResult], comparison: pd.DataFrame) -> str:
    parts = []
    for measure, what in (("years", "The mean error over folds"), ("wrong", "The share of right groups")):
        of = {label_of(run, runs): line_of(run, comparison, MEASURED[run.measure]) for run in runs if run.measure == measure}
        values = {label: line for label, line in of.items() if line is not None}
        if not values:
            continue
        low, high = (pick(values, key=lambda label: float(values[label]["ours"])) for pick in (min, max))
        unit = " years" if measure == "years" else ""
        ends = [f"{_plain(values[label]['ours'], values[label])}{unit} ({label})" for label in dict.fromkeys((low, high))]
        parts.append(f"{what} {'runs from' if len(ends) > 1 else 'is'} {' to '.join(ends)}")
    return "; ".join(parts) + "."


def _plain(value: float, line: pd.Series) -> str:
    return number_text(float(value), str(line["unit"]))
