"""AgeDB: labels from names."""

from __future__ import annotations

import pytest

from agerepro.datasets import agedb
from agerepro.errors import UserError


@pytest.mark.parametrize("nesting", [".", "AgeDB"])
def test_labels_from_names(tmp_path, touch, nesting):
    touch(tmp_path / nesting, "0_MariaCallas_35_f.jpg", "16487_J.R.Doe_101_m.jpg", "5_Two_Words_1_F.JPG")
    table = agedb.read(tmp_path).table.set_index("subject")
    assert table.loc["MariaCallas", ["age", "gender"]].tolist() == [35.0, "f"]
    assert table.loc["J.R.Doe", ["age", "gender"]].tolist() == [101.0, "m"]
    assert table.loc["Two_Words", ["age", "gender"]].tolist() == [1.0, "f"]
    assert all((tmp_path / path).exists() for path in table["path"])
    assert "agedb/0_MariaCallas_35_f.jpg" in set(table["photo"])


@pytest.mark.parametrize("name", ["0_MariaCallas_f.jpg", "x_MariaCallas_35_f.jpg", "0_MariaCallas_35_x.jpg", "0_MariaCallas_35_f.png"])
def test_other_names_are_listed(tmp_path, touch, name):
    photos = agedb.read(touch(tmp_path, "0_MariaCallas_35_f.jpg", name))
    assert len(photos.table) == 1
    assert [skip.path for skip in photos.skipped] == [name]


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"AgeDB\.zip"):
        agedb.read(tmp_path)
