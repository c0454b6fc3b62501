"""A user's own photos by whatever is given: a CSV file, a folder with one, a folder of named photos, a folder of data sets."""

from __future__ import annotations

import pytest

from agerepro.config.schema import OwnData
from agerepro.datasets import catalog
from agerepro.datasets.pattern import read_pattern
from agerepro.errors import UserError


@pytest.fixture
def folder(tmp_path, touch):
    touch(tmp_path / "mine", "photos/a.jpg", "photos/b.jpg", "~$faces.csv", "synthetic-truth.csv", "._faces.csv")
    (tmp_path / "mine" / "faces.csv").write_text("file,years\nphotos/a.jpg,3\nphotos/none.jpg,4\nphotos/b.jpg,5\n")
    return tmp_path / "mine"


def test_a_file_and_the_folder_that_holds_it_are_the_same(folder):
    for place in (folder / "faces.csv", folder):
        photos = catalog.read("own", place)
        assert photos.table["photo"].tolist() == ["own/photos/a.jpg", "own/photos/b.jpg"]
        assert [(step.kept, step.removed) for step in photos.funnel] == [(3, 0), (2, 1)]
        assert [skip.path for skip in photos.skipped] == ["faces.csv:3: photos/none.jpg"] and photos.label_files == ("faces.csv",)
        assert catalog.folder_of("own", place) == folder


def test_beside_other_data_sets_it_lies_in_a_folder_called_own(folder, tmp_path):
    folder.rename(tmp_path / "own")
    assert catalog.folder_of("own", tmp_path) == tmp_path / "own" and len(catalog.read("own", tmp_path).table) == 2


def test_a_folder_of_photos_called_own_beside_the_csv_file_misleads_nobody(folder, touch):
    touch(folder, "own/x.jpg")
    assert catalog.folder_of("own", folder) == folder


def test_columns_are_taken_from_the_experiment(folder):
    (folder / "faces.csv").write_text("a,b\nphotos/a.jpg,3\n")
    assert catalog.read("own", folder, own=OwnData({"photo": "a", "age": "b"})).table["age"].tolist() == [3.0]


@pytest.mark.parametrize(
    ("files", "words"),
    [(["other.csv"], ("2 CSV files", "other.csv", "faces.csv")), ([], ("no photo that can be used", "no such file", "data verify"))],
)
def test_nothing_to_take_is_an_error_that_says_why(folder, touch, files, words):
    touch(folder, *files)
    (folder / "faces.csv").write_text("file,years\nnone.jpg,3\n")
    with pytest.raises(UserError) as caught:
        catalog.read("own", folder)
    assert all(word in str(caught.value) for word in (*words, str(folder)))


def test_no_labels_at_all(tmp_path):
    with pytest.raises(UserError, match="no CSV file"):
        catalog.read("own", tmp_path)
    with pytest.raises(UserError, match="nowhere does not exist"):
        catalog.read("own", tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a file"):
        (tmp_path / "faces.csv").touch()
        catalog.read("own", tmp_path / "faces.csv", own=OwnData(pattern="{age}.jpg"))


def test_a_pattern_of_names(tmp_path, touch):
    touch(tmp_path, "34_f_1.jpg", "b/7.5_Male_2.JPG", "8_x_3.jpg", "121_m_4.jpg", "m_4_5.jpg", "notes.txt", ".hidden_m_1.jpg")
    labels = read_pattern(tmp_path, "{age}_{gender}_{number}.jpg")
    assert labels.table[["path", "age", "gender"]].to_numpy().tolist() == [
        ["34_f_1.jpg", 34.0, "f"], ["8_x_3.jpg", 8.0, ""], ["b/7.5_Male_2.JPG", 7.5, "m"],
    ]  # fmt: skip
    assert [problem.photo for problem in labels.problems] == ["121_m_4.jpg", "m_4_5.jpg"] and labels.listed == 5
    assert len(labels.notes) == 2 and labels.lines == (None, None, None)


def test_a_pattern_with_folders(tmp_path, touch):
    touch(tmp_path, "x/train/anna/34.jpg", "x/test/bob/7.jpg")
    table = read_pattern(tmp_path, "{split}/{subject}/{age}.jpg").table
    assert table[["split", "subject", "age"]].to_numpy().tolist() == [["test", "bob", 7.0], ["train", "anna", 34.0]]


def test_utkfaces_names_by_a_pattern(tmp_path, touch):
    touch(tmp_path, "25_1_0_20170116174525125.jpg.chip.jpg", "39_1_20170116174525125.jpg.chip.jpg")
    labels = read_pattern(tmp_path, "{age}_{gender}_{race}_{date}.jpg")
    assert labels.table["age"].tolist() == [25.0] and [problem.photo[:3] for problem in labels.problems] == ["39_"]


@pytest.mark.parametrize(
    "pattern",
    ["{subject}.jpg", "{age}_{age}.jpg", "{age}{subject}.jpg", "{age}_{sub.jpg", "/data/{age}.jpg", "../{age}.jpg", "a\\{age}.jpg"],
)
def test_patterns_that_say_nothing_certain(tmp_path, pattern):
    with pytest.raises(UserError) as caught:
        read_pattern(tmp_path, pattern)
    assert repr(pattern) in str(caught.value)
