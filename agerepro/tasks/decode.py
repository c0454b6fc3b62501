"""Bins of ages, and how a posterior over them becomes years."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agerepro.config import learning
from agerepro.errors import UserError

HALF = 0.5 - 1e-12  # a cumulative sum that is one half but for rounding counts as one half


def bin_centres(head: learning.Classification | learning.Regression, ages: np.ndarray) -> np.ndarray:
    """Class values in rising order, (bins,) float32: years for an age target; empty for a regression head, which has no classes.

    ages: (n,) all labels of the stage, every part of it. `observed` takes the distinct ones; a range is every whole year of it.
    Raises UserError for labels that are missing or outside the range: only a head that learns the nearest class clips.
    """
    if isinstance(head, learning.Regression):
        return np.empty(0, np.float32)
    ages = np.asarray(ages, np.float64)
    if head.ages == "observed":
        _refuse_missing(ages)
        if not ages.size:
            raise UserError("There are no labels to take classes from: the stage's data has no photo left.")
        return np.unique(ages.astype(np.float32))
    if head.ages.first > head.ages.last:
        raise UserError(f"The classes {head.ages.first} to {head.ages.last} are none: put the younger age first.")
    bins = _range_of(head.ages)
    check_labels(ages, bins)
    return bins


def nearest_class(head: learning.Head, labels: np.ndarray) -> np.ndarray:
    """(n,) float32 labels, each as the value of the class nearest to it where the head says `label: nearest` [agustsson2017, equation 1].

    Of two as near it is the older one; what lies beyond the first or last class of a range belongs to that one.
    """
    if not isinstance(head, learning.Classification) or head.label == "exact":
        return labels
    if isinstance(head.ages, learning.AgeRange):
        bins = _range_of(head.ages)
        places = np.floor((labels.astype(np.float64) - head.ages.first) / head.ages.step + 0.5)
        return bins[np.clip(places, 0, len(bins) - 1).astype(int)]
    return np.floor(labels + 0.5)


def _range_of(ages: learning.AgeRange) -> np.ndarray:
    count = round((ages.last - ages.first) / ages.step) + 1
    return (ages.first + ages.step * np.arange(count)).astype(np.float32)


def check_labels(ages: np.ndarray, bins: np.ndarray) -> None:
    """Return if every label (n,) is the value of a class (bins,); UserError naming those that are missing or outside."""
    ages = np.asarray(ages, np.float64)
    _refuse_missing(ages)
    outside = ages[~np.isin(ages.astype(np.float32), bins)]
    if outside.size:
        named = ", ".join(f"{age:g}" for age in np.unique(outside)[:10])
        span = f"{bins.min():g} to {bins.max():g}" if bins.size else "none"
        raise UserError(
            f"{outside.size} of {ages.size} labels are no class of the network (values {named}; {bins.size} classes, {span}). "
            "Widen head.classification.ages or leave these photos out; labels are never clipped."
        )


def posterior(logits: np.ndarray) -> np.ndarray:
    """Softmax over classes: (n, bins) logits -> (n, bins) float64, rows sum to 1; safe for logits of any size."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def expectation(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Mean of the posterior over the ages that the neurons stand for: (n, bins), (bins,) -> (n,) years [Rothe et al. 2015, DEX]."""
    return np.asarray(probabilities, np.float64) @ np.asarray(bins, np.float64)


def rounded(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The expectation rounded to whole years, halves up: (n,) years."""
    return np.floor(expectation(probabilities, bins) + 0.5)


def median(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The youngest age at which half of the posterior is reached, `bins` rising: (n,) years; it minimises expected absolute error."""
    reached = np.cumsum(np.asarray(probabilities, np.float64), axis=1) >= HALF
    return np.asarray(bins, np.float64)[reached.argmax(axis=1)]


def argmax(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The most probable age, the youngest of equals: (n,) years."""
    return np.asarray(bins, np.float64)[np.asarray(probabilities).argmax(axis=1)]


DECODE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "expectation": expectation,
    "rounded": rounded,
    "median": median,
    "argmax": argmax,
}


def decode(answers: np.ndarray, bins: np.ndarray, how: str, *, offset: np.ndarray | float = 0.0) -> dict[str, np.ndarray]:
    """The columns `predicted` (decoded as `how` says) and every name of DECODE, each (n,) float64 years.

    answers: (n, bins) posteriors; for `how` = "output" (n, 1) years, and the columns of DECODE are NaN: there is no posterior.
    offset: (n,) years that are added, where the answer is about a residual; rounding comes after that.
    """
    answers = np.asarray(answers, np.float64)
    if how == "output":
        return {"predicted": answers[:, 0] + offset, **{name: np.full(len(answers), np.nan) for name in DECODE}}
    columns = {name: decoding(answers, bins) + offset for name, decoding in DECODE.items()}
    columns["rounded"] = np.floor(columns["expectation"] + 0.5)
    return {"predicted": columns[how], **columns}


def _refuse_missing(ages: np.ndarray) -> None:
    if missing := int(np.sum(~np.isfinite(ages))):
        raise UserError(f"{missing} of {ages.size} labels are missing (NaN): leave these photos out before training.")
