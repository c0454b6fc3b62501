"""ChaLearn LAP: the lists of 2015 and of 2016 as they are, and pictures in the folders that the archives make."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.datasets import catalog, clap
from agerepro.datasets.photos import SkippedItem
from agerepro.datasets.verify import Row, counts
from agerepro.errors import UserError

COLUMNS = ["photo", "path", "apparent_age", "apparent_std", "split"]


def test_2015_semicolons_and_no_heading(tmp_path, touch):
    touch(tmp_path, "Train/image_1.jpg", "Validation/image_7.jpg", "Test/image_9.jpg")
    for name, line in (("Train", "image_1.jpg;23;4.27"), ("Validation", "image_7.jpg;40;5"), ("Test", "image_9.jpg;8;1.5")):
        (tmp_path / f"{name}.csv").write_bytes(f"{line}\r\n".encode())
    table = clap.read_2015(tmp_path).table
    assert table[COLUMNS].to_numpy().tolist() == [
        ["clap2015/train/image_1.jpg", "Train/image_1.jpg", 23.0, 4.27, "train"],
        ["clap2015/validation/image_7.jpg", "Validation/image_7.jpg", 40.0, 5.0, "validation"],
        ["clap2015/test/image_9.jpg", "Test/image_9.jpg", 8.0, 1.5, "test"],
    ]
    assert np.isnan(table["age"]).all() and (table["subject"] == "").all()


def test_2016_a_heading_and_pictures_in_parts(tmp_path, touch):
    touch(tmp_path, "images/train_1/000000.jpg", "images/train_2/000001.jpg", "images/valid/004113.jpg", "images/test_1/005613.jpg")
    (tmp_path / "gt").mkdir()
    for split, lines in (("train", ["000000.jpg,5,1", "000001.jpg,18.37,4"]), ("valid", ["004113.jpg,3,2"]), ("test", ["005613.jpg,9,2"])):
        (tmp_path / "gt" / f"{split}_gt.csv").write_text("\n".join(["image,mean,stdv", *lines]))
    photos = clap.read_2016(tmp_path)
    assert photos.table["path"].tolist() == [
        "images/train_1/000000.jpg", "images/train_2/000001.jpg", "images/valid/004113.jpg", "images/test_1/005613.jpg",
    ]  # fmt: skip
    assert photos.table["apparent_age"].tolist() == [5, 18.37, 3, 9] and photos.label_files[0] == "gt/train_gt.csv"


def test_what_is_missing_is_listed(tmp_path, touch):
    touch(tmp_path, "Train/image_1.jpg", "Train/image_3.jpg")
    (tmp_path / "Train.csv").write_text("image_1.jpg;23;4\nimage_1.jpg;23;4\nimage_2.jpg;30;4\nimage_3.jpg;?;4\n")
    photos = clap.read_2015(tmp_path)
    assert len(photos.table) == 1
    assert photos.skipped == (
        SkippedItem("train: image_1.jpg", "listed twice in Train.csv"),
        SkippedItem("train: image_2.jpg", "there is no such picture"),
        SkippedItem("train: image_3.jpg", "no mean of votes in Train.csv"),
        SkippedItem("Validation.csv", "the list is missing"),
        SkippedItem("Test.csv", "the list is missing"),
    )


def test_apparent_ages_are_counted_by_rounded_years(tmp_path, touch):
    touch(tmp_path, "train/a.jpg", "train/b.jpg", "train/c.jpg")
    (tmp_path / "train_gt.csv").write_text("image,mean,stdv\na.jpg,19.4,1\nb.jpg,19.6,1\nc.jpg,80,1\n")
    rows = counts(clap.read_2016(tmp_path), catalog.card("clap2016").published)
    assert Row("ages 0-19", 1, 1394) in rows and Row("ages 20-39", 1, 4362) in rows and Row("oldest", 80, None) in rows


def test_no_list_at_all(tmp_path, touch):
    touch(tmp_path, "train/a.jpg")
    with pytest.raises(UserError, match=r"train_gt\.csv"):
        clap.read_2016(tmp_path)
