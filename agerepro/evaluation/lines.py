"""The lines of the comparison "paper | ours": which scores are shown, how they are called, and in which unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

NORMAL, PEOPLE = "normal over folds", "bootstrap over people"
AS_SHARE = {"share": 1.0, "percent": 0.01}
_EACH_GROUP = re.compile(r"(precision|recall)_(.+)")

Key = tuple[str, str]  # aggregation, metric


@dataclass(frozen=True)
class Line:
    """One line: which score, how it is called, its unit, what its interval is, and the score that is its spread over folds."""

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
    Line("macro", "accuracy", "Accuracy (macro)", "percent", PEOPLE, spread="accuracy_std"),
    Line("macro", "one_off_accuracy", "1-off accuracy (macro)", "percent", PEOPLE, spread="one_off_accuracy_std"),
    Line("pooled", "accuracy", "Accuracy (pooled)", "percent", PEOPLE),
    Line("pooled", "one_off_accuracy", "1-off accuracy (pooled)", "percent", PEOPLE),
    Line("macro", "majority_accuracy", "Majority predictor, accuracy (macro)", "percent", PEOPLE, spread="majority_accuracy_std"),
)
ONLY_WHERE_PUBLISHED = (
    Line("macro", "r2", "R2 (mean over folds)", ""),
    Line("pooled", "r2", "R2 (pooled)", ""),
    Line("pooled", "spearman", "Spearman's rho (pooled)", ""),
    Line("pooled", "epsilon_error", "Epsilon error (pooled)", "", PEOPLE),
    *(Line("pooled", f"ca_{years}", f"CA({years}) (pooled)", "percent", PEOPLE) for years in (3, 5, 7)),
)


def line_for(aggregation: str, metric: str) -> Line | None:
    """The line of a score that is shown only where a paper publishes it; None for one that we do not compute.

    Beside those listed: `precision_25-32` and `recall_25-32` of any group, pooled.
    """
    for line in ONLY_WHERE_PUBLISHED:
        if line.key == (aggregation, metric):
            return line
    if (match := _EACH_GROUP.fullmatch(metric)) and aggregation == "pooled":
        return Line("pooled", metric, f"{match[1].capitalize()} of {match[2]} (pooled)", "share")
    return None


def in_unit(value: float, unit: str, *, of: str) -> float:
    """A value given in unit `of` as one in `unit`: shares and percents become one another, all else stays."""
    return value * AS_SHARE[of] / AS_SHARE[unit] if {unit, of} <= set(AS_SHARE) and unit != of else value


def unit_of_score(line: Line) -> str:
    """The unit in which a SCORES table holds the score: percents are shares there."""
    return "share" if line.unit == "percent" else line.unit
