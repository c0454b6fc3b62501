"""What an audit computes with: cells, columns, rows, citations and readings of published tables, and counts of photos at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from agerepro.errors import UserError, near
from agerepro.published.operations import Value
from agerepro.published.read import Cell, PublishedTable

if TYPE_CHECKING:
    import pandas as pd


class NotAtHand(Exception):
    """A claim needs the photos of a data set that is not here."""


@dataclass(frozen=True)
class Sources:
    """Where references look: `table(name)` gives a paper's table, `photos(data set, label policy)` a photos table or None."""

    table: Callable[[str], PublishedTable]
    photos: Callable[[str, str], Optional[pd.DataFrame]]


def cell(sources: Sources, table: str, row: str, column: str) -> Cell:
    """One printed cell."""
    return _pick(_row(sources, table, row), column, f"{table}, row {row}")


def column(sources: Sources, table: str, column: str, rows: Optional[list[str]] = None) -> list[Cell]:
    """A column from top to bottom, or of the rows named."""
    found = sources.table(table)
    return [cell(sources, table, row, column) for row in (found.rows if rows is None else rows)]


def row(sources: Sources, table: str, row: str, columns: Optional[list[str]] = None) -> list[Cell]:
    """A row from left to right, or of the columns named."""
    found = _row(sources, table, row)
    return [_pick(found, column, f"{table}, row {row}") for column in (found if columns is None else columns)]


def matrix(sources: Sources, table: str) -> list[list[Cell]]:
    """All cells: a list a row."""
    return [list(cells.values()) for cells in sources.table(table).rows.values()]


def citation(sources: Sources, table: str, row: str) -> str:
    """The reference number that a table gives to a row."""
    return str(_pick(sources.table(table).cited, row, f"{table}, cited"))


def reading(sources: Sources, table: str, about: str, says: str) -> Cell:
    """What one of the sources says in a reading that stands beside a table."""
    readings = {reading.about: reading.says for reading in sources.table(table).readings}
    return _pick(_pick(readings, about, f"{table}, readings"), says, f"{table}, {about}")


def count(sources: Sources, data: str, where: Mapping[str, Any], labels: str = "exact") -> int:
    """Photos of a data set that fulfil all conditions, see `matching`."""
    return len(_photos(sources, data, where, labels))


def values(sources: Sources, data: str, column: str, where: Mapping[str, Any], labels: str = "exact") -> list[Any]:
    """A column of the photos that fulfil all conditions."""
    found: list[Any] = _photos(sources, data, where, labels)[column].tolist()
    return found


def distinct(sources: Sources, data: str, column: str, where: Mapping[str, Any], labels: str = "exact") -> int:
    """How many different values a column has among the photos that fulfil all conditions; empty text does not count."""
    found = _photos(sources, data, where, labels)[column]
    return int(found[found != ""].nunique())


REFERENCES: dict[str, Callable[..., Value]] = {
    "cell": cell,
    "column": column,
    "row": row,
    "matrix": matrix,
    "citation": citation,
    "reading": reading,
    "table": lambda sources, table: sources.table(table),
    "count": count,
    "values": values,
    "distinct": distinct,
}
COMPARE: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
    "above": lambda values, bound: values > bound,
    "below": lambda values, bound: values < bound,
    "in": lambda values, allowed: values.isin(allowed),
    "not_in": lambda values, allowed: ~values.isin(allowed),
}


def matching(photos: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """Rows where every column fulfils its conditions, for instance `age: {above: 30}` or `group: {in: [0-2, 4-6]}`.

    Raises UserError for an unknown column or comparison.
    """
    for name, conditions in where.items():
        if name not in photos.columns:
            raise UserError(f"Photos have no column {name!r}.{near(name, photos.columns)}")
        for comparison, bound in conditions.items():
            photos = photos[_pick(COMPARE, comparison, "conditions")(photos[name], bound)]
    return photos


def _photos(sources: Sources, data: str, where: Mapping[str, Any], labels: str) -> pd.DataFrame:
    found = sources.photos(data, labels)
    if found is None:
        raise NotAtHand(data)
    return matching(found, where)


def _row(sources: Sources, table: str, row: str) -> dict[str, Cell]:
    found: dict[str, Cell] = _pick(sources.table(table).rows, row, table)
    return found


def _pick(mapping: Mapping[str, Any], name: str, place: str) -> Any:
    if name not in mapping:
        raise UserError(f"{place}: there is no {name!r}.{near(str(name), mapping)}")
    return mapping[name]
