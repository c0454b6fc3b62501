"""APPA-REAL: averages, single votes, crops and whole photos, in the words of the release."""

from __future__ import annotations

import pytest

from agerepro.datasets import appareal, catalog
from agerepro.datasets.photos import SkippedItem
from agerepro.datasets.verify import Row, verify
from agerepro.errors import UserError

AVERAGES = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"
VOTES = "file_name,real_age,apparent_age,worker_age,worker_gender"


@pytest.fixture
def release(tmp_path, touch):
    folder = tmp_path / "appareal" / "appa-real-release"
    lists = {
        "train": (
            ["000000.jpg,3,5.000000,1.000000,4", "000025.jpg,2,18,1.414214,16"],
            [("000000.jpg", 4, (4, 5, 6)), ("000025.jpg", 16, (17, 19))],
        ),
        "valid": (["004113.jpg,2,31.5,0.5,30"], [("004113.jpg", 30, (31, 32))]),
        "test": (["005613.jpg,3,47.0,3.5,40"], [("005613.jpg", 40, (44, 40))]),
    }  # fmt: skip
    for split, (averages, votes) in lists.items():
        for line in averages:
            touch(folder / split, *(line.partition(",")[0] + end for end in ("", "_face.jpg", ".mat")))
        (folder / f"gt_avg_{split}.csv").write_text("\n".join([AVERAGES, *averages]) + "\n")
        rows = [f"{name},{age},{vote},33,female" for name, age, given in votes for vote in given]
        (folder / f"gt_{split}.csv").write_text("\n".join([VOTES, *rows]) + "\n")
    return folder


def test_real_and_apparent_ages_of_crops(release):
    photos = catalog.read("appareal", release.parents[1])
    assert photos.table[
        ["photo", "path", "age", "apparent_age", "apparent_std", "split", "subject", "cropped_margin"]
    ].to_numpy().tolist() == [
        ["appareal/train/000000.jpg", "appa-real-release/train/000000.jpg_face.jpg", 4.0, 5.0, 1.0, "train", "", 0.4],
        ["appareal/train/000025.jpg", "appa-real-release/train/000025.jpg_face.jpg", 16.0, 18.0, 1.414214, "train", "", 0.4],
        ["appareal/valid/004113.jpg", "appa-real-release/valid/004113.jpg_face.jpg", 30.0, 31.5, 0.5, "validation", "", 0.4],
        ["appareal/test/005613.jpg", "appa-real-release/test/005613.jpg_face.jpg", 40.0, 47.0, 3.5, "test", "", 0.4],
    ]
    assert photos.label_files[0] == "appa-real-release/gt_avg_train.csv"


def test_whole_photos_have_the_same_keys_and_no_margin(release):
    crops, whole = (appareal.read(release, pictures=pictures).table for pictures in ("crops", "whole"))
    assert crops["photo"].tolist() == whole["photo"].tolist()
    assert whole["path"].tolist()[0] == "train/000000.jpg" and whole["cropped_margin"].isna().all()


def test_faces_to_be_ignored_are_kept_or_dropped(release):
    assert len(appareal.ignored_names()) == 118
    photos = catalog.read("appareal", release.parents[1], reading={"ignored": "drop"})
    assert "appareal/train/000025.jpg" not in set(photos.table["photo"]) and [step.kept for step in photos.funnel] == [4, 3]


def test_averages_are_compared_with_the_votes(release):
    found = {finding.what: (finding.count, finding.expected) for finding in appareal.audit(release)}
    assert found == {
        "votes": (9, None),
        "photos with as many votes as they say": (3, 4),
        "photos whose mean is that of their votes": (3, 4),
        "photos whose deviation is that of their votes": (3, 4),  # of a sample or, as that of validation, of a population
    }
    assert Row("photos whose mean is that of their votes", 3, 4) in verify("appareal", release.parents[1]).rows
    (release / "gt_valid.csv").unlink()
    assert appareal.audit(release) == ()


def test_gender_and_ethnicity_of_the_later_lists(release):
    (release / "allcategories_train.csv").write_text("file,gender,race,happiness,makeup\n000025.jpg,female,afroamerican,x,y\n")
    table = appareal.read(release).table
    assert table["gender"].tolist() == ["", "f", "", ""] and table["ethnicity"].tolist() == ["", "black", "", ""]


def test_missing_pictures_lists_and_columns(release):
    (release / "test" / "005613.jpg_face.jpg").unlink()
    photos = appareal.read(release)
    assert len(photos.table) == 3 and photos.skipped == (SkippedItem("test/005613.jpg_face.jpg", "there is no such picture"),)
    (release / "gt_avg_test.csv").write_text("file_name,real_age\n005613.jpg,40\n")
    with pytest.raises(UserError, match="lacks the columns num_ratings, apparent_age_avg"):
        appareal.read(release)
    (release / "gt_avg_test.csv").unlink()
    with pytest.raises(UserError, match=r"gt_avg_test\.csv"):
        appareal.read(release)
