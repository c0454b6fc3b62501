"""VGGFace2: identities from folders, boxes from the loose_bb tables."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.datasets import vggface2
from agerepro.errors import UserError

PHOTOS = ("train/n000002/0001_01.jpg", "train/n000002/0002_01.jpg", "test/n000001/0001_01.jpg")


@pytest.mark.parametrize("nesting", [".", "VGGFace2"])
def test_people_and_splits_from_folders(tmp_path, touch, nesting):
    touch(tmp_path / nesting, *PHOTOS)
    table = vggface2.read(tmp_path).table
    assert table["photo"].tolist() == [f"vggface2/{name}" for name in PHOTOS]
    assert table["subject"].tolist() == ["n000002", "n000002", "n000001"]
    assert table["split"].tolist() == ["train", "train", "test"]
    assert table[["age", "left"]].isna().all(axis=None)
    assert all((tmp_path / path).exists() for path in table["path"])


@pytest.mark.parametrize("place", ["bb_landmark", "meta/bb_landmark"])
def test_boxes_in_pixels_where_given_the_first_of_two_counts(tmp_path, touch, place):
    touch(tmp_path, *PHOTOS, f"{place}/loose_bb_train.csv")
    lines = ["NAME_ID,X,Y,W,H", '"n000002/0001_01",161,-3,75,110', '"n000009/0001_01",1,1,1,1', '"n000002/0001_01",9,9,9,9']
    (tmp_path / place / "loose_bb_train.csv").write_text("\n".join(lines))
    table = vggface2.read(tmp_path).table
    assert len(table) == 3
    assert table.loc[0, ["left", "top", "right", "bottom"]].tolist() == [161, -3, 236, 107]  # x, y, x + w, y + h
    assert np.isnan(table["left"][1:]).all()


def test_other_names_are_listed(tmp_path, touch):
    photos = vggface2.read(touch(tmp_path, *PHOTOS, "train/n000002/list.txt", "train/other/0001_01.jpg"))
    assert len(photos.table) == 3
    assert [skip.path for skip in photos.skipped] == ["train/n000002/list.txt", "train/other"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"NAME,X,Y,W,H\na,1,1,1,1\n", "NAME, X, Y, W, H.*NAME_ID, X, Y, W, H"),
        (b"NAME_ID,X,Y,W,H\na,one,1,1,1\n", r"loose_bb_test\.csv is no"),
        (b"", r"loose_bb_test\.csv is no"),
        (b"\xff\xd8\xff\xe0,\x00", r"loose_bb_test\.csv is no"),
    ],
)
def test_a_box_table_of_another_shape(tmp_path, touch, content, sentence):
    touch(tmp_path, *PHOTOS, "bb_landmark/loose_bb_test.csv")
    (tmp_path / "bb_landmark" / "loose_bb_test.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        vggface2.read(tmp_path)


def test_an_empty_folder_says_how_to_get_it(tmp_path, touch):
    with pytest.raises(UserError, match="train/n000002"):
        vggface2.read(touch(tmp_path, "train/readme.txt"))
