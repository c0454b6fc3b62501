"""Errors by age and by gender, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import RESAMPLES, Interval, cluster_bootstrap
from agerepro.evaluation.metrics import Floats, absolute_errors
from agerepro.evaluation.predictions import ages_only, check_one_run, photo_errors
from agerepro.splits.protocols import people_of

DECADES = tuple(range(0, 130, 10))


def error_by_age(predictions: pd.DataFrame, *, edges: Sequence[float] = DECADES, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row a bin that holds photos: `first` (included) and `before` (excluded) in years, `photos`, `people`, `mae`, `low`, `high`.

    The mean is over the bin's photos (and seeds); the 95 % interval draws people and is NaN where a bin shows fewer than ten.
    `people` counts those who are known; the interval takes each photo of nobody known for a person of its own.
    Raises UserError for an age outside the edges, for edges that do not grow, and for a run that predicts groups.
    """
    frame = ages_only(check_one_run(predictions))
    limits = np.asarray(edges, dtype="float64")
    if len(limits) < 2 or np.any(np.diff(limits) <= 0):
        raise UserError(f"Age bins need growing edges, not {list(edges)}.")
    ages = frame["age"].to_numpy()
    if ages.min() < limits[0] or ages.max() >= limits[-1]:
        raise UserError(f"Ages run from {ages.min():g} to {ages.max():g}, but the bins only from {limits[0]:g} to below {limits[-1]:g}.")
    bins = np.searchsorted(limits, ages, side="right") - 1
    errors = absolute_errors(ages, frame["predicted"])
    rows = []
    for index in np.unique(bins):
        counts, interval = _mean_of_part(frame, errors, bins == index, seed, resamples)
        edges_of_bin = {"first": limits[index], "before": limits[index + 1]}
        rows.append({**edges_of_bin, **counts, "mae": interval.value, "low": interval.low, "high": interval.high})
    return pd.DataFrame(rows)


def error_by_gender(predictions: pd.DataFrame, genders: Mapping[str, str], *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row a gender that is tested: `gender` (f, m or "" for unknown), `photos`, `people` (known), `error`, `low`, `high`.

    genders: photo -> its label in the PHOTOS table; a photo that is not in it is unknown. The error is years off, or the share
    of wrong photos of a run that tells groups apart; its mean is over the photos (and seeds), its 95 % interval over people is NaN
    below ten.
    """
    frame = check_one_run(predictions)
    gender_of_photo = frame["photo"].map(dict(genders)).fillna("").to_numpy()
    errors = photo_errors(frame)
    rows = []
    for gender in sorted(set(gender_of_photo), key=lambda name: (name == "", name)):
        counts, interval = _mean_of_part(frame, errors, gender_of_photo == gender, seed, resamples)
        rows.append({"gender": gender, **counts, "error": interval.value, "low": interval.low, "high": interval.high})
    return pd.DataFrame(rows)


def _mean_of_part(frame: pd.DataFrame, errors: Floats, part: np.ndarray, seed: int, resamples: int) -> tuple[dict[str, int], Interval]:
    """How many photos and known people a part of the rows (n,) shows, and its mean error with the interval over people."""
    rows = frame.loc[part]
    interval = cluster_bootstrap(errors[part], np.ones(len(rows)), people_of(rows), seed=seed, resamples=resamples)
    known = rows.loc[rows["subject"] != "", "subject"].nunique()
    return {"photos": len(rows[["fold", "photo"]].drop_duplicates()), "people": known}, interval
