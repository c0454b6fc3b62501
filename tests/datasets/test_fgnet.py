"""FG-NET: the real names, in every place where the archive may have been unpacked."""

from __future__ import annotations

import pytest

from agerepro.datasets import fgnet
from agerepro.datasets.photos import SkippedItem
from agerepro.errors import UserError


def test_the_real_names_give_the_published_counts(fgnet_names, tmp_path, touch):
    table = fgnet.read(touch(tmp_path, *(f"FGNET/images/{name}" for name in fgnet_names))).table
    assert (len(table), table["subject"].nunique(), table["age"].nunique()) == (1002, 82, 63)  # koenig2019, Table 1; pan2018, Table 1
    assert (table["age"].min(), table["age"].max()) == (0, 69)
    assert [int(table["age"].between(*span).sum()) for span in [(0, 19), (20, 39), (40, 59), (60, 69)]] == [710, 223, 61, 8]
    assert table["photo"].is_unique


@pytest.mark.parametrize("nesting", [".", "images", "FGNET/images"])
def test_the_variants_of_a_name_wherever_they_lie(tmp_path, touch, nesting):
    touch(tmp_path / nesting, "001A02.JPG", "001a05.JPG", "010A43b.jpg")
    table = fgnet.read(tmp_path).table
    assert table["subject"].tolist() == ["001", "001", "010"]
    assert table["age"].tolist() == [2.0, 5.0, 43.0]
    assert table["photo"].tolist() == ["fgnet/001A02.JPG", "fgnet/001a05.JPG", "fgnet/010A43b.jpg"]
    assert [(tmp_path / path).exists() for path in table["path"]] == [True] * 3


def test_other_names_and_copies_are_listed(tmp_path, touch):
    photos = fgnet.read(touch(tmp_path, "images/001A02.JPG", "images/001a02.jpG", "images/Thumbs.db", "images/001A2.JPG", "images/.x"))
    assert len(photos.table) == 1
    assert photos.skipped == (
        SkippedItem("images/001A2.JPG", "the name is not of the form 001A02.JPG"),
        SkippedItem("images/001a02.jpG", "the same name as 001A02.JPG but for upper and lower case"),
        SkippedItem("images/Thumbs.db", "the name is not of the form 001A02.JPG"),
    )


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match=r"001A02\.JPG.* FGNET\.zip"):
        fgnet.read(tmp_path)


def test_a_folder_without_permission(tmp_path, touch, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    touch(tmp_path, "001A02.JPG")
    monkeypatch.setattr("os.scandir", refuse)  # root may list anything, so file modes prove nothing
    with pytest.raises(UserError, match="Permission denied"):
        fgnet.read(tmp_path)
