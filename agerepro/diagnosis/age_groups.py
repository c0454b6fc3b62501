"""The age groups that maps are averaged over."""

from __future__ import annotations

import numpy as np
import pandas as pd

STARTS = (0, 10, 20, 40, 60)  # years; koenig2019's data end at 69, and childhood changes a face most
ALL = "all"


def age_groups(photos: pd.DataFrame) -> np.ndarray:
    """The group of each photo, (n,) text: 0-9, 10-19, 20-39, 40-59, 60+, its own `group` where no age is known, else ""."""
    ages = photos["age"].to_numpy(float)
    known = np.isfinite(ages)
    number = np.searchsorted(STARTS, np.where(known, ages, 0), side="right") - 1
    return np.where(known, np.array(_names())[np.maximum(number, 0)], photos["group"].to_numpy(str))


def in_order(groups: np.ndarray) -> list[str]:
    """The groups that occur, from the youngest on."""
    return sorted(set(groups) - {""}, key=lambda name: (int(name.partition("-")[0].rstrip("+") or 0), name))


def _names() -> list[str]:
    ends = [*(start - 1 for start in STARTS[1:]), None]
    return [f"{start}+" if end is None else f"{start}-{end}" for start, end in zip(STARTS, ends)]
