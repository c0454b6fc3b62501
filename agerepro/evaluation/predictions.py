"""A run's predictions checked before anything is computed from them, and the error of each photo."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.metrics import Floats, absolute_errors
from agerepro.tables import PREDICTIONS, coerce

Measure = Literal["years", "wrong"]


def check_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions in the order experiment, profile, seed, fold, photo, so that no score depends on the order they came in.

    A run predicts ages or age groups (`predicts_age_groups`). Raises UserError for no rows, for an age or prediction that is not finite
    (a group that is missing), for a photo twice in one fold and seed, and for seeds of one experiment that hold different photos
    (their scores could not be averaged).
    """
    frame = coerce(predictions, PREDICTIONS)
    if frame.empty:
        raise UserError("There are no predictions to score. Finish at least one fold first.")
    for _, rows in frame.groupby(["experiment", "profile"], sort=True):
        _check_complete(rows)
    key = ["experiment", "profile", "seed", "fold", "photo"]
    twice = frame[frame.duplicated(key)]
    if len(twice):
        first = twice.iloc[0]
        raise UserError(
            f"{len(twice)} predictions occur twice, first {first['photo']} in fold {first['fold']}, seed {first['seed']} of "
            f"{first['experiment']}. Read each fold's predictions once."
        )
    frame = frame.sort_values(key, ignore_index=True)
    for (experiment, _), rows in frame.groupby(["experiment", "profile"], sort=True):
        _check_same_photos(str(experiment), rows)
    return frame


def check_one_run(predictions: pd.DataFrame) -> pd.DataFrame:
    """`check_predictions` for a table of one experiment in one profile; UserError when there are more."""
    frame = check_predictions(predictions)
    runs = frame[["experiment", "profile"]].drop_duplicates()
    if len(runs) > 1:
        names = ", ".join(f"{run['experiment']} ({run['profile']})" for run in runs.to_dict("records"))
        raise UserError(f"These predictions are of several runs, {names}. Give those of one run at a time.")
    return frame


def predicts_age_groups(frame: pd.DataFrame) -> bool:
    """Whether the predictions of one run are age groups, `group` and `predicted_group`, and no ages."""
    return bool((frame["predicted_group"] != "").any())


def ages_only(frame: pd.DataFrame) -> pd.DataFrame:
    """The same predictions; UserError where a run among them tells age groups apart, so that no error in years exists."""
    of_groups = frame.loc[frame["predicted_group"] != "", "experiment"]
    if len(of_groups):
        raise UserError(f"{of_groups.iloc[0]} tells age groups apart and predicts no ages: it has accuracies, but no errors in years.")
    return frame


def groups_only(frame: pd.DataFrame) -> pd.DataFrame:
    """The same predictions; UserError where a run among them predicts ages, so that there are no groups to count."""
    of_ages = frame.loc[frame["predicted_group"] == "", "experiment"]
    if len(of_ages):
        raise UserError(f"{of_ages.iloc[0]} predicts ages and tells no age groups apart: it has errors in years, but no accuracy.")
    return frame


def measure_of(frame: pd.DataFrame) -> Measure:
    """`wrong` for one run that tells age groups apart, `years` for one that predicts ages."""
    return "wrong" if predicts_age_groups(frame) else "years"


def photo_errors(frame: pd.DataFrame) -> Floats:
    """(n,) errors of one run's checked predictions: years off, or 1 for a wrong group and 0 for the right one."""
    if predicts_age_groups(frame):
        return np.asarray(frame["group"] != frame["predicted_group"], dtype="float64")
    return absolute_errors(frame["age"], frame["predicted"])


def truth(frame: pd.DataFrame) -> pd.Series:
    """What a photo should have been given: its age in years, or its group."""
    return frame["group"] if predicts_age_groups(frame) else frame["age"]


def _check_complete(rows: pd.DataFrame) -> None:
    if predicts_age_groups(rows):
        name, whole = "group or predicted group", (rows["group"] != "") & (rows["predicted_group"] != "")
    else:
        name, whole = "finite age or prediction", np.isfinite(rows["age"]) & np.isfinite(rows["predicted"])
    wrong = rows[~whole]
    if len(wrong):
        first = wrong.iloc[0]
        raise UserError(
            f"{len(wrong)} of {len(rows)} predictions have no {name}, first {first['photo']} in fold "
            f"{first['fold']}, seed {first['seed']}. Remove that fold's predictions and run the fold again."
        )


def _check_same_photos(experiment: str, rows: pd.DataFrame) -> None:
    photos_of = {int(str(seed)): set(zip(part["fold"], part["photo"])) for seed, part in rows.groupby("seed", sort=True)}
    (first, photos), *others = photos_of.items()
    for seed, other_photos in others:
        if other_photos != photos:
            folds = sorted({int(fold) for fold, _ in photos ^ other_photos})
            raise UserError(
                f"Seeds {first} and {seed} of {experiment} hold different photos in fold {', '.join(map(str, folds[:8]))}"
                f"{' and others' if len(folds) > 8 else ''}. Keep the folds that every seed has finished."
            )
