"""Rows as JSON Lines and CSV: the same values, empty where there are none, names of files unharmed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from agerepro.prediction.contact_sheet import caption
from agerepro.prediction.estimates import COLUMNS, Row
from agerepro.prediction.formats import as_csv, as_jsonl


def row(posterior: np.ndarray | None = None, **values: Any) -> Row:
    return Row({**dict.fromkeys(COLUMNS), "folds": [0, 3], "warnings": [], **values}, posterior)


ROWS = [
    row(np.array([0.25, 0.75]), photo='käse, "b".jpg', age=41.5, low=30.0, high=53.0, warnings=["one", "two"]),
    row(photo="text.jpg", status="unreadable", reason="not a picture"),
]


def test_jsonl_is_one_object_a_line_with_null_for_nothing() -> None:
    lines = [json.loads(line) for line in as_jsonl(ROWS, ["20", "60"], distribution=True).splitlines()]
    assert lines[0]["photo"] == 'käse, "b".jpg' and lines[0]["distribution"] == {"20": 0.25, "60": 0.75}
    assert lines[1]["age"] is None and lines[1]["distribution"] is None and lines[1]["warnings"] == []
    assert list(json.loads(as_jsonl(ROWS, [], distribution=False).splitlines()[0])) == list(COLUMNS)


def test_csv_has_the_same_values_and_empty_cells() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(ROWS, ["20", "60"], distribution=True))))
    assert rows[0]["photo"] == 'käse, "b".jpg' and rows[0]["folds"] == "0 3" and rows[0]["warnings"] == "one; two"
    assert (rows[0]["p20"], rows[0]["p60"], rows[1]["p20"], rows[1]["age"]) == ("0.25", "0.75", "", "")
    assert list(rows[0]) == [*COLUMNS, "p20", "p60"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"age": 41.4, "low": 30.2, "high": 53.0}, "41 (30\N{EN DASH}53)"),
        ({"age": 41.4}, "41"),
        ({"group": "25-32", "probability": 0.714}, "25-32: 71 %"),
        ({"age": 41.4, "warnings": ["tight"]}, "! 41"),
    ],
)
def test_a_caption_is_age_and_interval_or_group(values: dict[str, Any], said: str) -> None:
    assert caption(row(**values)) == said
