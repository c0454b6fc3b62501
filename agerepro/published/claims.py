"""What a paper prints that can be computed again: claims, the values they refer to, and the operations on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agerepro.errors import UserError, suggest
from agerepro.published.tables import CLAIMS, Cell, PublishedTable, papers

if TYPE_CHECKING:
    import pandas as pd


class DataUnavailable(Exception):
    """A claim needs the photos of a data set that is not here."""


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where references look: `table(name)` gives a paper's table, `photos(data set, label policy)` a photos table or None."""

    table: Callable[[str], PublishedTable]
    photos: Callable[[str, str], pd.DataFrame | None]


def cell(sources: Sources, table: str, row: str, column: str) -> Cell:
    """One printed cell."""
    return _pick(_row(sources, table, row), column, f"{table}, row {row}")


def column(sources: Sources, table: str, column: str, rows: list[str] | None = None) -> list[Cell]:
    """A column from top to bottom, or of the rows named."""
    found = sources.table(table)
    return [cell(sources, table, row, column) for row in (found.rows if rows is None else rows)]


def row(sources: Sources, table: str, row: str, columns: list[str] | None = None) -> list[Cell]:
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
            raise UserError(f"Photos have no column {name!r}.{suggest(name, photos.columns)}")
        for comparison, bound in conditions.items():
            photos = photos[_pick(COMPARE, comparison, "conditions")(photos[name], bound)]
    return photos


def _photos(sources: Sources, data: str, where: Mapping[str, Any], labels: str) -> pd.DataFrame:
    found = sources.photos(data, labels)
    if found is None:
        raise DataUnavailable(data)
    return matching(found, where)


def _row(sources: Sources, table: str, row: str) -> dict[str, Cell]:
    found: dict[str, Cell] = _pick(sources.table(table).rows, row, table)
    return found


def _pick(mapping: Mapping[str, Any], name: str, place: str) -> Any:
    if name not in mapping:
        raise UserError(f"{place}: there is no {name!r}.{suggest(str(name), mapping)}")
    return mapping[name]


Value = Cell | list[Any] | PublishedTable
NONE = "none"
ROUNDING = 1e-9  # a sum of decimals may lie a little beside itself


def numbers(*values: Any) -> np.ndarray:
    """All numbers of nested lists in a row, (n,) float64; ValueError for anything else."""
    return np.array(list(_flat(values)), dtype=float)


def _flat(values: Any) -> Iterator[float]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield float(value)
        else:
            raise ValueError(f"{value!r} is no number")


def difference(*values: Any) -> float:
    """The first of two numbers less the second."""
    first, second = numbers(*values)
    return float(first - second)


def ratio(*values: Any) -> float:
    """The first of two numbers over the second; ZeroDivisionError where that is 0."""
    first, second = numbers(*values).tolist()
    return float(first / second)


def percent_decrease(*values: Any) -> float:
    """How much less the second of two numbers is, in percent of the first."""
    before, after = numbers(*values).tolist()
    return float(100 * (before - after) / before)


def sd(*values: Any) -> float:
    """Standard deviation of a sample: divided by n - 1."""
    return float(np.std(numbers(*values), ddof=1))


def rank(value: float, *others: Any) -> int:
    """Place of a value among itself and others, 1 for the lowest; equal values share the better place."""
    return 1 + int(np.sum(numbers(*others) < value))


def matrix_accuracy(matrix: list[list[float]]) -> float:
    """Percent of a confusion matrix (rows true, columns predicted) on its diagonal."""
    return 100 * float(np.trace(np.array(matrix))) / float(np.sum(matrix))


def matrix_precision(matrix: list[list[float]], index: int) -> float:
    """Share, 0 to 1, of what was predicted as class `index` (from 0) that is of that class."""
    return matrix[index][index] / float(np.sum(matrix, axis=0)[index])


def matrix_recall(matrix: list[list[float]], index: int) -> float:
    """Share, 0 to 1, of class `index` (from 0) that was predicted so."""
    return matrix[index][index] / float(np.sum(matrix, axis=1)[index])


def dense_parameters(inputs: int, outputs: int) -> int:
    """Weights and biases of a fully connected layer."""
    return (inputs + 1) * outputs


def convolution_parameters(kernel: int, inputs: int, outputs: int) -> int:
    """Weights and biases of a convolution with square kernels."""
    return (kernel * kernel * inputs + 1) * outputs


def equal(*values: Any) -> bool:
    """Whether all values (numbers, texts or lists) are the same."""
    return all(value == values[0] for value in values)


def rising(*values: Any) -> bool:
    """Whether no number is below the one before it."""
    return bool(np.all(np.diff(numbers(*values)) >= 0))


def falling(*values: Any) -> bool:
    """Whether no number is above the one before it."""
    return bool(np.all(np.diff(numbers(*values)) <= 0))


def not_among(values: list[Any], allowed: list[Any]) -> str:
    """The distinct values that are not allowed, or "none"."""
    return _listed(dict.fromkeys(f"{value:g}" for value in numbers(values) if value not in allowed))


def repeated_rows(table: PublishedTable, *columns: str) -> str:
    """Names of the rows that print the same in all of these columns, as "A = B", or "none"."""
    alike: dict[tuple[Cell, ...], list[str]] = {}
    for name, row in table.rows.items():
        alike.setdefault(tuple(row[column] for column in columns), []).append(name)
    return _listed(" = ".join(names) for names in alike.values() if len(names) > 1)


def rows_out_of_order(table: PublishedTable, *columns: str) -> str:
    """Names of the rows whose numbers fall from one of these columns to the next, or "none"; rows without them are left out."""
    whole = {name: [row[column] for column in columns] for name, row in table.rows.items() if all(column in row for column in columns)}
    return _listed(name for name, values in whole.items() if not rising(values))


