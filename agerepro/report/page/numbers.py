"""The page's numbers and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from agerepro.evaluation.compare import compare
from agerepro.evaluation.predictions import photo_errors
from agerepro.evaluation.scores import mean_age_predictions
from agerepro.explain.regions import ALL, EYES_AND_NOSE, REGIONS, of_region
from agerepro.report.figures.style import sample_size_text
from agerepro.report.page.charts import Box, age_chart, age_page, box_plot, cumulative_chart, errors_by_age
from agerepro.report.page.svg import Chart
from agerepro.report.results import score_run
from agerepro.report.run_result import RunResult, label_of, tested_alike
from agerepro.report.sections import extra_tables, notes_of
from agerepro.report.tables import NOTHING, PrintedTable, banner_of, comparison_page, number_text

STACKS = 8  # columns; a wider table (a confusion matrix) keeps its shape and scrolls by itself
COMPACT_COLUMNS, COMPACT_LETTERS = 6, 17  # a table of so few columns and letters fits a phone as it is
# The comparison's metric that a run, and a guess beside it, is summed up by.
MEASURED = {"years": "MAE (macro)", "wrong": "Accuracy (macro)"}
GUESSED_SCORE = "Mean predictor, MAE (macro)"
GUESSED = {"years": "Mean-age predictor, MAE (macro)", "wrong": "Majority predictor, accuracy (macro)"}
_REGION_HEADINGS = ("", "Region", "Share of energy", "95 % interval", "Share of crop", "Times even", "95 % interval")
_REGION_NOTE = (
    "Energy: absolute value of the maps. Times even: energy a pixel beside an even spread. Means over photos, intervals over people."
)


@dataclass(frozen=True)
class Section:
    """Rows that share their first cell, which stands above them once; cells are (heading, text, is a number)."""

    label: str
    rows: tuple[tuple[tuple[str, str, bool], ...], ...]


@dataclass(frozen=True)
class Numbers:
    """Tables and charts of one or several runs; `by_age` is None where none predicts ages."""

    banner: str
    summary: tuple[str, ...]
    comparison: PrintedTable
    below: tuple[PrintedTable, ...]
    boxes: tuple[Chart, ...]
    by_age: tuple[PrintedTable, Chart] | None
    cumulative: tuple[Chart, ...]


def numbers_of(runs: Sequence[RunResult]) -> Numbers:
    """Score, compare and draw checked runs."""
    comparison = compare([score_run(run) for run in runs])
    ages = {label_of(run, runs): run for run in runs if not run.groups and run.unit == "years"}
    binned = errors_by_age({label: run.predictions for label, run in ages.items()})
    return Numbers(
        banner_of(comparison),
        tuple(summary(runs, comparison)),
        with_standing_above(comparison_page(comparison, notes_of(runs))),
        tuple(extra_tables(runs)),
        tuple(_boxes(runs, comparison)),
        (age_page(binned, ""), age_chart(binned)) if binned else None,
        tuple(_cumulative(list(ages.values()), runs)),
    )


def sections(page: PrintedTable) -> list[Section]:
    """The page's rows without their first column."""
    groups: list[tuple[str, list[tuple[str, ...]]]] = []
    for row in page.rows:
        if row[0] or not groups:
            groups.append((row[0], []))
        groups[-1][1].append(row)
    return [Section(label, tuple(tuple(_cells(page, row)) for row in rows)) for label, rows in groups]


def on_phones(page: PrintedTable) -> str:
    """What a table does where there is no room: stay as it is (`compact`), become small lists (`stack`), or scroll (`wide`)."""
    letters = max(len(cell) for row in (page.headings, *page.rows) for cell in row[1:])
    if len(page.headings) <= COMPACT_COLUMNS and letters <= COMPACT_LETTERS:
        return "compact"
    return "stack" if len(page.headings) <= STACKS else "wide"


