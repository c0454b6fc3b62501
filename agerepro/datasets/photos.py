"""The photos table of a data set, how it is cleaned, and what was skipped on the way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from agerepro.tables import PHOTOS, coerce

OUTSIDE = "the path leaves the data set's folder"
BOX = ["left", "top", "right", "bottom"]
UNIX_EPOCH = 719_529  # datenum(1970, 1, 1); Python's date ordinal is the day number less 366
FIRST_DAY = 366  # day numbers up to this lie before 1 January of the year 1: no date of birth
LAST_DAY = 3_652_425  # 31 December 9999
# Letters that are no plain letter with an accent, so that decomposing leaves them as they are.
PLAIN = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th"})


@dataclass(frozen=True)
class FilterStep:
    """One named step of a cleaning funnel: photos left after it, and photos it took away."""

    name: str
    kept: int
    removed: int


@dataclass(frozen=True)
class SkippedItem:
    """One file or row that is not in the table, and why; `path` is relative to the data set's folder."""

    path: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """What an audit of labels has counted; expected: how many there should be, None where no number is wrong."""

    what: str
    count: int
    expected: int | None = None


@dataclass(frozen=True)
class Photos:
    """One data set as read from disk.

    table: a conforming photos table. funnel: the cleaning steps in order, empty where nothing is cleaned. skipped: what was
    passed over, one entry each. people_listed: people the source names before cleaning, None where nothing is cleaned. label_files: the
    files that labels or boxes were read from, relative to the data set's folder; none where names say all.
    """

    table: pd.DataFrame
    funnel: tuple[FilterStep, ...] = ()
    skipped: tuple[SkippedItem, ...] = ()
    people_listed: int | None = None
    label_files: tuple[str, ...] = ()


def photos_of(rows: Iterable[dict[str, Any]], skipped: Iterable[SkippedItem]) -> Photos:
    """Photos from one dict a photo, with the columns of the photos table that the data set knows."""
    return Photos(table=coerce(pd.DataFrame(list(rows)), PHOTOS), skipped=tuple(skipped))


def clean(rows: pd.DataFrame, source: str) -> tuple[pd.DataFrame, tuple[FilterStep, ...], tuple[SkippedItem, ...]]:
    """The rows that pass every step, with their `age` in years; the counts of all steps; and the unsafe paths, one by one.

    rows: a frame of `imdb_wiki.read_mat`. source: what the rows come from, for the name of the first step.
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
    steps = [FilterStep(f"rows in {source}", len(rows), 0)]
    for name, condition in conditions.items():
        removed = int((left & ~condition).sum())
        left &= condition
        steps.append(FilterStep(name, int(left.sum()), removed))
    clean_rows = rows[left].drop_duplicates(["path", *BOX])
    steps.append(FilterStep("listed once", len(clean_rows), int(left.sum()) - len(clean_rows)))
    return clean_rows, tuple(steps), tuple(SkippedItem(path, OUTSIDE) for path in rows["path"][~inside])


def stays_inside(paths: pd.Series) -> np.ndarray:
    """Whether each relative path names something below its folder: not empty, not absolute, no `..`, `\\`, `:` or NUL."""
    odd = paths.str.contains(r"^$|^/|(?:^|/)\.\.(?:/|$)|[\\:\x00]", regex=True)
    return ~odd.to_numpy(bool)


def subject_overlap(a: pd.DataFrame, b: pd.DataFrame) -> set[str]:
    """The subjects of the photos table `a`, as written there, whose names `b` has too.

    Names are compared without case, spaces, underscores, punctuation or accents: AgeDB's MariaCallas is IMDB's Maria Callas.
    Two people of one name count as shared, which errs on the safe side. Bare numbers, as FG-NET's, name nobody.
    """
    names = {plain_name(subject) for subject in b["subject"].unique()} - {""}
    return {subject for subject in a["subject"].unique() if plain_name(subject) in names}


def plain_name(subject: str) -> str:
    """The letters and digits of a name, lower case, without accents; "" when it has no letter."""
    decomposed = unicodedata.normalize("NFKD", subject.casefold().translate(PLAIN))
    plain = "".join(character for character in decomposed if character.isalnum())
    return plain if any(character.isalpha() for character in plain) else ""


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
