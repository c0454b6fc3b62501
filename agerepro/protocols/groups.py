"""Age groups: which of a network's groups a photo belongs to."""

from __future__ import annotations

import re

import pandas as pd

from agerepro.errors import UserError
from agerepro.experiment.schema import Groups

_RANGE = re.compile(r"(\d+)-(\d+)")


def groups_of(photos: pd.DataFrame, target: Groups) -> pd.Series:
    """The label of `target` that holds a photo's own group (`group`, `first-last` years), (n,) text.

    So eight groups are learnt as they are, or merged into fewer by naming wider ones. Raises UserError for a photo without a
    group or with one that no label holds, and for labels that are no ranges or overlap.
    """
    ranges = [years(label) for label in target.labels]
    for (_, last), (first, _) in zip(ranges, ranges[1:]):
        if first <= last:
            raise UserError(f"The groups {', '.join(target.labels)} overlap or do not rise.")
    holders = {own: _holder(own, target.labels, ranges) for own in set(photos["group"])}
    outside = photos.loc[photos["group"].map(holders) == "", "group"]
    if len(outside):
        named = ", ".join(sorted({label or "none" for label in outside})[:8])
        raise UserError(f"{len(outside)} photos are in no group of {', '.join(target.labels)}; theirs: {named}.")
    return photos["group"].map(holders)


def years(label: str) -> tuple[int, int]:
    """`25-32` -> (25, 32); UserError for anything else."""
    match = _RANGE.fullmatch(label)
    if match is None or int(match[1]) > int(match[2]):
        raise UserError(f"The age group {label!r} is not of the form first-last, for instance 25-32.")
    return int(match[1]), int(match[2])


def _holder(own: str, labels: tuple[str, ...], ranges: list[tuple[int, int]]) -> str:
    if not own:
        return ""
    first, last = years(own)
    return next((label for label, (low, high) in zip(labels, ranges) if low <= first and last <= high), "")
