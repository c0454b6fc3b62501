"""WIKI: the same structure without celebrities."""

from __future__ import annotations

import pandas as pd
import pytest

from agerepro.datasets import wiki
from agerepro.errors import UserError


def test_names_are_the_rows_own(tmp_path, mat_struct, save_mat):
    save_mat(tmp_path / "wiki_crop" / "wiki.mat", "wiki", mat_struct({}, {"full_path": "02/b.jpg", "name": ""}))
    photos = wiki.read(tmp_path)
    assert photos.table["photo"].tolist() == ["wiki/41/10003541_1937-09-27_1971.jpg", "wiki/02/b.jpg"]
    assert photos.table["path"].tolist() == ["wiki_crop/41/10003541_1937-09-27_1971.jpg", "wiki_crop/02/b.jpg"]
    assert photos.table["subject"].tolist() == ["Jan Doe", ""]
    assert photos.people_listed == 1


def test_an_imdb_file_is_not_a_wiki_file(tmp_path, mat_struct, save_mat):
    save_mat(tmp_path / "wiki.mat", "imdb", mat_struct({}))
    with pytest.raises(UserError, match="struct named 'wiki'"):
        wiki.read(tmp_path)


def test_published_ages_survive_the_way_through_a_mat_file(shared, tmp_path, mat_struct, save_mat):
    rows = pd.read_csv(shared / "data" / "metadata" / "wiki_rows.csv").dropna(subset="dob_matlab_datenum")
    changes = [
        {"full_path": row.full_path, "dob": row.dob_matlab_datenum, "photo_taken": row.photo_taken, "gender": float(row.gender)}
        for row in rows.itertuples()
    ]
    save_mat(tmp_path / "wiki.mat", "wiki", mat_struct(*changes))
    table = wiki.read(tmp_path).table
    assert table["age"].tolist() == rows["age_midyear"].tolist()
    assert (table["gender"] == "m").tolist() == (rows["gender"] == 1).tolist()
