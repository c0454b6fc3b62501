"""Ages from MATLAB day numbers: the rule by which IMDB and WIKI label their photos."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNIX_EPOCH = 719_529  # datenum(1970, 1, 1); Python's date ordinal is the day number less 366
FIRST_DAY = 366  # day numbers up to this lie before 1 January of the year 1: no date of birth
LAST_DAY = 3_652_425  # 31 December 9999


def datenum(year: ArrayLike, month: ArrayLike, day: ArrayLike) -> NDArray[np.int64]:
    """MATLAB's day number of a date, element by element.

    Month 0 counts as January and day 0 as the day before the first, so 1992-00-00 is 31 December 1991. IMDB's incomplete
    dates of birth were made that way: reading the year in the file name instead gives other ages.
    """
    months = (np.asarray(year, np.int64) - 1970) * 12 + np.maximum(np.asarray(month, np.int64), 1) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return first + np.asarray(day, np.int64) - 1 + UNIX_EPOCH


def is_date(number: ArrayLike) -> NDArray[np.bool_]:
    """Whether a day number is a date of the years 1 to 9999."""
    number = np.asarray(number, np.float64)
    return (number > FIRST_DAY) & (number < LAST_DAY + 1)


def age_at_mid_year(born: ArrayLike, taken: ArrayLike) -> NDArray[np.float64]:
    """Years lived on 1 July of the year the photo was taken: year less year of birth, less 1 when born July to December.

    born: day numbers, (n,). taken: years, (n,). Returns whole years as floats, NaN where `born` is no date or `taken` is no
    number. Who is born on 1 July counts as not yet a year older, as in the published ages of all 38,135 WIKI photos.
    """
    born, taken = np.asarray(born, np.float64), np.asarray(taken, np.float64)
    days = np.where(is_date(born), born, UNIX_EPOCH) - UNIX_EPOCH
    months: NDArray[Any] = np.floor(days).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    year, month = months // 12 + 1970, months % 12 + 1
    return np.where(is_date(born) & np.isfinite(taken), taken - year - (month >= 7), np.nan)
