"""Everything on the page that several runs share: comparison, tables below it, charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agerepro.evaluation.baseline import mean_age_predictions
from agerepro.evaluation.compare import compare
from agerepro.evaluation.photo_errors import photo_errors
from agerepro.report.html.box_plot import Box, box_plot
from agerepro.report.html.by_age import age_chart, age_page, errors_by_age
from agerepro.report.html.cumulative import cumulative_chart
from agerepro.report.html.printed import with_standing_above
from agerepro.report.html.summary import MEASURED, line_of, summary
from agerepro.report.html.svg import Drawn
from agerepro.report.notes import notes_of
from agerepro.report.page import Page
from agerepro.report.results import score_run
from agerepro.report.run_result import RunResult, label_of
from agerepro.report.sections import below
from agerepro.report.tables import banner_of, comparison_page


@dataclass(frozen=True)
class Numbers:
    """Tables and charts of one or several runs; `by_age` is None where none predicts ages."""

    banner: str
    summary: tuple[str, ...]
    comparison: Page
    below: tuple[Page, ...]
    boxes: tuple[Drawn, ...]
    by_age: tuple[Page, Drawn] | None
    cumulative: Drawn | None


def numbers_of(runs: Sequence[RunResult]) -> Numbers:
    """Score, compare and draw checked runs."""
    comparison = compare([score_run(run) for run in runs])
    told = comparison_page(comparison, notes_of(runs))
    ages = {label_of(run, runs): run for run in runs if not run.groups}
    predictions = {label: run.predictions for label, run in ages.items()}
    binned = errors_by_age(predictions)
    first = next(iter(ages.values()), None)
    guess = mean_age_predictions(first.predictions, first.training_means) if first else None
    return Numbers(
        banner_of(comparison),
        tuple(summary(runs, comparison)),
        with_standing_above(told),
        tuple(below(runs)),
        tuple(_boxes(runs, comparison)),
        (age_page(binned, ""), age_chart(binned)) if binned else None,
        cumulative_chart(predictions, guess) if guess is not None else None,
    )


def _boxes(runs: Sequence[RunResult], comparison: pd.DataFrame) -> list[Drawn]:
    """One plot for the runs in years, one for those that tell groups apart, in percent of wrong photos."""
    drawn = []
    for measure, unit, scale in (("years", "years", 1.0), ("wrong", "% of wrong photos", 100.0)):
        boxes = []
        for run in runs:
            if run.measure == measure:
                errors = pd.Series(photo_errors(run.predictions)).groupby(run.predictions["fold"].to_numpy()).mean()
                line = line_of(run, comparison, MEASURED[measure])
                paper = float("nan") if line is None else float(line["paper"])
                # The paper prints how many are right.
                boxes.append(
                    Box(label_of(run, runs), np.asarray(scale * errors, dtype=np.float64), paper if measure == "years" else 100 - paper)
                )
        if boxes:
            drawn.append(box_plot(boxes, unit=unit))
    return drawn
