"""What a reader returns: the photos of one data set, how many each cleaning step kept, and what was passed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agerepro.tables import PHOTOS, conform


@dataclass(frozen=True)
class Step:
    """One named step of a cleaning funnel: photos left after it, and photos it took away."""

    name: str
    kept: int
    removed: int


@dataclass(frozen=True)
class Skip:
    """One file or row that is not in the table, and why; `path` is relative to the data set's folder."""

    path: str
    reason: str


@dataclass(frozen=True)
class Photos:
    """One data set as read from disk.

    table: a conforming photos table. funnel: the cleaning steps in order, empty where nothing is cleaned. skipped: what was
    passed over, one entry each. people_listed: people the source names before cleaning, None where nothing is cleaned.
    """

    table: pd.DataFrame
    funnel: tuple[Step, ...] = ()
    skipped: tuple[Skip, ...] = ()
    people_listed: int | None = None


def photos_of(rows: Iterable[dict[str, Any]], skipped: Iterable[Skip]) -> Photos:
    """Photos from one dict a photo, with the columns of the photos table that the data set knows."""
    return Photos(table=conform(pd.DataFrame(list(rows)), PHOTOS), skipped=tuple(skipped))
