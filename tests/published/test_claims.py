"""TODO."""

from __future__ import annotations

import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.published.claims import OPERATIONS, REFERENCES, DataUnavailable, Sources, audited, claims_of, matching, parse_claims
from agerepro.published.tables import Column, PublishedTable, published_table
from agerepro.tables import PHOTOS, coerce

GOOD = """
paper: made2030
claims:
  - {id: one, says: a sum, source: section 1, printed: "3.0", compute: {sum: [1, {product: [1, 2]}]}}
  - {id: two, says: a cell, source: section 2, printed: "3", compute: {cell: [table1, row, column]}, within: 0.1, note: rounded}
"""


def test_claims_in_their_order():
    assert [claim.id for claim in parse_claims(GOOD, "made2030/claims.yaml").claims] == ["one", "two"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('printed: "3.0"', "printed: 3.0"), "is no list of claims"),  # its digits would be lost
        (("id: two", "id: one"), "claim one: the id is given twice"),
        ((", note: rounded", ""), "claim two: `within` needs a note"),
        (("product:", "prodct:"), "claim one: prodct is not one operation. Did you mean 'product'"),
        (("{sum:", "{mean: [1], sum:"), "claim one: mean, sum is not one operation"),
        (("source: section 1,", ""), "is no list of claims"),
        (("says: a sum", "said: a sum"), "is no list of claims"),
        (("paper:", "paper"), "is no list of claims"),
    ],
)
def test_a_wrong_file_is_told_in_words(change, message):
    with pytest.raises(UserError, match=message):
        parse_claims(GOOD.replace(*change), "made2030/claims.yaml")


def test_unknown_papers_offer_the_nearest():
    assert "koenig2019" in audited()
    with pytest.raises(UserError, match="Did you mean 'koenig2019'"):
        claims_of("konig2019")


PHOTOS_OF_SIX = coerce(
    pd.DataFrame(
        {
            "photo": list("abcdef"),
            "subject": ["1", "1", "2", "2", "", "3"],
            "age": [1.0, 5.0, 30.0, 31.0, 31.0, 70.0],
            "split": ["0", "0", "0", "1", "1", "1"],
        }
    ),
    PHOTOS,
)
KOENIG = Sources(lambda table: published_table("koenig2019", table), lambda data, labels: PHOTOS_OF_SIX if data == "made" else None)


@pytest.mark.parametrize(
    ("reference", "arguments", "value"),
    [
        ("cell", ["table4", "VGG-16-IMDB", "mae"], 2.77),
        ("column", ["table3", "accuracy"], [67.83, 64.00, 61.78, 50.70]),
        ("column", ["table4", "mae", ["VGG-16-IMDB", "VGG-16-Faces2"]], [2.77, 4.78]),
        ("row", ["table5", "VGG-16-Faces2"], [5.05, 0.40]),
        ("row", ["table5", "VGG-16-Faces2", ["r2"]], [0.40]),
        ("matrix", ["table6"], [[1646, 12, 9], [12, 36, 104], [66, 143, 2362]]),
        ("citation", ["table2", "VGG-16 with Expected Value"], "[40]"),
        ("reading", ["table6", "accuracy on fold 1, percent", "section 6, text"], 92.59),
    ],
)
def test_koenig2019_as_printed(reference, arguments, value):
    assert REFERENCES[reference](KOENIG, *arguments) == value


@pytest.mark.parametrize(
    ("where", "photos"),
    [
        ({}, "abcdef"),
        ({"age": {"above": 30}}, "def"),
        ({"age": {"above": 1, "below": 31}}, "bc"),
        ({"split": {"in": ["0"]}, "subject": {"not_in": ["1"]}}, "c"),
    ],
)
def test_matching_by_hand(where, photos):
    assert "".join(matching(PHOTOS_OF_SIX, where)["photo"]) == photos
    assert REFERENCES["count"](KOENIG, "made", where) == len(photos)


def test_people_without_a_name_are_not_counted_as_one():
    assert REFERENCES["distinct"](KOENIG, "made", "subject", {}) == 3
    assert REFERENCES["values"](KOENIG, "made", "age", {"age": {"below": 6}}) == [1, 5]


def test_a_data_set_that_is_not_here():
    with pytest.raises(DataUnavailable, match="fgnet"):
        REFERENCES["count"](KOENIG, "fgnet", {})


@pytest.mark.parametrize(
    ("reference", "arguments", "message"),
    [
        ("cell", ["table4", "VGG-16-IMBD", "mae"], "Did you mean 'VGG-16-IMDB'"),
        ("cell", ["table4", "VGG-16-IMDB", "medan"], "Did you mean 'median'"),
        ("citation", ["table4", "VGG-16-IMDB"], "table4, cited"),
        ("reading", ["table6", "accuracy on fold 1, percent", "text"], "there is no 'text'"),
        ("count", ["made", {"aeg": {"above": 3}}], "Did you mean 'age'"),
        ("count", ["made", {"age": {"abov": 3}}], "Did you mean 'above'"),
    ],
)
def test_a_wrong_name_offers_the_nearest(reference, arguments, message):
    with pytest.raises(UserError, match=message):
        REFERENCES[reference](KOENIG, *arguments)


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
