"""The papers' own tables as printed, with both readings where a paper contradicts itself."""

from __future__ import annotations

from dataclasses import field
from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agerepro.config.schema import Reproduces
from agerepro.errors import UserError, suggest

_CLOSED = ConfigDict(extra="forbid")
Cell = int | float | bool | str


@dataclass(frozen=True, config=_CLOSED)
class Column:
    """A column: its printed heading, unit, and over what it is aggregated (macro: over folds; pooled: over photos)."""

    label: str
    unit: Literal["years", "percent", "share", "count", "text", "none"]
    aggregation: Literal["macro", "pooled", "none"] = "none"


@dataclass(frozen=True, config=_CLOSED)
class Reading:
    """A place where the paper contradicts itself or leaves a choice: what each source says, and which we print."""

    about: str
    says: dict[str, Cell]
    used: str
    note: str = ""


@dataclass(frozen=True, config=_CLOSED)
class PublishedTable:
    """One table of a paper; `cited` gives, for rows that the paper takes from others, its reference number."""

    paper: str
    table: str
    title: str
    source: str
    columns: dict[str, Column]
    rows: dict[str, dict[str, Cell]]
    cited: dict[str, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()


def papers() -> list[str]:
    """Names of the papers whose tables are here."""
    return sorted(folder.name for folder in resources.files("agerepro.published").iterdir() if folder.is_dir() and _tables_in(folder.name))


def tables(paper: str) -> list[str]:
    """Names of a paper's tables; UserError for an unknown paper."""
    if paper not in papers():
        raise UserError(f"No published numbers of {paper!r}.{suggest(paper, papers())}")
    return _tables_in(paper)


@cache
def published_table(paper: str, table: str) -> PublishedTable:
    """One table as printed; UserError for an unknown paper or table, or for a file of another shape."""
    if table not in tables(paper):
        raise UserError(f"{paper} has no table {table!r}.{suggest(table, tables(paper))}")
    file = resources.files("agerepro.published") / paper / f"{table}.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        printed = TypeAdapter(PublishedTable).validate_python(content)
    except ValidationError as error:
        raise UserError(f"{paper}/{table}.yaml is not a published table: {error}") from None
    _check(printed, f"{paper}/{table}.yaml", paper, table)
    return printed


def published_row(reproduces: Reproduces) -> dict[str, float]:
    """The numbers of a published row by metric, in their column's unit; columns of text are left out.

    Raises UserError, with the nearest name, for an unknown paper, table or row.
    """
    table = published_table(reproduces.paper, reproduces.table)
    if reproduces.row not in table.rows:
        raise UserError(f"{reproduces.paper} {reproduces.table} has no row {reproduces.row!r}.{suggest(reproduces.row, table.rows)}")
    row = table.rows[reproduces.row]
    return {metric: float(value) for metric, value in row.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}


def published_columns(reproduces: Reproduces) -> dict[str, Column]:
    """The columns of the table that a published row stands in, by metric."""
    return dict(published_table(reproduces.paper, reproduces.table).columns)


def _tables_in(paper: str) -> list[str]:
    folder = resources.files("agerepro.published") / paper
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def _check(table: PublishedTable, file: str, paper: str, name: str) -> None:
    """What the types alone cannot say: names agree, and every cell and reading belongs to something."""
    if (table.paper, table.table) != (paper, name):
        raise UserError(f"{file} says it is {table.paper} {table.table}.")
    for row, cells in table.rows.items():
        for column, value in cells.items():
            if column not in table.columns:
                raise UserError(f"{file}, row {row}: no column {column!r}.{suggest(column, table.columns)}")
            is_text = isinstance(value, (str, bool))
            if is_text != (table.columns[column].unit == "text"):
                raise UserError(f"{file}, row {row}, column {column}: {value!r} does not fit the unit {table.columns[column].unit}.")
    for row in table.cited:
        if row not in table.rows:
            raise UserError(f"{file} cites a source for a row it does not have: {row!r}.{suggest(row, table.rows)}")
    for reading in table.readings:
        if reading.used not in reading.says:
            raise UserError(f"{file}: the reading used, {reading.used!r}, is none of {', '.join(reading.says)}.")
