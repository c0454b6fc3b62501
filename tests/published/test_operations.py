from __future__ import annotations

import pytest

from agerepro.published.operations import OPERATIONS
from agerepro.published.read import Column, PublishedTable

MATRIX = [[8, 2], [1, 9]]
TABLE = PublishedTable(
    paper="made2030",
    table="table1",
    title="A table",
    source="made2030, Table 1",
    columns={name: Column(label=name, unit="count") for name in ("a", "b", "c")},
    rows={"first": {"a": 1, "b": 2, "c": 3}, "second": {"a": 4, "b": 3, "c": 7}, "third": {"a": 4, "b": 3, "c": 7.2}, "fourth": {"a": 9}},
)


@pytest.mark.parametrize(
    ("operation", "arguments", "result"),
    [  # by hand
        ("sum", [1, [2, 3.5]], 6.5),
        ("difference", [[5, 3]], 2),
        ("product", [2, 3, 4], 24),
        ("ratio", [1, 4], 0.25),
        ("ratio_percent", [1, 4], 25),
        ("percent_decrease", [8, 6], 25),
        ("mean", [[1, 2, 6]], 3),
        ("median", [[1, 2, 6]], 2),
        ("sd", [[1, 2, 3]], 1),  # squares sum to 2, over n - 1 = 2
        ("lowest", [[3, 1], 2], 1),
        ("highest", [[3, 1], 2], 3),
        ("rank", [2, [1, 2, 3]], 2),
        ("matrix_accuracy", [MATRIX], 85),
        ("matrix_precision", [MATRIX, 0], 8 / 9),
        ("matrix_recall", [MATRIX, 0], 0.8),
        ("dense_parameters", [3, 2], 8),
        ("convolution_parameters", [3, 2, 4], 76),
    ],
)
def test_numbers(operation, arguments, result):
    assert OPERATIONS[operation](*arguments) == pytest.approx(result)


@pytest.mark.parametrize(
    ("operation", "arguments", "result"),
    [
        ("equal", [[1, "a"], [1, "a"]], True),
        ("equal", [1, 1, 2], False),
        ("rising", [[1, 1, 2]], True),
        ("rising", [1, 2, 1], False),
        ("falling", [[2, 2, 1]], True),
        ("falling", [1, 2], False),
        ("not_among", [[1, 16, 32, 16], [1, 32]], "16"),
        ("not_among", [[0.1], [0.1]], "none"),
        ("repeated_rows", [TABLE, "a"], "second = third"),
        ("rows_out_of_order", [TABLE, "a", "b"], "second, third"),
        ("rows_out_of_order", [TABLE, "a", "c"], "none"),
        ("rows_not_adding_up", [TABLE, "c", 0.1, "a", "b"], "third"),
        ("rows_not_adding_up", [TABLE, "c", 0.2, "a", "b"], "none"),
    ],
)
def test_truths_and_names(operation, arguments, result):
    assert OPERATIONS[operation](*arguments) == result


# teh2018, Table VII: MAE of five seeds on ChaLearn 2015, and what section IV prints of them.
BASELINE = [3.825, 3.892, 4.051, 3.987, 3.991]
RELATIONAL = [3.806, 3.850, 3.883, 3.883, 3.776]


def test_teh2018_table_7_mean_sd_and_paired_p():
    assert round(OPERATIONS["mean"](BASELINE), 3) == 3.949
    assert round(OPERATIONS["sd"](BASELINE), 3) == 0.090
    assert round(OPERATIONS["paired_t_p"](BASELINE, RELATIONAL), 3) == 0.041
    assert OPERATIONS["shapiro_p"](BASELINE) > 0.05


def test_five_pairs_of_one_sign_by_hand():
    assert OPERATIONS["wilcoxon_p"](BASELINE, RELATIONAL) == pytest.approx(2 / 2**5)


# R's data set `sleep`; p-values as R prints them for t.test(paired = TRUE), t.test() and shapiro.test().
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_p_values_of_student_1908():
    assert OPERATIONS["paired_t_p"](DRUG_1, DRUG_2) == pytest.approx(0.002833, abs=5e-7)
    assert OPERATIONS["welch_p"](DRUG_1, DRUG_2) == pytest.approx(0.07939, abs=5e-6)
    assert OPERATIONS["shapiro_p"](DRUG_1, DRUG_2) == pytest.approx(0.3114, abs=5e-5)


@pytest.mark.parametrize(
    ("operation", "arguments"), [("sum", ["a"]), ("sum", [True]), ("difference", [1]), ("ratio", [1, 2, 3]), ("mean", [TABLE])]
)
def test_what_is_no_number_or_too_many_is_refused(operation, arguments):
    with pytest.raises(ValueError):
        OPERATIONS[operation](*arguments)
