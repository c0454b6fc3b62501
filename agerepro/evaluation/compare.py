"""Our scores beside the paper's, metric by metric."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from agerepro.config.schema import Reproduces
from agerepro.errors import UserError
from agerepro.published.tables import published_columns, published_row
from agerepro.runs.layout import folds_text, run_status

NAN = float("nan")
FOLDS, PEOPLE = "t over folds", "bootstrap over people"
AS_SHARE = {"share": 1.0, "percent": 0.01}
PAPER = "paper"  # the profile that holds the paper's own settings
COLUMNS = (
    "experiment",
    "metric",
    "unit",
    "paper",
    "paper_std",
    "ours",
    "ours_std",
    "difference",
    "low",
    "high",
    "interval",
    "profile",
    "folds",
    "standing",
    "source",
)
_GROUP_METRIC = re.compile(r"(precision|recall)_(.+)")

Key = tuple[str, str]  # aggregation, metric


@dataclass(frozen=True)
class MetricSpec:
    """A line of the comparison: which score, its label and unit, what its interval is, and the score that is its spread over folds."""

    aggregation: str
    metric: str
    label: str
    unit: str
    interval: str = ""
    spread: str = ""

    @property
    def key(self) -> Key:
        """The score, in a SCORES table and in a published one."""
        return self.aggregation, self.metric

    @property
    def spread_key(self) -> Key:
        """The same of its spread."""
        return self.aggregation, self.spread


METRICS = (
    MetricSpec("macro", "mae", "MAE (macro)", "years", FOLDS),
    MetricSpec("macro", "mae_bootstrap", "MAE (macro), bootstrap interval", "years", PEOPLE),
    MetricSpec("macro", "median", "MedianAE (over folds)", "years"),
    MetricSpec("macro", "upper_quartile", "Upper quartile (over folds)", "years"),
    MetricSpec("macro", "lower_quartile", "Lower quartile (over folds)", "years"),
    MetricSpec("pooled", "mae", "MAE (pooled)", "years", PEOPLE),
    MetricSpec("pooled", "cs_5", "CS(5) (pooled)", "share", PEOPLE),
    MetricSpec("macro", "mean_age_mae", "Mean-age predictor, MAE (macro)", "years", PEOPLE),
    MetricSpec("macro", "median_age_mae", "Median-age predictor, MAE (macro)", "years", PEOPLE),
    MetricSpec("macro", "share_of_mean_age", "MAE as share of mean-age predictor", "share", PEOPLE),
    MetricSpec("macro", "accuracy", "Accuracy (macro)", "percent", PEOPLE, spread="accuracy_std"),
    MetricSpec("macro", "one_off_accuracy", "1-off accuracy (macro)", "percent", PEOPLE, spread="one_off_accuracy_std"),
    MetricSpec("pooled", "accuracy", "Accuracy (pooled)", "percent", PEOPLE),
    MetricSpec("pooled", "one_off_accuracy", "1-off accuracy (pooled)", "percent", PEOPLE),
    MetricSpec("macro", "majority_accuracy", "Majority predictor, accuracy (macro)", "percent", PEOPLE, spread="majority_accuracy_std"),
)
ONLY_WHERE_PUBLISHED = (
    MetricSpec("macro", "r2", "R2 (mean over folds)", ""),
    MetricSpec("pooled", "r2", "R2 (pooled)", ""),
    MetricSpec("pooled", "spearman", "Spearman's rho (pooled)", ""),
    MetricSpec("pooled", "epsilon_error", "Epsilon error (pooled)", "", PEOPLE),
    *(MetricSpec("pooled", f"ca_{years}", f"CA({years}) (pooled)", "percent", PEOPLE) for years in (3, 5, 7)),
)


@dataclass(frozen=True)
class RunScores:
    """A run's SCORES table and what it may be taken for; `banner` is empty for a run of the paper's own experiment.

    people: what its folds do to people, in words; a paper may mean it, so that it stands in no reproduction's way.
    """

    experiment: str
    profile: str
    banner: str
    folds_done: int
    folds_total: int
    reproduces: Reproduces | None
    scores: pd.DataFrame
    people: str = ""
    unit: str = "years"  # of what it predicts

    @property
    def standing(self) -> str:
        """The banner, with the missing folds and what is said of people."""
        return run_status(self.banner, self.folds_done, self.folds_total, people=self.people)

    @property
    def reproduces_in_full(self) -> bool:
        """Whether the numbers may be set against the paper's: its settings, its data, all folds."""
        return not run_status(self.banner, self.folds_done, self.folds_total) and self.profile == PAPER


