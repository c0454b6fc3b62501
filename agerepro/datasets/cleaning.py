"""The cleaning of IMDB and WIKI as a funnel of named steps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agerepro.datasets.matlab_dates import age_at_mid_year, is_date
from agerepro.datasets.reading import Skip, Step

OUTSIDE = "the path leaves the data set's folder"
BOX = ["left", "top", "right", "bottom"]


def clean(rows: pd.DataFrame, source: str) -> tuple[pd.DataFrame, tuple[Step, ...], tuple[Skip, ...]]:
    """The rows that pass every step, with their `age` in years; the counts of all steps; and the unsafe paths, one by one.

    rows: a frame of `imdb_wiki_mat.read_mat`. source: what the rows come from, for the name of the first step.
    The conditions on age, score, second face and gender are those of koenig2019, section 3 (460,723 rows of IMDB to 171,858);
    its order is not given, so only the end can be compared. Not in the paper: paths, invalid dates and repeated rows are steps
    of their own, so that what they take away is seen.
    """
    rows = rows.assign(age=age_at_mid_year(rows["born"], rows["taken"]))
    inside = stays_inside(rows["path"])
    conditions = {
        "path inside the folder": inside,
        "date of birth is a date": is_date(rows["born"]),
        "age 0 to 100": rows["age"].between(0, 100).to_numpy(),
        # The detector's score is -inf where it found no face; the authors' page says Inf, so both are no face.
        "face score at least 1": (rows["face_score"].ge(1.0) & np.isfinite(rows["face_score"])).to_numpy(),
        "no second face": rows["second_face_score"].isna().to_numpy(),
        "gender known": rows["gender"].isin([0.0, 1.0]).to_numpy(),
    }
    left = np.ones(len(rows), bool)
    steps = [Step(f"rows in {source}", len(rows), 0)]
    for name, condition in conditions.items():
        before = int(left.sum())
        left &= condition
        kept = int(left.sum())
        steps.append(Step(name, kept, before - kept))
    kept_rows = rows[left].drop_duplicates(["path", *BOX])
    steps.append(Step("listed once", len(kept_rows), int(left.sum()) - len(kept_rows)))
    return kept_rows, tuple(steps), tuple(Skip(path, OUTSIDE) for path in rows["path"][~inside])


def stays_inside(paths: pd.Series) -> np.ndarray:
    """Whether each relative path names something below its folder: not empty, not absolute, no `..`, `\\`, `:` or NUL."""
    odd = paths.str.contains(r"^$|^/|(?:^|/)\.\.(?:/|$)|[\\:\x00]", regex=True)
    return ~odd.to_numpy(bool)