def rows_not_adding_up(table: PublishedTable, total: str, within: float, *parts: str) -> str:
    """Names of the rows where a column differs by more than `within` from the sum of others, or "none"."""
    whole = {name: row for name, row in table.rows.items() if all(column in row for column in (total, *parts))}
    return _listed(
        name
        for name, row in whole.items()
        if abs(numbers(row[total])[0] - numbers([row[part] for part in parts]).sum()) > within + ROUNDING
    )


def paired_t_p(first: list[float], second: list[float]) -> float:
    """Two-sided p of the paired t-test."""
    from scipy import stats

    return float(stats.ttest_rel(first, second).pvalue)


def welch_p(first: list[float], second: list[float]) -> float:
    """Two-sided p of Welch's t-test, unpaired, with unequal variances."""
    from scipy import stats

    return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


def shapiro_p(*values: Any) -> float:
    """p of the Shapiro-Wilk test of normality."""
    from scipy import stats

    return float(stats.shapiro(numbers(*values)).pvalue)


def wilcoxon_p(first: list[float], second: list[float]) -> float:
    """Two-sided p of Wilcoxon's signed ranks."""
    from scipy import stats

    return float(stats.wilcoxon(first, second).pvalue)


def _listed(names: Any) -> str:
    return ", ".join(names) or NONE


OPERATIONS: dict[str, Callable[..., Value]] = {
    "sum": lambda *values: float(np.sum(numbers(*values))),
    "difference": difference,
    "product": lambda *values: float(np.prod(numbers(*values))),
    "ratio": ratio,
    "ratio_percent": lambda *values: 100 * ratio(*values),
    "percent_decrease": percent_decrease,
    "mean": lambda *values: float(np.mean(numbers(*values))),
    "median": lambda *values: float(np.median(numbers(*values))),
    "sd": sd,
    "lowest": lambda *values: float(np.min(numbers(*values))),
    "highest": lambda *values: float(np.max(numbers(*values))),
    "rank": rank,
    "matrix_accuracy": matrix_accuracy,
    "matrix_precision": matrix_precision,
    "matrix_recall": matrix_recall,
    "dense_parameters": dense_parameters,
    "convolution_parameters": convolution_parameters,
    "equal": equal,
    "rising": rising,
    "falling": falling,
    "not_among": not_among,
    "repeated_rows": repeated_rows,
    "rows_out_of_order": rows_out_of_order,
    "rows_not_adding_up": rows_not_adding_up,
    "paired_t_p": paired_t_p,
    "welch_p": welch_p,
    "shapiro_p": shapiro_p,
    "wilcoxon_p": wilcoxon_p,
}

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_CLOSED)
class Erratum:
    """A disagreement that we know: what the computation gives instead, as text, and how we read the place."""

    found: str
    reading: str


@dataclass(frozen=True, config=_CLOSED)
class Claim:
    """One statement of a paper beside its computation.

    printed: the number as printed, in quotes, so that its digits count ("0.50"); `yes` or `no`; or a text.
    relation: how the computed number stands to the printed one; `above` for "more than half", `below` for "p < 0.05".
    compute: `{operation or reference: arguments}`, nested at will; see operations.py and references.py.
    within: allowed difference where half a unit of the last printed digit is not right; the note says why.
    """

    id: str
    says: str
    source: str
    printed: str
    compute: Any
    relation: Literal["equal", "above", "below"] = "equal"
    within: float | None = None
    note: str = ""
    misprint: Erratum | None = None


@dataclass(frozen=True, config=_CLOSED)
class Claims:
    """All claims of one paper, in the paper's order."""

    paper: str
    claims: tuple[Claim, ...]


def audited() -> list[str]:
    """Names of the papers that have claims."""
    return [paper for paper in papers() if _file(paper).is_file()]


def claims_of(paper: str) -> tuple[Claim, ...]:
    """The claims of a paper; UserError for a paper that has none, or for a file of another shape."""
    if paper not in audited():
        raise UserError(f"No claims of {paper!r}.{suggest(paper, audited())}")
    found = parse_claims(_file(paper).read_text(encoding="utf-8"), f"{paper}/{CLAIMS}.yaml")
    if found.paper != paper:
        raise UserError(f"{paper}/{CLAIMS}.yaml says it is of {found.paper}.")
    return found.claims


def parse_claims(text: str, file: str) -> Claims:
    """Claims from YAML text; `file` names it in errors.

    Raises UserError for another shape, an id given twice, an unknown operation, or a note that `within` lacks.
    """
    try:
        found = TypeAdapter(Claims).validate_python(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise UserError(f"{file} is no list of claims: {error}") from None
    ids = [claim.id for claim in found.claims]
    for claim in found.claims:
        place = f"{file}, claim {claim.id}"
        if ids.count(claim.id) > 1:
            raise UserError(f"{place}: the id is given twice.")
        if claim.within is not None and not claim.note:
            raise UserError(f"{place}: `within` needs a note that says why.")
        _check(claim.compute, place)
    return found


def _check(node: Any, place: str) -> None:
    if isinstance(node, list):
        for item in node:
            _check(item, place)
    elif isinstance(node, dict):
        name = next(iter(node), "")
        known = {**OPERATIONS, **REFERENCES}
        if len(node) != 1 or name not in known:
            raise UserError(f"{place}: {', '.join(map(str, node)) or 'nothing'} is not one operation.{suggest(str(name), known)}")
        if name in OPERATIONS:
            _check(node[name], place)


def _file(paper: str) -> Any:
    return resources.files("agerepro.published") / paper / f"{CLAIMS}.yaml"
