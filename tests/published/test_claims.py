"""What computations of claims draw on, and the few that several of them share, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.published.claims import (
    DataUnavailable,
    Paper,
    convolution_parameters,
    dense_parameters,
    distinct,
    falling,
    matrix_accuracy,
    matrix_precision,
    matrix_recall,
    not_among,
    numerical_gradient,
    one_of,
    percent_decrease,
    rank,
    repeated_rows,
    rising,
    rows_missing,
    rows_out_of_order,
    years_without_row,
)
from agerepro.published.tables import Column, PublishedTable, published_table

PHOTOS = pd.DataFrame({"photo": list("abcd"), "subject": ["1", "1", "", "2"], "age": [1.0, 5.0, 30.0, 5.0]})
KOENIG = Paper(
    lambda table: published_table("koenig2019", table), lambda data, labels: PHOTOS if (data, labels) == ("made", "exact") else None
)
MATRIX = np.array([[8.0, 2.0], [1.0, 9.0]])
TABLE = PublishedTable(
    paper="made2030",
    table="table1",
    title="A table",
    source="made2030, Table 1",
    columns={name: Column(label=name, unit="count") for name in ("a", "b", "c")},
    rows={"first": {"a": 1, "b": 2, "c": 3}, "second": {"a": 4, "b": 3, "c": 7}, "third": {"a": 4, "b": 3, "c": 7.2}, "fourth": {"a": 9}},
)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (KOENIG.cell("table4", "VGG-16-IMDB", "mae"), 2.77),
        (KOENIG.column("table3", "accuracy"), [67.83, 64.00, 61.78, 50.70]),
        (KOENIG.column("table4", "mae", ["VGG-16-IMDB", "VGG-16-Faces2"]), [2.77, 4.78]),
        (KOENIG.row("table5", "VGG-16-Faces2"), [5.05, 0.40]),
        (KOENIG.row("table5", "VGG-16-Faces2", ["r2"]), [0.40]),
        (KOENIG.matrix("table6").tolist(), [[1646, 12, 9], [12, 36, 104], [66, 143, 2362]]),
        (KOENIG.reading("table6", "accuracy on fold 1, percent", "section 6, text"), 92.59),
    ],
)
def test_koenig2019_as_printed(value, printed):
    assert value == printed


def test_another_paper_is_looked_at_by_its_name():
    assert KOENIG.other("pan2018").cell("table4", "DEX*", "mae") == KOENIG.cell("table2", "VGG-16 with Expected Value", "mae") == 3.09
    made = replace(KOENIG, elsewhere=lambda paper, table: {("made2030", "table1"): TABLE}[paper, table])
    assert made.other("made2030").row("table1", "first") == [1, 2, 3]
    with pytest.raises(UserError, match="Did you mean 'pan2018'"):
        KOENIG.other("pan2081").cell("table4", "DEX*", "mae")


def test_photos_are_those_of_the_label_policy_or_not_here():
    assert KOENIG.photos("made") is PHOTOS
    for data, labels in (("fgnet", "exact"), ("made", "substring")):
        with pytest.raises(DataUnavailable, match=data):
            KOENIG.photos(data, labels=labels)


def test_people_without_a_name_are_not_counted_as_one():
    assert distinct(PHOTOS["subject"]) == 2
    assert distinct(PHOTOS["age"]) == 3


@pytest.mark.parametrize("cell", [("table1", "Adience", "age_range"), ("table1", "Adience", "noise_free")])
def test_text_is_no_number(cell):
    with pytest.raises(ValueError, match="no number"):
        KOENIG.cell(*cell)


@pytest.mark.parametrize(
    ("result", "by_hand"),
    [
        (percent_decrease(8, 6), 25),
        (rank(2, [1, 2, 3]), 2),
        (rank(0.5, [1, 2, 3]), 1),
        (matrix_accuracy(MATRIX), 85),
        (matrix_precision(MATRIX, 0), 8 / 9),
        (matrix_recall(MATRIX, 0), 0.8),
        (dense_parameters(3, 2), 8),
        (convolution_parameters(3, 2, 4), 76),
    ],
)
def test_numbers(result, by_hand):
    assert result == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("result", "by_hand"),
    [
        (rising([1, 1, 2]), True),
        (rising([1, 2, 1]), False),
        (falling([2, 2, 1]), True),
        (falling([1, 2]), False),
        (one_of(1617, [1617.0, 1618.0]), True),
        (one_of(1619, [1617.0, 1618.0]), "1,619"),
        (not_among([1, 16, 32, 16], [1, 32]), "16"),
        (not_among([0.1], [0.1]), "none"),
        (repeated_rows(TABLE, "a"), "second = third"),
        (rows_out_of_order(TABLE, "a", "b"), "second, third"),
        (rows_out_of_order(TABLE, "a", "c"), "none"),
        (rows_missing(TABLE, than=TABLE), "none"),
        (rows_missing(replace(TABLE, rows={"third": {}}), than=TABLE), "first, second, fourth"),
        (years_without_row(replace(TABLE, rows={key: {} for key in ("2-4", "7-8", ">= 10", "Total")}), 12), "0-1, 5-6, 9"),
        (years_without_row(replace(TABLE, rows={"0-4": {}, "5-8": {}}), 8), "none"),
        (years_without_row(replace(TABLE, rows={"0-4": {}}), 8), "5-8"),
    ],
)
def test_truths_and_names(result, by_hand):
    assert result == by_hand


def test_a_gradient_by_differences_is_that_by_hand():
    """f = x y^2 + sin x at (1, 2), (0, 3): (y^2 + cos x, 2 x y)."""
    point = np.array([[1.0, 2.0], [0.0, 3.0]])
    gradient = numerical_gradient(lambda p: float((p[:, 0] * p[:, 1] ** 2 + np.sin(p[:, 0])).sum()), point)
    assert gradient == pytest.approx(np.array([[4 + np.cos(1.0), 4], [10, 0]]), abs=1e-8)
