"""Whether one run is better than another on the same photos: paired over folds or people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.check import check_one_run, people
from agerepro.evaluation.intervals import RESAMPLES, bootstrap_people
from agerepro.evaluation.metrics import Floats, absolute_errors, photo_weights

Unit = Literal["fold", "subject"]


@dataclass(frozen=True)
class Paired:
    """First minus second mean absolute error, averaged over units, in years: below 0 the first run is better.

    `low` and `high` end the 95 % bootstrap interval over people; the p-values are two-sided.
    """

    unit: Unit
    n: int
    difference: float
    low: float
    high: float
    t_p: float
    wilcoxon_p: float


def paired(first: pd.DataFrame, second: pd.DataFrame, *, unit: Unit = "fold", seed: int = 0, resamples: int = RESAMPLES) -> Paired:
    """The paired comparison of two runs over the folds (or people) that both have.

    Several seeds: a photo's absolute error is averaged over the run's seeds first. With folds of several people, take
    `unit="subject"` for more than a handful of pairs. Raises UserError when a shared fold holds other photos or ages in
    the two runs, or when fewer than two units are shared.
    """
    pairs = _pairs(_errors(first), _errors(second))
    groups = pairs["fold"] if unit == "fold" else pairs["person"]
    differences = pairs["difference"].groupby(groups).mean().to_numpy()
    if len(differences) < 2:
        raise UserError(f"A paired test needs two {unit}s that both runs have; here are {len(differences)}. Finish more folds.")
    weights = photo_weights(groups, "macro")
    found = bootstrap_people(weights * pairs["difference"], weights, pairs["person"], seed=seed, resamples=resamples)
    t_p, wilcoxon_p = paired_p_values(differences)
    return Paired(unit, len(differences), float(np.mean(differences)), found.low, found.high, t_p, wilcoxon_p)


def paired_p_values(differences: Floats) -> tuple[float, float]:
    """Two-sided p-values of the paired t-test and of Wilcoxon's signed ranks (zeros dropped) for (n,) differences.

    Equal differences have no spread to test against: p is 1 when they are all 0, else the t-test's limit, 0.
    """
    if not np.any(differences):
        return 1.0, 1.0
    wilcoxon_p = float(stats.wilcoxon(differences).pvalue)
    if np.ptp(differences) <= 1e-12 * np.max(np.abs(differences)):
        return 0.0, wilcoxon_p
    return float(stats.ttest_1samp(differences, 0.0).pvalue), wilcoxon_p


def _errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Absolute error of every photo in its fold, averaged over seeds: columns fold, photo, person, age, error."""
    frame = check_one_run(predictions)
    frame = frame.assign(person=people(frame), error=absolute_errors(frame["age"], frame["predicted"]))
    return frame.groupby(["fold", "photo"], as_index=False).agg(person=("person", "first"), age=("age", "first"), error=("error", "mean"))


def _pairs(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    shared = np.intersect1d(first["fold"], second["fold"])
    first, second = (errors[errors["fold"].isin(shared)] for errors in (first, second))
    pairs = first.merge(second, on=["fold", "photo"], how="outer", suffixes=("", "_second"), indicator=True)
    other = pairs[(pairs["_merge"] != "both") | (pairs["age"] != pairs["age_second"])]
    if len(other):
        raise UserError(
            f"The runs cannot be paired: fold {other['fold'].iloc[0]} holds other photos or ages in one than in the other, "
            f"first {other['photo'].iloc[0]}. Compare runs of one protocol, data set and fold seed."
        )
    return pairs.assign(difference=pairs["error"] - pairs["error_second"])
