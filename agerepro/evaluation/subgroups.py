"""Errors by age and by gender, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import RESAMPLES, cluster_bootstrap
from agerepro.evaluation.metrics import absolute_errors
from agerepro.evaluation.predictions import ages_only, check_one_run, people, photo_errors

DECADES = tuple(range(0, 130, 10))


def error_by_age(predictions: pd.DataFrame, *, edges: Sequence[float] = DECADES, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row a bin that holds photos: `first` (included) and `before` (excluded) in years, `photos`, `people`, `mae`, `low`, `high`.

    The mean is over the bin's photos (and seeds); the 95 % interval draws people and is NaN where a bin shows one person.
    Raises UserError for an age outside the edges, for edges that do not grow, and for a run that predicts groups.
    """
    frame = ages_only(check_one_run(predictions))
    limits = np.asarray(edges, dtype="float64")
    if len(limits) < 2 or np.any(np.diff(limits) <= 0):
        raise UserError(f"Age bins need growing edges, not {list(edges)}.")
    ages = frame["age"].to_numpy()
    if ages.min() < limits[0] or ages.max() >= limits[-1]:
        raise UserError(f"Ages run from {ages.min():g} to {ages.max():g}, but the bins only from {limits[0]:g} to below {limits[-1]:g}.")
    which = np.searchsorted(limits, ages, side="right") - 1
    errors, who = absolute_errors(ages, frame["predicted"]), people(frame).to_numpy()
    rows = []
    for index in np.unique(which):
        here = which == index
        found = cluster_bootstrap(errors[here], np.ones(int(here.sum())), who[here], seed=seed, resamples=resamples)
        photos = len(frame.loc[here, ["fold", "photo"]].drop_duplicates())
        rows.append(
            {
                "first": limits[index],
                "before": limits[index + 1],
                "photos": photos,
                "people": found.n,
                "mae": found.value,
                "low": found.low,
                "high": found.high,
            }
        )
    return pd.DataFrame(rows)


def error_by_gender(predictions: pd.DataFrame, genders: Mapping[str, str], *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row a gender that is tested: `gender` (f, m or "" for unknown), `photos`, `people`, `error`, `low`, `high`.

    genders: photo -> its label in the PHOTOS table; a photo that is not in it is unknown. The error is years off, or the share
    of wrong photos of a run that tells groups apart; its mean is over the photos (and seeds), its 95 % interval over people.
    """
    frame = check_one_run(predictions)
    whose = frame["photo"].map(dict(genders)).fillna("").to_numpy()
    errors, who = photo_errors(frame), people(frame).to_numpy()
    rows = []
    for gender in sorted(set(whose), key=lambda name: (name == "", name)):
        here = whose == gender
        found = cluster_bootstrap(errors[here], np.ones(int(here.sum())), who[here], seed=seed, resamples=resamples)
        photos = len(frame.loc[here, ["fold", "photo"]].drop_duplicates())
        rows.append({"gender": gender, "photos": photos, "people": found.n, "error": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)
