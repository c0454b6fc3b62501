"""Mean absolute error in bins of true age, with intervals over people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.check import ages_only, check_one_run, people
from agerepro.evaluation.intervals import RESAMPLES, bootstrap_people
from agerepro.evaluation.metrics import absolute_errors

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
        found = bootstrap_people(errors[here], np.ones(int(here.sum())), who[here], seed=seed, resamples=resamples)
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
