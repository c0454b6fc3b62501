"""Measures of predicted age groups: counts and plain shares, 0 to 1, from arrays of labels.

`labels` are all groups that a network tells apart, in rising order, also those that nobody is in: they say who is a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agerepro.errors import UserError, near
from agerepro.evaluation.metrics import Floats

Counts = NDArray[np.int64]


def groups_off(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Counts:
    """How many groups away each prediction is, (n,), 0 for right; (n,) labels each. UserError as `confusion_matrix`."""
    return np.abs(_numbers(predicted, labels) - _numbers(groups, labels))


def accuracy(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> float:
    """Share of photos in their right group; 1 is best."""
    return float(np.mean(groups_off(groups, predicted, labels) == 0))


def one_off_accuracy(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> float:
    """Share of photos in their right group or a neighbour of it; 1 is best [koenig2019, section 5].

    The thesis says "a neighboring class of the true label"; its 87.80 % beside an accuracy of 61.41 % can only count the right
    ones too.
    """
    return float(np.mean(groups_off(groups, predicted, labels) <= 1))


def confusion_matrix(groups: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Counts:
    """(k, k) counts of photos: rows are true groups, columns predicted ones, both in the order of `labels` [koenig2019, Table 6].

    Raises UserError for no photos, unequal lengths, and a group that is none of the labels.
    """
    true, said = _numbers(groups, labels), _numbers(predicted, labels)
    if true.shape != said.shape or not len(true):
        raise UserError(f"{len(true)} groups cannot be scored against {len(said)} predictions; give one prediction a photo.")
    counts = np.zeros((len(labels), len(labels)), dtype="int64")
    np.add.at(counts, (true, said), 1)
    return counts


def precision(counts: Counts) -> Floats:
    """Of the photos given to each group, the share that belongs there: (k, k) counts -> (k,); NaN for a group never given."""
    return _share(np.diag(counts), counts.sum(axis=0))


def recall(counts: Counts) -> Floats:
    """Of the photos of each group, the share given to it: (k, k) counts -> (k,); NaN for a group without photos."""
    return _share(np.diag(counts), counts.sum(axis=1))


def _share(part: Counts, whole: Counts) -> Floats:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _numbers(groups: ArrayLike, labels: Sequence[str]) -> Counts:
    place = {label: number for number, label in enumerate(labels)}
    names = [str(name) for name in np.asarray(groups)]
    if unknown := sorted(set(names) - set(labels)):
        raise UserError(f"No age group {unknown[0]!r}.{near(unknown[0], labels)}")
    return np.array([place[name] for name in names], dtype="int64")
