"""What a stage learns of each photo: which column of the table, less what, as which class."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agerepro.config import learning
from agerepro.errors import UserError
from agerepro.splits.protocols import groups_of, identities_of
from agerepro.tasks.decode import nearest_class

# Columns of the photos table: a label, and how uncertain it is.
UNCERTAINTY = {"age": "age_std", "apparent_age": "apparent_std"}


def prediction_column(stage: str) -> str:
    """The column that is put beside the photos table where a stage's predictions are wanted."""
    return f"predicted by {stage}"


def judged(photos: pd.DataFrame, target: learning.Target) -> pd.DataFrame:
    """The photos with the label that the target learns as `age`, and its uncertainty as `age_std`: what a run is judged by."""
    if not isinstance(target, learning.Age) or target.column == "age":
        return photos
    uncertainty = photos[UNCERTAINTY[target.column]] if target.column in UNCERTAINTY else np.nan
    return photos.assign(age=photos[target.column], age_std=uncertainty)


def label_values(target: learning.Age, head: learning.Head, photos: pd.DataFrame) -> np.ndarray:
    """(n,) float32 what is learnt of each photo. UserError where it has no label."""
    labels = numbers_of(photos, target.column).astype(np.float32)
    if target.residual_of:
        labels = (labels - photos[prediction_column(target.residual_of)].to_numpy(np.float64)).astype(np.float32)
    return nearest_class(head, labels)


def numbers_of(photos: pd.DataFrame, column: str) -> np.ndarray:
    """(n,) float64 one number a photo. UserError where a photo has none."""
    numbers: np.ndarray = photos[column].to_numpy(np.float64)
    if len(missing := photos.loc[np.isnan(numbers), "photo"]):
        raise UserError(
            f"{len(missing):,} of {len(photos):,} photos have no {column} (first: {missing.iloc[0]}). Take a data set that has it, "
            "or leave them out."
        )
    return numbers


def names_of(target: learning.Target, photos: pd.DataFrame) -> pd.Series:
    """(n,) text: which age group is in each photo, or who. UserError where nobody knows."""
    return groups_of(photos, target) if isinstance(target, learning.AgeGroups) else identities_of(photos)
