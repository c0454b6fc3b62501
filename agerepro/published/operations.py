"""What an audit can compute from printed numbers: a closed set of named functions of numbers, lists, matrices and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Union

import numpy as np

from agerepro.published.read import Cell, PublishedTable

Value = Union[Cell, list[Any], PublishedTable]
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
