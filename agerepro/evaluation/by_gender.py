"""Mean error of each gender's photos, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from agerepro.evaluation.check import check_one_run, people
from agerepro.evaluation.intervals import RESAMPLES, bootstrap_people
from agerepro.evaluation.photo_errors import photo_errors


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
        found = bootstrap_people(errors[here], np.ones(int(here.sum())), who[here], seed=seed, resamples=resamples)
        photos = len(frame.loc[here, ["fold", "photo"]].drop_duplicates())
        rows.append({"gender": gender, "photos": photos, "people": found.n, "error": found.value, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)
