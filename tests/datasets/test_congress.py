"""The congress portraits: shipped labels, and the pictures that are there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.datasets import congress
from agerepro.datasets.download import jpeg_digest
from agerepro.datasets.photos import SkippedItem
from agerepro.errors import UserError


@pytest.fixture
def everyone(tmp_path, touch):
    return touch(tmp_path, *(f"images/{name}" for name in congress.labels()["file"]))


def test_all_547_with_the_counts_of_their_readme(everyone):
    table = congress.read(everyone).table
    assert (len(table), table["subject"].nunique()) == (547, 547)
    ages = congress.labels()["age"]  # completed years; of three people photographed on the eve of a birthday the decimals round up
    assert (np.floor(table["age"]) != ages).sum() == 3
    assert (ages.min(), ages.max()) == (30, 82)
    assert (round(ages.mean(), 2), round(ages.std(), 2)) == (52.98, 9.84)
    assert ((ages // 10).value_counts().sort_index()).tolist() == [55, 136, 218, 115, 21, 2]
    assert table["gender"].value_counts().to_dict() == {"m": 449, "f": 98}
    precise = table["age_std"] <= 3
    assert precise.sum() == 313
    assert (round(ages[precise].mean(), 2), round(ages[precise].std(), 2)) == (51.10, 9.57)
    assert table["date_note"].value_counts()["assumed_10y_to_save_date"] == 135


def test_the_shipped_digests_are_those_of_the_pictures(portraits):
    digests = congress.labels().set_index("file")["jpeg_digest"]
    assert [jpeg_digest(path.read_bytes()) for path in portraits] == digests[[path.name for path in portraits]].tolist()


def test_the_shipped_labels_are_those_of_the_source(full_reference):
    source = pd.read_csv(full_reference / "data" / "congress-portraits" / "portraits.csv")
    ours = congress.labels()
    same = [column for column in ours.columns if column not in ("file", "jpeg_digest")]
    pd.testing.assert_frame_equal(ours[same], source[same])
    assert ("images/" + ours["file"]).tolist() == source["file"].tolist()
    folder = full_reference / "data" / "congress-portraits"
    assert [jpeg_digest((folder / name).read_bytes()) for name in source["file"]] == ours["jpeg_digest"].tolist()


def test_one_portrait(tmp_path, touch):
    photos = congress.read(touch(tmp_path, "A000014.jpg", "readme.txt", "Z999999.jpg"))
    (row,) = photos.table.to_dict("records")
    assert (row["photo"], row["path"], row["subject"]) == ("congress/A000014.jpg", "A000014.jpg", "A000014")
    assert (row["age"], row["age_std"], row["gender"], row["date_note"]) == (61.99, 5.0, "m", "assumed_10y_to_save_date")
    assert len(photos.skipped) == 547
    assert photos.skipped[-1] == SkippedItem("Z999999.jpg", "no dated label for this portrait")
    assert photos.skipped[0].reason == "the portrait is missing"


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"A000014\.jpg.*agerepro data download congress"):
        congress.read(tmp_path)
