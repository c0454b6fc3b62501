"""The comparison "paper | ours": every score of a run beside the published number it reproduces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.standing import folds_text, standing
from agerepro.experiment.schema import Reproduces
from agerepro.published.read import published_columns, published_row

NAN = float("nan")
PAPER = "paper"  # the profile that holds the paper's own settings
COLUMNS = (
    "experiment",
    "metric",
    "unit",
    "paper",
    "ours",
    "difference",
    "low",
    "high",
    "interval",
    "profile",
    "folds",
    "standing",
    "source",
)


@dataclass(frozen=True)
class RunScores:
    """A run's SCORES table and what it may be taken for; `banner` is empty for a run of the paper's own experiment."""

    experiment: str
    profile: str
    banner: str
    folds_done: int
    folds_total: int
    reproduces: Reproduces | None
    scores: pd.DataFrame

    @property
    def standing(self) -> str:
        """The banner, with the missing folds."""
        return standing(self.banner, self.folds_done, self.folds_total)

    @property
    def reproduces_in_full(self) -> bool:
        """Whether the numbers may be set against the paper's: its settings, its data, all folds."""
        return not self.standing and self.profile == PAPER


@dataclass(frozen=True)
class Line:
    """One line of the comparison: which score, how it is called, its unit, and what its interval is."""

    aggregation: str
    metric: str
    label: str
    unit: str
    interval: str = ""


NORMAL, PEOPLE = "normal over folds", "bootstrap over people"
LINES = (
    Line("macro", "mae", "MAE (macro)", "years", NORMAL),
    Line("macro", "mae_bootstrap", "MAE (macro), bootstrap interval", "years", PEOPLE),
    Line("macro", "median", "MedianAE (over folds)", "years"),
    Line("macro", "upper_quartile", "Upper quartile (over folds)", "years"),
    Line("macro", "lower_quartile", "Lower quartile (over folds)", "years"),
    Line("pooled", "mae", "MAE (pooled)", "years", PEOPLE),
    Line("pooled", "cs_5", "CS(5) (pooled)", "share", PEOPLE),
    Line("macro", "mean_age_mae", "Mean-age predictor, MAE (macro)", "years", PEOPLE),
    Line("macro", "share_of_mean_age", "MAE as share of mean-age predictor", "share", PEOPLE),
)
ONLY_WHERE_PUBLISHED = (
    Line("macro", "r2", "R2 (mean over folds)", ""),
    Line("pooled", "r2", "R2 (pooled)", ""),
)


def compare(runs: Sequence[RunScores]) -> pd.DataFrame:
    """One row a run and score, columns COLUMNS; numbers in `unit`, NaN where the paper or the run has none.

    `difference` is ours minus the paper's, and NaN for a run with a banner, missing folds or a profile other than the
    paper's: such a number is no reproduction, however near it comes. Raises UserError for a published row that does not
    exist, or a published score that no run computes.
    """
    if not runs:
        raise UserError("There is no run to compare. Name at least one.")
    rows = [row for run in runs for row in _rows(run)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(run: RunScores) -> list[dict[str, object]]:
    overall = run.scores[run.scores["fold"] == "all"]
    found = {(str(row["aggregation"]), str(row["metric"])): row for row in overall.to_dict("records")}
    paper = _published(run.reproduces)
    source = f"{run.reproduces.paper} {run.reproduces.table} {run.reproduces.row}" if run.reproduces else ""
    lines = [line for line in LINES if (line.aggregation, line.metric) in found]
    lines += [line for line in ONLY_WHERE_PUBLISHED if (line.aggregation, line.metric) in paper]
    unscored = set(paper) - {(line.aggregation, line.metric) for line in lines}
    if unscored:
        names = ", ".join(f"{metric} ({aggregation})" for aggregation, metric in sorted(unscored))
        raise UserError(
            f"{source} publishes {names}, which the scores of {run.experiment} do not hold. "
            "Name another row under reproduces, or score the run for it."
        )
    rows: list[dict[str, object]] = []
    for line in lines:
        score = found[line.aggregation, line.metric]
        published, ours = paper.get((line.aggregation, line.metric), NAN), float(score["value"])
        rows.append(
            {
                "experiment": run.experiment,
                "metric": line.label,
                "unit": line.unit,
                "paper": published,
                "ours": ours,
                "difference": ours - published if run.reproduces_in_full else NAN,
                "low": float(score["low"]),
                "high": float(score["high"]),
                "interval": line.interval,
                "profile": run.profile,
                "folds": folds_text(run.folds_done, run.folds_total),
                "standing": run.standing,
                "source": source if published == published else "",
            }
        )
    return rows


def _published(reproduces: Reproduces | None) -> dict[tuple[str, str], float]:
    """The row's numbers by (aggregation, metric)."""
    if reproduces is None:
        return {}
    columns = published_columns(reproduces)
    return {(columns[metric].aggregation, metric): value for metric, value in published_row(reproduces).items()}