def compare(runs: Sequence[RunScores]) -> pd.DataFrame:
    """One row a run and score, columns COLUMNS; numbers in `unit`, NaN where the paper or the run has none.

    `paper_std` and `ours_std` are standard deviations over folds, where a score is given with one. `difference` is ours minus the
    paper's, and NaN for a run with a banner, missing folds or a profile other than the paper's: such a number is no reproduction,
    however near it comes. Raises UserError for a published row that does not exist, or a published score that no run computes.
    """
    if not runs:
        raise UserError("There is no run to compare. Name at least one.")
    rows = [row for run in runs for row in _rows(run)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def metric_spec(aggregation: str, metric: str) -> MetricSpec | None:
    """The line of a score that is shown only where a paper publishes it; None for one that we do not compute.

    Beside those listed: `precision_25-32` and `recall_25-32` of any group, pooled.
    """
    for spec in ONLY_WHERE_PUBLISHED:
        if spec.key == (aggregation, metric):
            return spec
    if (match := _GROUP_METRIC.fullmatch(metric)) and aggregation == "pooled":
        return MetricSpec("pooled", metric, f"{match[1].capitalize()} of {match[2]} (pooled)", "share")
    return None


def in_unit(value: float, unit: str, *, of: str) -> float:
    """A value given in unit `of` as one in `unit`: shares and percents become one another, all else stays."""
    return value * AS_SHARE[of] / AS_SHARE[unit] if {unit, of} <= set(AS_SHARE) and unit != of else value


def unit_of_score(spec: MetricSpec) -> str:
    """The unit in which a SCORES table holds the score: percents are shares there."""
    return "share" if spec.unit == "percent" else spec.unit


def _rows(run: RunScores) -> list[dict[str, object]]:
    overall = run.scores[run.scores["fold"] == "all"]
    scores: dict[Key, dict[Hashable, Any]] = {(row["aggregation"], row["metric"]): row for row in overall.to_dict("records")}
    paper = _published(run.reproduces)
    source = f"{run.reproduces.paper} {run.reproduces.table} {run.reproduces.row}" if run.reproduces else ""
    rows: list[dict[str, object]] = []
    for spec in _specs(run, set(scores), paper, source):
        score, spread = scores[spec.key], scores.get(spec.spread_key, {"value": NAN})
        published, ours = _paper_value(spec, spec.key, paper), _run_value(spec, score["value"])
        rows.append(
            {
                "experiment": run.experiment,
                "metric": spec.label,
                "unit": spec.unit,
                "paper": published,
                "paper_std": _paper_value(spec, spec.spread_key, paper),
                "ours": ours,
                "ours_std": _run_value(spec, spread["value"]),
                "difference": ours - published if run.reproduces_in_full else NAN,
                "low": _run_value(spec, score["low"]),
                "high": _run_value(spec, score["high"]),
                "interval": spec.interval,
                "profile": run.profile,
                "folds": folds_text(run.folds_done, run.folds_total),
                "standing": run.standing,
                "source": source if published == published else "",
            }
        )
    return rows


def _specs(run: RunScores, scored: set[Key], paper: dict[Key, tuple[float, str]], source: str) -> list[MetricSpec]:
    """The lines of a run: those that it has scores for, and those of its published row that are not among them."""
    specs = [_in_unit_of(run, spec) for spec in METRICS if spec.key in scored and (run.unit == "years" or spec.metric != "cs_5")]
    listed = {key for spec in specs for key in (spec.key, spec.spread_key)}
    more = {key: metric_spec(*key) for key in paper if key not in listed}
    unscored = sorted(key for key, spec in more.items() if spec is None or key not in scored)
    if unscored:
        names = ", ".join(f"{metric} ({aggregation})" for aggregation, metric in unscored)
        raise UserError(
            f"{source} publishes {names}, which the scores of {run.experiment} do not hold. "
            "Name another row under reproduces, or score the run for it."
        )
    return specs + [spec for spec in more.values() if spec is not None]


def _in_unit_of(run: RunScores, spec: MetricSpec) -> MetricSpec:
    """The line as it is said of what the run predicts: a score has no years."""
    if run.unit == "years":
        return spec
    return replace(spec, unit=run.unit if spec.unit == "years" else spec.unit, label=spec.label.replace("-age predictor", " predictor"))


def _paper_value(spec: MetricSpec, key: Key, paper: dict[Key, tuple[float, str]]) -> float:
    value, unit = paper.get(key, (NAN, spec.unit))
    return in_unit(value, spec.unit, of=unit)


def _run_value(spec: MetricSpec, value: float) -> float:
    return in_unit(float(value), spec.unit, of=unit_of_score(spec))


def _published(reproduces: Reproduces | None) -> dict[Key, tuple[float, str]]:
    """The row's numbers and their units by (aggregation, metric)."""
    if reproduces is None:
        return {}
    columns = published_columns(reproduces)
    return {(columns[metric].aggregation, metric): (value, columns[metric].unit) for metric, value in published_row(reproduces).items()}
