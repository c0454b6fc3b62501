"""IMDB: from the .mat file to the photos table."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.datasets import imdb
from agerepro.datasets.reading import Skip
from agerepro.errors import UserError
from agerepro.tables import PHOTOS


@pytest.fixture
def root(tmp_path, mat_struct, save_mat):
    struct = mat_struct(
        {"full_path": "00/a.jpg", "celeb_id": 2.0},
        {"full_path": "00/a.jpg", "celeb_id": 1.0, "face_location": [1.0, 1.0, 9.0, 9.0], "gender": 0.0},
        {"full_path": "../../secret.jpg"},
        {"full_path": "01/b.jpg", "face_score": -np.inf},
        {"full_path": "01/c.jpg", "dob": 0.0},
        celeb_names=["Ann Roe", "Max Muster"],
    )
    save_mat(tmp_path / "imdb" / "imdb_crop" / "imdb.mat", "imdb", struct)
    return tmp_path / "imdb"


def test_cleaned_photos(root):
    photos = imdb.read(root)
    assert list(photos.table.columns) == list(PHOTOS.columns)
    assert photos.table["photo"].tolist() == ["imdb/00/a.jpg", "imdb/00/a.jpg#2"]  # two faces of one photo
    assert photos.table["path"].tolist() == ["imdb_crop/00/a.jpg"] * 2
    assert photos.table["subject"].tolist() == ["Max Muster", "Ann Roe"]
    assert photos.table["gender"].tolist() == ["m", "f"]
    assert photos.table["age"].tolist() == [33.0, 33.0]
    assert photos.table["cropped_margin"].tolist() == [0.4, 0.4]  # the authors' crops: face_location counts in the whole photo
    assert photos.table[["left", "top", "right", "bottom"]].isna().all(axis=None)
    assert photos.people_listed == 2


def test_whole_photos_keep_their_face_location(root):
    (root / "imdb_crop").rename(root / "imdb")
    table = imdb.read(root).table
    assert table["path"].tolist() == ["imdb/00/a.jpg"] * 2
    assert table.loc[1, ["left", "top", "right", "bottom"]].tolist() == [0, 0, 9, 9]
    assert table["cropped_margin"].isna().all()


def test_the_funnel_and_the_path_that_leaves_the_folder(root):
    photos = imdb.read(root)
    assert [(step.kept, step.removed) for step in photos.funnel] == [(5, 0), (4, 1), (3, 1), (3, 0), (2, 1), (2, 0), (2, 0), (2, 0)]
    assert photos.skipped == (Skip("../../secret.jpg", "the path leaves the data set's folder"),)


def test_keys_do_not_depend_on_the_nesting(root):
    nested = imdb.read(root).table
    flat = imdb.read(root / "imdb_crop").table
    assert nested["photo"].tolist() == flat["photo"].tolist()
    assert flat["path"].tolist() == ["00/a.jpg"] * 2


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"holds no imdb\.mat\. Download imdb_crop\.tar"):
        imdb.read(tmp_path)


@pytest.mark.slow
def test_all_460_723_rows_in_seconds(tmp_path, mat_struct, save_mat):
    import time

    n = 460_723
    struct = mat_struct({}, celeb_names=[f"Person {i}" for i in range(20_284)])
    big = {name: np.repeat(values, n, axis=1) if name != "celeb_names" else values for name, values in struct.items()}
    save_mat(tmp_path / "imdb.mat", "imdb", big)
    start = time.perf_counter()
    photos = imdb.read(tmp_path)
    assert photos.funnel[0].kept == n
    assert time.perf_counter() - start < 30  # 4.5 s on an idle core, 3 s of it in scipy's loadmat
