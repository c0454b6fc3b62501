"""Rows of estimates as JSON Lines or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from agerepro.prediction.estimates import COLUMNS, DIGITS, Row


def as_jsonl(rows: Sequence[Row], classes: Sequence[str], *, distribution: bool) -> str:
    """One JSON object a line, keys as in COLUMNS; with the distribution, `distribution` maps each class to its probability.

    classes: names of the posterior's columns. A row without a posterior has null there.
    """
    lines = []
    for row in rows:
        values = dict(row.values)
        if distribution:
            values["distribution"] = None if row.posterior is None else dict(zip(classes, _rounded(row.posterior)))
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    return "".join(lines)


def as_csv(rows: Sequence[Row], classes: Sequence[str], *, distribution: bool) -> str:
    """A table with a heading; empty cells for what there is not; with the distribution, a column `p<class>` for each class."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"p{name}" for name in classes if distribution)])
    for row in rows:
        flat = {**row.values, "folds": " ".join(map(str, row.values["folds"])), "warnings": "; ".join(row.values["warnings"])}
        cells = ["" if flat[name] is None else flat[name] for name in COLUMNS]
        if distribution:
            cells += [""] * len(classes) if row.posterior is None else _rounded(row.posterior)
        writer.writerow(cells)
    return out.getvalue()


FORMATS = {"jsonl": as_jsonl, "csv": as_csv}


def _rounded(probabilities: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS + 2) for value in probabilities]
