"""What a paper prints that can be computed again: a claim beside its computation, and what computations look at.

A paper's claims are plain Python: `<paper>/claims.py` lists them, and every computation is a function of a `Paper`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agerepro.published.tables import Cell, PublishedTable, published_table

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"
_YEARS, _YEARS_FROM = re.compile(r"(\d+)-(\d+)"), re.compile(r">= (\d+)")
Value = Cell  # what a computation gives: a number, yes or no, or a text


class DataUnavailable(Exception):
    """A claim needs the photos of a data set that is not here."""


@dataclass(frozen=True)
class Paper:
    """What computations look at: `table(name)` gives a table as printed, `find_photos(data set, label policy)` PHOTOS or None.

    elsewhere: table of another paper by the paper's name and its own, for counts that papers should share.
    """

    table: Callable[[str], PublishedTable]
    find_photos: Callable[[str, str], pd.DataFrame | None]
    elsewhere: Callable[[str, str], PublishedTable] = published_table

    def other(self, paper: str) -> Paper:
        """Another paper to look at, by its name; UserError for an unknown one when a table of it is asked for."""
        return replace(self, table=partial(self.elsewhere, paper))

    def cell(self, table: str, row: str, column: str) -> float:
        """A printed number; ValueError for text, KeyError for a name that is not there."""
        return _number(self.table(table).rows[row][column])

    def column(self, table: str, column: str, rows: Iterable[str] | None = None) -> list[float]:
        """A column of numbers from top to bottom, or of the rows named; as `cell`."""
        return [self.cell(table, row, column) for row in (self.table(table).rows if rows is None else rows)]

    def row(self, table: str, row: str, columns: Iterable[str] | None = None) -> list[float]:
        """A row of numbers from left to right, or of the columns named; as `cell`."""
        return [self.cell(table, row, column) for column in (self.table(table).rows[row] if columns is None else columns)]

    def matrix(self, table: str) -> NDArray[np.float64]:
        """All numbers of a table, (rows, columns)."""
        return np.array([self.row(table, row) for row in self.table(table).rows], dtype="float64")

    def reading(self, table: str, about: str, source: str) -> Cell:
        """What one of the sources says in a reading that stands beside a table; KeyError for a name that is not there."""
        return {reading.about: reading.says for reading in self.table(table).readings}[about][source]

    def photos(self, data: str, *, labels: str = "exact") -> pd.DataFrame:
        """The PHOTOS table of a data set; DataUnavailable where it is not here."""
        photos = self.find_photos(data, labels)
        if photos is None:
            raise DataUnavailable(data)
        return photos


@dataclass(frozen=True)
class Erratum:
    """A disagreement that we know: what the computation gives instead, as text, and how we read the place."""

    computed: str
    reading: str


@dataclass(frozen=True)
class Claim:
    """One statement of a paper beside its computation.

    printed: the number as printed, so that its digits count ("0.50"); `yes` or `no`; or a text.
    relation: how the computed number stands to the printed one; `above` for "more than half", `below` for "p < 0.05".
    """

    id: str
    says: str
    source: str
    printed: str
    compute: Callable[[Paper], Value]
    relation: Literal["equal", "above", "below"] = "equal"
    note: str = ""
    erratum: Erratum | None = None


def rising(values: ArrayLike) -> bool:
    """Whether no number of (n,) is below the one before it."""
    return bool(np.all(np.diff(np.asarray(values, dtype="float64")) >= 0))


def falling(values: ArrayLike) -> bool:
    """Whether no number of (n,) is above the one before it."""
    return bool(np.all(np.diff(np.asarray(values, dtype="float64")) <= 0))


def rank(value: float, others: Sequence[float]) -> int:
    """Place of a value among itself and others, 1 for the lowest; equal values share the better place."""
    return 1 + sum(other < value for other in others)


def percent_decrease(before: float, after: float) -> float:
    """How much less the second number is, in percent of the first; ZeroDivisionError where that is 0."""
    return 100 * (before - after) / before


def distinct(values: pd.Series) -> int:
    """How many different values a column has; empty text does not count."""
    return int(values[values != ""].nunique())


def one_of(count: int, counts: Sequence[float]) -> Value:
    """Yes where a count is one of several that are told; if not, the count as text, so that it can be read."""
    return count in counts or f"{count:,}"


def not_among(values: Sequence[float], allowed: Sequence[float]) -> str:
    """The distinct values that are not allowed, as text, or "none"."""
    return _list_names(dict.fromkeys(f"{value:g}" for value in values if value not in allowed))


def repeated_rows(table: PublishedTable, *columns: str) -> str:
    """Names of the rows that print the same in all of these columns, as "A = B", or "none"."""
    names_of: dict[tuple[Cell, ...], list[str]] = {}
    for name, row in table.rows.items():
        names_of.setdefault(tuple(row[column] for column in columns), []).append(name)
    return _list_names(" = ".join(names) for names in names_of.values() if len(names) > 1)


def rows_out_of_order(table: PublishedTable, *columns: str) -> str:
    """Names of the rows whose numbers fall from one of these columns to the next, or "none"; rows that lack one are left out."""
    complete = {name: [row[column] for column in columns] for name, row in table.rows.items() if all(column in row for column in columns)}
    return _list_names(name for name, values in complete.items() if not rising(values))


def years_without_row(table: PublishedTable, last: int) -> str:
    """Years from 0 to `last` that no row named "20-39" or ">= 80" holds, as runs such as "70-79", or "none"; other rows are left out."""
    free = set(range(last + 1))
    for name in table.rows:
        if match := _YEARS.fullmatch(name):
            free -= set(range(int(match[1]), int(match[2]) + 1))
        elif match := _YEARS_FROM.fullmatch(name):
            free -= set(range(int(match[1]), last + 1))
    starts = sorted(year for year in free if year - 1 not in free)
    ends = sorted(year for year in free if year + 1 not in free)
    return _list_names(f"{start}-{end}" if start < end else f"{start}" for start, end in zip(starts, ends))


def rows_missing(table: PublishedTable, than: PublishedTable) -> str:
    """Names of the rows of the second table that the first one lacks, or "none"."""
    return _list_names(name for name in than.rows if name not in table.rows)


def numerical_gradient(function: Callable[[NDArray[np.float64]], float], at: ArrayLike, step: float = 1e-5) -> NDArray[np.float64]:
    """Central differences of a function of an array, in the array's shape; their error is about step squared."""
    point = np.array(at, dtype="float64")
    gradient = np.empty_like(point)
    for place in np.ndindex(point.shape):
        shift = np.zeros_like(point)
        shift[place] = step
        gradient[place] = (function(point + shift) - function(point - shift)) / (2 * step)
    return gradient


def matrix_accuracy(matrix: NDArray[np.float64]) -> float:
    """Percent of a confusion matrix (k, k), rows true and columns predicted, on its diagonal."""
    return float(100 * np.trace(matrix) / matrix.sum())


def matrix_precision(matrix: NDArray[np.float64], index: int) -> float:
    """Share, 0 to 1, of what was predicted as class `index` (from 0) that is of that class; IndexError for no such class."""
    return float(matrix[index, index] / matrix[:, index].sum())


def matrix_recall(matrix: NDArray[np.float64], index: int) -> float:
    """Share, 0 to 1, of class `index` (from 0) that was predicted so; IndexError for no such class."""
    return float(matrix[index, index] / matrix[index].sum())


def dense_parameters(inputs: int, outputs: int) -> int:
    """Weights and biases of a fully connected layer."""
    return (inputs + 1) * outputs


def convolution_parameters(kernel: int, inputs: int, outputs: int) -> int:
    """Weights and biases of a convolution with square kernels of `kernel` pixels."""
    return (kernel * kernel * inputs + 1) * outputs


def _number(cell: Cell) -> float:
    if isinstance(cell, (bool, str)):
        raise ValueError(f"{cell!r} is no number")
    return cell


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(names) or NONE
