from __future__ import annotations

import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.published.read import published_table
from agerepro.published.references import REFERENCES, NotAtHand, Sources, matching
from agerepro.tables import PHOTOS, conform

PHOTOS_OF_SIX = conform(
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
    with pytest.raises(NotAtHand, match="fgnet"):
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