def with_standing_above(page: PrintedTable) -> PrintedTable:
    """The comparison, whose last two columns, profile and folds, are the same in all rows of a run: they go into its first cell."""
    rows = [(" · ".join((row[0], *row[-2:])) if row[0] else "", *row[1:-2]) for row in page.rows]
    return replace(page, headings=page.headings[:-2], rows=tuple(rows))


def regions_page(summary: pd.DataFrame, label: str) -> PrintedTable | None:
    """regions-summary.csv [explain.regions.SUMMARY] of the run called `label`; None where no photo has landmarks and a map."""
    if summary.empty:
        return None
    rows = []
    for row in of_region(summary, (EYES_AND_NOSE, *REGIONS), group=ALL):
        share, low, high, area = (_cell(row[name], ".1%") for name in ("share", "share_low", "share_high", "area_share"))
        times, times_low, times_high = (_cell(row[name], ".2f") for name in ("relative", "relative_low", "relative_high"))
        rows.append(("", str(row["region"]), share, _interval(low, high), area, times, _interval(times_low, times_high)))
    return PrintedTable(f"Where the maps of {label} lie", "", _REGION_HEADINGS, (2, 3, 4, 5, 6), tuple(rows), (_REGION_NOTE,))


def summary(runs: Sequence[RunResult], comparison: pd.DataFrame) -> list[str]:
    """What was tested and the mean result; what guessing gives; how it stands to the paper."""
    if len(runs) == 1:
        return [_result(runs[0], comparison), _guess(runs[0], comparison), _paper(runs, comparison)]
    return [_tested_together(runs), _best_and_worst(runs, comparison), _paper(runs, comparison)]


def line_of(run: RunResult, comparison: pd.DataFrame, metric: str) -> pd.Series | None:
    """The comparison's line of a score of this run; None where it has none."""
    own = (comparison["experiment"] == run.experiment) & (comparison["profile"] == run.profile)
    lines = comparison.loc[own & (comparison["metric"] == metric)]
    return None if lines.empty else lines.iloc[0]


