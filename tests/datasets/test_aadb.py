"""AADB: lists of names and scores, and pictures under the names that the archives give them."""

from __future__ import annotations

import pytest

from agerepro.datasets import aadb
from agerepro.datasets.photos import SkippedItem
from agerepro.errors import UserError

LISTS = {
    "Train": "farm1_a_b.jpg 0.6000\nfarm1_c b.jpg 0.25\n",
    "Validation": "farm1_d_b.jpg 0\nfarm1_e_b.jpg 1.2\n",
    "TestNew": "farm2_f_b.jpg 0.500\n",
}


@pytest.fixture
def folder(tmp_path, touch):
    touch(tmp_path, "datasetImages_originalSize/farm1_a_b.jpg", "datasetImages_originalSize/farm1_c b.jpg")
    touch(tmp_path, "datasetImages_originalSize/farm1_d_b.jpg", "datasetImages_originalSize/farm1_e_b.jpg")
    touch(tmp_path, "AADB_newtest_originalSize/0.500_farm2_f_b.jpg", "datasetImages_warp256/farm1_a_b.jpg")
    for name, text in LISTS.items():
        (tmp_path / "imgListFiles_label").mkdir(exist_ok=True)
        (tmp_path / "imgListFiles_label" / f"imgList{name}Regression_score.txt").write_text(text)
    return tmp_path


def test_scores_and_splits(folder):
    photos = aadb.read(folder)
    assert photos.table[["photo", "path", "score", "split"]].to_numpy().tolist() == [
        ["aadb/farm2_f_b.jpg", "AADB_newtest_originalSize/0.500_farm2_f_b.jpg", 0.5, "test"],
        ["aadb/farm1_d_b.jpg", "datasetImages_originalSize/farm1_d_b.jpg", 0.0, "validation"],
        ["aadb/farm1_a_b.jpg", "datasetImages_warp256/farm1_a_b.jpg", 0.6, "train"],  # squeezed as the authors' network takes it
        ["aadb/farm1_c b.jpg", "datasetImages_originalSize/farm1_c b.jpg", 0.25, "train"],
    ]
    assert photos.table["age"].isna().all() and photos.skipped == (
        SkippedItem("validation: farm1_e_b.jpg", "the score is not between 0 and 1"),
    )


def test_a_tested_picture_trains_nothing(folder):
    with (folder / "imgListFiles_label" / "imgListTrainRegression_score.txt").open("a") as file:
        file.write("farm2_f_b.jpg 0.4\nfarm1_a_b.jpg 0.6\nfarm1_z_b.jpg 0.1\n")
    photos = aadb.read(folder)
    assert photos.table.set_index("photo")["split"]["aadb/farm2_f_b.jpg"] == "test"
    assert photos.skipped[1:] == (
        SkippedItem("train: farm2_f_b.jpg", "listed in test, too"),
        SkippedItem("train: farm1_a_b.jpg", "listed twice"),
        SkippedItem("train: farm1_z_b.jpg", "there is no such picture"),
    )


def test_lists_that_are_none(folder):
    (folder / "imgListFiles_label" / "imgListValidationRegression_score.txt").write_text("farm1_d_b.jpg\n")
    with pytest.raises(UserError, match="not a list of names and scores"):
        aadb.read(folder)
    (folder / "imgListFiles_label" / "imgListValidationRegression_score.txt").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        aadb.read(folder)
