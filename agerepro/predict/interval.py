"""Split conformal intervals around a predicted age, calibrated on a run's tested people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agerepro.config.schema import Experiment
from agerepro.evaluation.bootstrap import Interval, cluster_bootstrap
from agerepro.evaluation.predictions import is_classification, people
from agerepro.models.weights import load_arrays
from agerepro.runs.layout import Run
from agerepro.tables import PREDICTIONS, read_table

Floats = NDArray[np.float64]

LEVEL = 0.8
LEAST_SPREAD = 1.0  # years added to a posterior's own spread: a label in whole years says no more, and no scale is 0


@dataclass(frozen=True)
class Calibration:
    """How wide an interval is, and what share of the test photos such intervals held.

    factor: half the interval over the photo's scale; infinite where too few photos were tested. coverage: the share, each fold
    (or, in a run of one fold, each person) held by the factor of the others; NaN where there are none. low, high: its 95 %
    interval over people. by_fold: the share in each fold that was left out. width: mean years from end to end, likewise.
    """

    level: float
    factor: float
    coverage: float
    low: float
    high: float
    by_fold: dict[str, float]
    width: float
    held: tuple[bool, ...]  # of each photo, whether the left-out interval held its age; empty where that is not measured


def scales(outputs: np.ndarray, bins: np.ndarray) -> Floats:
    """Years by which a photo's error is measured, (n,): LEAST_SPREAD plus the posterior's standard deviation.

    outputs: (n, bins) posteriors over ages `bins` (bins,). Without bins, a Value head says nothing of its own doubt: all ones.
    """
    if not len(bins):
        return np.ones(len(outputs))
    probabilities, ages = np.asarray(outputs, np.float64), np.asarray(bins, np.float64)
    mean = probabilities @ ages
    return LEAST_SPREAD + np.sqrt((probabilities * (ages[None] - mean[:, None]) ** 2).sum(axis=1))


def conformal_quantile(scores: np.ndarray, level: float = LEVEL) -> float:
    """The ceil((n + 1) level)-th smallest of (n,) scores; infinite where n is too small for the level (under 4 for 0.8)."""
    rank = math.ceil((len(scores) + 1) * level - 1e-9)  # 0.8 x 10 is 8, whatever binary fractions say
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def left_out_factors(scores: np.ndarray, groups: np.ndarray, level: float = LEVEL) -> Floats:
    """For each photo the factor of the photos outside its group, (n,); groups are (n,) folds or people."""
    scores, groups = np.asarray(scores, np.float64), np.asarray(groups)
    found = np.empty(len(scores))
    for group in np.unique(groups):
        found[groups == group] = conformal_quantile(scores[groups != group], level)
    return found


def calibrated(
    ages: np.ndarray, predicted: np.ndarray, scale: np.ndarray, *, folds: np.ndarray, people: np.ndarray, level: float = LEVEL
) -> Calibration:
    """The factor of all tested photos, and the share that factors hold where they are not made; all arguments (n,)."""
    scores = np.abs(np.asarray(ages, np.float64) - np.asarray(predicted, np.float64)) / scale
    names = np.asarray(folds if len(np.unique(folds)) > 1 else people).astype(str)
    factors = left_out_factors(scores, names, level)
    factor = conformal_quantile(scores, level)
    if not np.all(np.isfinite(factors)):
        return Calibration(level, factor, math.nan, math.nan, math.nan, {}, math.nan, ())
    held = (scores <= factors).astype(np.float64)
    found = cluster_bootstrap(held, np.ones(len(held)), people)
    by_fold = {name: float(held[names == name].mean()) for name in np.unique(names).tolist()}
    return Calibration(level, factor, found.value, found.low, found.high, by_fold, float((2 * factors * scale).mean()), tuple(held > 0))


def interval(predicted: np.ndarray, scale: np.ndarray, factor: float) -> tuple[Floats, Floats]:
    """Lower and upper ends, (n,) years each; none below 0, as no age is. A factor that is infinite gives 0 to infinity."""
    half = factor * np.asarray(scale, np.float64)
    return np.maximum(predicted - half, 0.0), np.asarray(predicted + half, np.float64)


@dataclass(frozen=True)
class TestSummary:
    """The tested photos of one seed of a run.

    predictions: PREDICTIONS rows of all finished folds. years: the calibration of its intervals, None where groups are told
    apart. right: then the share of photos in their right group, with its 95 % interval over people; else None.
    """

    predictions: pd.DataFrame
    years: Calibration | None
    right: Interval | None


def test_summary(run: Run, experiment: Experiment, *, seed: int) -> TestSummary:
    """Read the finished folds of a run and measure what its estimates are worth. UserError when a file is damaged."""
    first = experiment.seeds[0]
    folders = [run.fold_folder(s, fold, first_seed=first) for s, fold in run.done(experiment.seeds) if s == seed]
    tables = [read_table(folder / "predictions.csv", PREDICTIONS) for folder in folders]
    frame = pd.concat(tables, ignore_index=True)
    who = people(frame).to_numpy()
    if is_classification(frame):
        right = (frame["group"] == frame["predicted_group"]).to_numpy(np.float64)
        return TestSummary(frame, None, cluster_bootstrap(right, np.ones(len(right)), who))
    outputs = [load_arrays(folder / "posteriors.npz") for folder in folders]
    scale = np.concatenate([scales(one["posteriors"], one["bins"]) for one in outputs])
    years = calibrated(frame["age"].to_numpy(), frame["predicted"].to_numpy(), scale, folds=frame["fold"].to_numpy(), people=who)
    return TestSummary(frame, years, None)
