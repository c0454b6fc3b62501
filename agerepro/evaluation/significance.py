"""Whether one run is better than another: paired over folds or people, or two samples of finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import RESAMPLES, cluster_bootstrap
from agerepro.evaluation.metrics import Floats, photo_weights
from agerepro.evaluation.predictions import Measure, check_one_run, measure_of, photo_errors, truth
from agerepro.splits.protocols import people_of

Unit = Literal["fold", "subject"]


@dataclass(frozen=True)
class Paired:
    """First minus second mean error, averaged over units: below 0 the first run is better.

    `measure` says whether errors are years or, of runs that tell groups apart, the share of wrong photos, 0 to 1. `low` and
    `high` end the 95 % bootstrap interval over people, NaN for fewer than ten; the p-values are two-sided and of this pair alone:
    who prints several pairs corrects them (`holm`). A small `shapiro_p` (Shapiro-Wilk) speaks
    against normal differences, and so against the t-test; NaN where it cannot be computed.
    """

    measure: Measure
    unit: Unit
    n: int
    difference: float
    low: float
    high: float
    t_p: float
    wilcoxon_p: float
    shapiro_p: float


@dataclass(frozen=True)
class Welch:
    """Welch's t-test: mean of the first sample minus that of the second, t, its degrees of freedom, two-sided p."""

    difference: float
    t: float
    degrees: float
    p: float


def paired(first: pd.DataFrame, second: pd.DataFrame, *, unit: Unit = "fold", seed: int = 0, resamples: int = RESAMPLES) -> Paired:
    """The paired comparison of two runs over the folds (or people) that both have.

    Several seeds: a photo's error is averaged over the run's seeds first. With folds of several people, take `unit="subject"`
    for more than a handful of pairs. Raises UserError when one run predicts ages and the other groups, when a shared fold
    holds other photos, ages or groups in the two runs, or when fewer than two units are shared.
    """
    first, second = check_one_run(first), check_one_run(second)
    measure = measure_of(first)
    if measure != measure_of(second):
        raise UserError("The runs cannot be paired: one predicts ages, the other tells age groups apart. Compare runs of one kind.")
    pairs = _pairs(_errors(first), _errors(second))
    groups = pairs["fold"] if unit == "fold" else pairs["person"]
    differences = pairs["difference"].groupby(groups).mean().to_numpy()
    if len(differences) < 2:
        raise UserError(f"A paired test needs two {unit}s that both runs have; here are {len(differences)}. Finish more folds.")
    weights = photo_weights(groups, "macro")
    interval = cluster_bootstrap(weights * pairs["difference"], weights, pairs["person"], seed=seed, resamples=resamples)
    t_p, wilcoxon_p = paired_p_values(differences)
    shapiro_p = normality_p(differences)
    return Paired(measure, unit, len(differences), float(np.mean(differences)), interval.low, interval.high, t_p, wilcoxon_p, shapiro_p)


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


def holm(p_values: Sequence[float]) -> Floats:
    """(n,) p-values corrected for being n, in their order: where nothing differs, one falls below 0.05 in at most 5 % of such tables.

    The smallest is multiplied by n, the next by n - 1 and so on; none is below a smaller one's, or above 1 [Holm 1979].
    """
    values = np.asarray(p_values, dtype="float64")
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(stepped)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def normality_p(differences: Floats) -> float:
    """p of the Shapiro-Wilk test that (n,) differences are normal; NaN for fewer than 3, equal ones, or more than its tables' 5000.

    teh2018 (section V) tests its samples so before it takes a t-test.
    """
    if not 3 <= len(differences) <= 5000 or np.ptp(differences) <= 1e-12 * np.max(np.abs(differences)):
        return float("nan")
    return float(stats.shapiro(differences).pvalue)


def welch(first: Floats, second: Floats) -> Welch:
    """Welch's test of two independent samples, (n,) and (m,), with variances of their own.

    For results that share no folds, such as runs with other seeds. Raises UserError for a sample below two values, or for
    samples that both do not vary.
    """
    first, second = np.asarray(first, dtype="float64"), np.asarray(second, dtype="float64")
    if min(len(first), len(second)) < 2 or (np.ptp(first) == 0 and np.ptp(second) == 0):
        raise UserError("Welch's test needs two values in each sample, and one sample whose values differ. Add runs.")
    test = stats.ttest_ind(first, second, equal_var=False)
    return Welch(float(first.mean() - second.mean()), float(test.statistic), float(test.df), float(test.pvalue))


def _errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Error of every photo in its fold, averaged over seeds: columns fold, photo, person, truth, error."""
    frame = frame.assign(person=people_of(frame), truth=truth(frame), error=photo_errors(frame))
    return frame.groupby(["fold", "photo"], as_index=False).agg(
        person=("person", "first"), truth=("truth", "first"), error=("error", "mean")
    )


def _pairs(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    shared = np.intersect1d(first["fold"], second["fold"])
    first, second = (errors[errors["fold"].isin(shared)] for errors in (first, second))
    pairs = first.merge(second, on=["fold", "photo"], how="outer", suffixes=("", "_second"), indicator=True)
    unpaired = pairs[(pairs["_merge"] != "both") | (pairs["truth"] != pairs["truth_second"])]
    if len(unpaired):
        raise UserError(
            f"The runs cannot be paired: fold {unpaired['fold'].iloc[0]} holds other photos, ages or groups in one than in the other, "
            f"first {unpaired['photo'].iloc[0]}. Compare runs of one protocol, data set and fold seed."
        )
    return pairs.assign(difference=pairs["error"] - pairs["error_second"])
