"""The values that the classes of a softmax stand for, and the check that every label is one of them."""

from __future__ import annotations

import numpy as np

from agerepro.errors import UserError
from agerepro.experiment import schema


def bin_centres(head: schema.Classes | schema.Value, ages: np.ndarray) -> np.ndarray:
    """Class values in rising order, (bins,) float32: years for an age target; empty for a Value head, which has no classes.

    ages: (n,) all labels of the stage, every part of it. `observed` takes the distinct ones; a range is every whole year of it.
    Raises UserError for labels that are missing or outside the range: nothing is clipped.
    """
    if isinstance(head, schema.Value):
        return np.empty(0, np.float32)
    ages = np.asarray(ages, np.float64)
    if head.ages == "observed":
        _refuse_missing(ages)
        if not ages.size:
            raise UserError("There are no labels to take classes from: the stage's data has no photo left.")
        return np.unique(ages.astype(np.float32))
    if head.ages.first > head.ages.last:
        raise UserError(f"The classes {head.ages.first} to {head.ages.last} are none: put the younger age first.")
    bins = np.arange(head.ages.first, head.ages.last + 1, dtype=np.float32)
    check_labels(ages, bins)
    return bins


def check_labels(ages: np.ndarray, bins: np.ndarray) -> None:
    """Return if every label (n,) is the value of a class (bins,), else raise a UserError that names those outside."""
    ages = np.asarray(ages, np.float64)
    _refuse_missing(ages)
    outside = ages[~np.isin(ages.astype(np.float32), bins)]
    if outside.size:
        named = ", ".join(f"{age:g}" for age in np.unique(outside)[:10])
        span = f"{bins.min():g} to {bins.max():g}" if bins.size else "none"
        raise UserError(
            f"{outside.size} of {ages.size} labels are no class of the network (values {named}; {bins.size} classes, {span}). "
            "Widen head.classes or leave these photos out; labels are never clipped."
        )


def _refuse_missing(ages: np.ndarray) -> None:
    if missing := int(np.sum(~np.isfinite(ages))):
        raise UserError(f"{missing} of {ages.size} labels are missing (NaN): leave these photos out before training.")
