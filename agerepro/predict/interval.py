"""The interval around a predicted age: conformal, calibrated by person on a run's test photos, its coverage measured.

Photos of one person resemble each other, so that they are not as many independent errors. Each person therefore weighs the same,
however many photos show them: hierarchical conformal prediction [Lee, Barber and Willett, "Distribution-free inference
with hierarchical data", arXiv 2306.06342; for the same two layers also Dunn, Wasserman and Ramdas, arXiv 1809.07441]. Its
guarantee, at least the wanted coverage for a photo of a new person, holds for one network and exchangeable people. Here every fold
has a network of its own, so nothing is guaranteed: the coverage is measured on people who are left out, and reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agerepro.config.schema import Experiment
from agerepro.evaluation.bootstrap import Interval, cluster_bootstrap
from agerepro.evaluation.predictions import predicts_age_groups
from agerepro.io import verified
from agerepro.models.weights import load_arrays
from agerepro.runs.layout import Run, decoded
from agerepro.splits.protocols import people_of
from agerepro.tables import PREDICTIONS, read_table

Floats = NDArray[np.float64]

LEVEL = 0.8
LEAST_SPREAD = 1.0  # years added to a posterior's own spread: a label in whole years says no more, and no scale is 0
LEAST_PEOPLE = math.ceil(LEVEL / (1 - LEVEL) - 1e-9)  # below, the person who is counted in stands above the level alone
ROUNDING = 1e-9  # 4 / 5 reaches 0.8, whatever binary fractions say


@dataclass(frozen=True)
class Calibration:
    """How wide an interval is, and what share of the true ages such intervals held.

    factor: half the interval over the photo's scale; infinite where too few people were tested. people: how many. coverage: the
    share of a person's photos that the factor of people left in held, mean over people; NaN where too few are left in. low, high:
    its 95 % interval over people. width: years from end to end, likewise a mean over people. held: of each photo, whether its
    left-out interval held its age; empty where that is not measured.
    """

    level: float
    factor: float
    people: int
    coverage: float
    low: float
    high: float
    width: float
    held: tuple[bool, ...]


@dataclass(frozen=True)
class TestSummary:
    """What the test photos of one seed of a run say of its estimates.

    predictions: PREDICTIONS rows of all finished folds. years: the calibration of its intervals, None where groups are told
    apart. right: then the share of photos in their right group, with its 95 % interval over people; else None.
    """

    predictions: pd.DataFrame
    years: Calibration | None
    right: Interval | None


def summarise_tests(run: Run, experiment: Experiment, *, seed: int) -> TestSummary:
    """Read the finished folds of a run and measure what its estimates are worth. UserError when a file is damaged."""
    folders = [run.fold_folder(s, fold) for s, fold in run.done(experiment.seeds) if s == seed]
    frame = pd.concat([read_table(verified(folder / "predictions.csv"), PREDICTIONS) for folder in folders], ignore_index=True)
    frame = decoded(frame, experiment)
    names = people_of(frame).to_numpy()
    if predicts_age_groups(frame):
        right = (frame["group"] == frame["predicted_group"]).to_numpy(np.float64)
        return TestSummary(frame, None, cluster_bootstrap(right, np.ones(len(right)), names))
    arrays = [load_arrays(verified(folder / "posteriors.npz")) for folder in folders]
    scale = np.concatenate([scales(fold["posteriors"], fold["bins"]) for fold in arrays])
    years = calibrate(frame["age"].to_numpy(), frame["predicted"].to_numpy(), scale, folds=frame["fold"].to_numpy(), people=names)
    return TestSummary(frame, years, None)


def scales(outputs: np.ndarray, bins: np.ndarray) -> Floats:
    """Years by which a photo's error is measured, (n,): LEAST_SPREAD plus the posterior's standard deviation.

    outputs: (n, bins) posteriors over ages `bins` (bins,). Without bins, a regression head says nothing of its own doubt: all ones.
    """
    if not len(bins):
        return np.ones(len(outputs))
    probabilities, ages = np.asarray(outputs, np.float64), np.asarray(bins, np.float64)
    mean = probabilities @ ages
    return LEAST_SPREAD + np.sqrt((probabilities * (ages[None] - mean[:, None]) ** 2).sum(axis=1))


def interval_ends(predicted: np.ndarray, scale: np.ndarray, factor: float) -> tuple[Floats, Floats]:
    """Lower and upper ends, (n,) years each; none below 0, as no age is. A factor that is infinite gives 0 to infinity."""
    half = factor * np.asarray(scale, np.float64)
    return np.maximum(predicted - half, 0.0), np.asarray(predicted + half, np.float64)


def calibrate(
    ages: np.ndarray, predicted: np.ndarray, scale: np.ndarray, *, folds: np.ndarray, people: np.ndarray, level: float = LEVEL
) -> Calibration:
    """The factor of all tested people, and the share that factors hold of people who have no part in them; all arguments (n,).

    Left out together are the people of a fold, whose network is then new as well; of a run of one fold, or one whose folds share
    people, each person alone.
    """
    scores = np.abs(np.asarray(ages, np.float64) - np.asarray(predicted, np.float64)) / scale
    names, person = np.unique(people, return_inverse=True)
    weights = 1 / np.bincount(person)[person]
    factors = left_out_factors(scores, weights, _left_out_together(np.asarray(folds), person), level)
    factor = conformal_quantile(scores, weights, level)
    if not np.all(np.isfinite(factors)):
        return Calibration(level, factor, len(names), math.nan, math.nan, math.nan, math.nan, ())
    held = scores <= factors
    coverage = cluster_bootstrap(weights * held, weights, people)
    width = float((weights * 2 * factors * scale).sum() / weights.sum())
    return Calibration(level, factor, len(names), coverage.value, coverage.low, coverage.high, width, tuple(held.tolist()))


def conformal_quantile(scores: np.ndarray, weights: np.ndarray, level: float = LEVEL) -> float:
    """The smallest of (n,) scores at and below which lies `level` of all weight, one more person of infinite score counted in.

    weights (n,): of a photo, one over the number of photos of its person, so that they sum to the number of people. Infinite where
    these are fewer than level / (1 - level): 4 for 0.8. With one photo a person, the ceil((n + 1) level)-th smallest.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) / (np.sum(weights) + 1)
    place = int(np.searchsorted(reached, level - ROUNDING))
    return float(scores[order[place]]) if place < len(order) else math.inf


def left_out_factors(scores: np.ndarray, weights: np.ndarray, groups: np.ndarray, level: float = LEVEL) -> Floats:
    """For each photo the factor of the photos outside its group, (n,); no person may be in two of the groups (n,)."""
    factors = np.empty(len(scores))
    for group in np.unique(groups):
        inside = groups == group
        factors[inside] = conformal_quantile(scores[~inside], weights[~inside], level)
    return factors


def _left_out_together(folds: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The group of each photo, (n,): its fold, or its person where a person is in several folds or there is one fold."""
    pairs = np.unique(np.stack([person, np.unique(folds, return_inverse=True)[1]], axis=1), axis=0)
    return folds if len(pairs) == len(np.unique(person)) and len(np.unique(folds)) > 1 else person