def _cells(page: PrintedTable, row: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    for place, cell in enumerate(row):
        if place:
            yield page.headings[place], cell, place in page.numeric


def _cell(value: Any, form: str) -> str:
    return NOTHING if value != value else format(float(value), form)


def _interval(low: str, high: str) -> str:
    return NOTHING if NOTHING in (low, high) else f"[{low}, {high}]"


def _result(run: RunResult, comparison: pd.DataFrame) -> str:
    line = line_of(run, comparison, MEASURED[run.measure])
    assert line is not None, "every run is scored by its own measure"
    interval = "" if line["low"] != line["low"] else f" (95 % interval {_plain(line['low'], line)} to {_plain(line['high'], line)})"
    tested = f"Tested on {sample_size_text(run.predictions)} ({run.protocol}), {run.experiment}"
    if run.measure == "wrong":
        return (
            f"{tested} puts {number_text(line['ours'], 'percent')} of the photos into their right age group{interval}, averaged over folds."
        )
    return f"{tested} is wrong by {number_text(line['ours'], 'years')} {run.unit} on average over folds{interval}."


def _guess(run: RunResult, comparison: pd.DataFrame) -> str:
    line = line_of(run, comparison, GUESSED[run.measure] if run.unit == "years" else GUESSED_SCORE)
    assert line is not None, "every run is scored beside a guess"
    if run.measure == "wrong":
        return f"Always saying the most frequent group is right for {number_text(line['ours'], 'percent')}."
    near = line_of(run, comparison, "CS(5) (pooled)")
    within = "" if near is None else f"; {number_text(near['ours'], 'share')} of the photos are at most five years off"
    mean = "age" if run.unit == "years" else "score"
    wrong_by = f"{number_text(line['ours'], 'years')} {run.unit}{within}"
    return f"Saying the mean {mean} of the training photos for everyone would be wrong by {wrong_by}."


def _paper(runs: Sequence[RunResult], comparison: pd.DataFrame) -> str:
    numbers = []
    for run in runs:
        line = line_of(run, comparison, MEASURED[run.measure])
        if line is None or line["paper"] != line["paper"]:
            continue
        value = _plain(line["paper"], line) + ("" if run.measure == "wrong" else f" {run.unit}")
        whose = "" if len(runs) == 1 else f" for {label_of(run, runs)}"
        if line["difference"] == line["difference"]:
            more = "more" if line["difference"] > 0 else "less"
            points = " percentage points" if run.measure == "wrong" else f" {run.unit}"
            numbers.append(f"{value}{whose}, and ours is {abs(line['difference']):.2f}{points} {more}")
        else:
            numbers.append(f"{value}{whose}, which this run does not reproduce ({run.standing or 'profile ' + run.profile})")
    if not numbers:
        return "No published number belongs to these settings, so none stands beside them."
    return f"The paper prints {'; '.join(numbers)}."


def _tested_together(runs: Sequence[RunResult]) -> str:
    samples = list(dict.fromkeys(f"{sample_size_text(run.predictions)} ({run.protocol})" for run in runs))
    return f"{len(runs)} runs, tested on {' or '.join(samples)}, stand side by side."


def _best_and_worst(runs: Sequence[RunResult], comparison: pd.DataFrame) -> str:
    parts = []
    kinds = (("years", "years", "The mean error over folds"), ("years", "points", "The mean error over folds"))
    for measure, unit_of_runs, what in (*kinds, ("wrong", "years", "The share of right groups")):
        chosen = [run for run in runs if (run.measure, run.unit) == (measure, unit_of_runs)]
        lines = {label_of(run, runs): line_of(run, comparison, MEASURED[measure]) for run in chosen}
        values = {label: line for label, line in lines.items() if line is not None}
        if not values:
            continue
        low, high = (pick(values, key=lambda label: float(values[label]["ours"])) for pick in (min, max))
        unit = f" {unit_of_runs}" if measure == "years" else ""
        ends = [f"{_plain(values[label]['ours'], values[label])}{unit} ({label})" for label in dict.fromkeys((low, high))]
        parts.append(f"{what} {'runs from' if len(ends) > 1 else 'is'} {' to '.join(ends)}")
    return "; ".join(parts) + "."


def _plain(value: float, line: pd.Series) -> str:
    return number_text(float(value), str(line["unit"]))


def _cumulative(ages: Sequence[RunResult], runs: Sequence[RunResult]) -> Iterator[Chart]:
    """A chart of the runs of ages that are tested alike, with the guess for their photos; in the colours that the runs have on the page."""
    alike, place_of = tested_alike(ages), {label_of(run, runs): place for place, run in enumerate(runs)}
    for words, group in alike.items():
        curves = {place_of[label]: (label, run.predictions) for run in group for label in [label_of(run, runs)]}
        guess = mean_age_predictions(group[0].predictions, group[0].training_means)
        yield cumulative_chart(curves, guess, on=", ".join(words) if len(alike) > 1 else "")


def _boxes(runs: Sequence[RunResult], comparison: pd.DataFrame) -> list[Chart]:
    """One plot for the runs in years, one for those that tell groups apart, in percent of wrong photos."""
    charts = []
    kinds = (("years", "years", "years", 1.0), ("years", "points", "points", 1.0), ("wrong", "years", "% of wrong photos", 100.0))
    for measure, unit_of_runs, unit, scale in kinds:
        boxes = []
        for run in runs:
            if (run.measure, run.unit) == (measure, unit_of_runs):
                errors = pd.Series(photo_errors(run.predictions)).groupby(run.predictions["fold"].to_numpy()).mean()
                line = line_of(run, comparison, MEASURED[measure])
                paper = float("nan") if line is None else float(line["paper"])
                # The paper prints how many are right.
                boxes.append(
                    Box(label_of(run, runs), np.asarray(scale * errors, dtype=np.float64), paper if measure == "years" else 100 - paper)
                )
        if boxes:
            charts.append(box_plot(boxes, unit=unit))
    return charts
