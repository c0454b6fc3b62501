"""The .mat reader on files in the published structure, and its sentences about files of another."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from agerepro.datasets import catalog, imdb_wiki
from agerepro.datasets.imdb_wiki import read_mat
from agerepro.datasets.photos import SkippedItem
from agerepro.errors import UserError
from agerepro.tables import PHOTOS


def test_the_structure_is_the_published_one(tmp_path, mat_struct, save_mat):
    """meta[db][0, 0][field][0], as yu4u/age-gender-estimation reads the published files."""
    from scipy.io import loadmat

    meta = loadmat(save_mat(tmp_path / "wiki.mat", "wiki", mat_struct({}, {"gender": np.nan})))
    record = meta["wiki"][0, 0]
    assert record["full_path"][0][1][0] == "41/10003541_1937-09-27_1971.jpg"
    assert record["dob"][0].tolist() == [707745, 707745]
    assert record["face_location"][0][0].shape == (1, 4)


def test_rows_have_types_and_pixels_from_zero(tmp_path, mat_struct, save_mat):
    rows, people = read_mat(save_mat(tmp_path / "wiki.mat", "wiki", mat_struct({}, {"gender": np.nan, "name": ""})), "wiki")
    assert people == 1
    assert rows["subject"].tolist() == ["Jan Doe", ""]
    assert rows.loc[0, ["born", "taken", "gender", "face_score"]].tolist() == [707745, 1971, 1, 3.5]
    assert rows.loc[0, "path"] == "41/10003541_1937-09-27_1971.jpg"
    assert rows["second_face_score"].isna().all() and np.isnan(rows["gender"][1])
    # img(y1:y2, x1:x2) of MATLAB is img[y1-1:y2, x1-1:x2]: [11.5 21 60 80.25] by hand
    assert rows.loc[0, ["left", "top", "right", "bottom"]].tolist() == [10.5, 20.0, 60.0, 80.25]


def test_imdb_subjects_come_from_the_list_of_celebrities(tmp_path, mat_struct, save_mat):
    struct = mat_struct({"celeb_id": 2.0}, {"celeb_id": 9.0}, {"celeb_id": np.nan}, celeb_names=["Ann Roe", "Max Muster", "Nie Da"])
    rows, people = read_mat(save_mat(tmp_path / "imdb.mat", "imdb", struct), "imdb")
    assert rows["subject"].tolist() == ["Max Muster", "Jan Doe", "Jan Doe"]  # an id that points nowhere leaves the row's name
    assert people == 3


def test_columns_instead_of_rows_are_the_same(tmp_path, mat_struct, save_mat):
    struct = mat_struct({}, {"dob": 720000.0})
    save_mat(tmp_path / "a.mat", "wiki", struct)
    save_mat(tmp_path / "b.mat", "wiki", {name: values.T for name, values in struct.items()})
    assert read_mat(tmp_path / "a.mat", "wiki")[0].equals(read_mat(tmp_path / "b.mat", "wiki")[0])


def test_a_struct_without_rows(tmp_path, mat_struct, save_mat):
    struct = {name: values[:, :0] for name, values in mat_struct({}).items()}
    assert len(read_mat(save_mat(tmp_path / "wiki.mat", "wiki", struct), "wiki")[0]) == 0


OTHER_SHAPES = {
    "no such field": (lambda s: s.pop("face_score"), r"face_score.*no face_score"),
    "shorter": (lambda s: s.update(dob=np.array([[1.0]])), r"2 numbers in dob.*1 of type float64"),
    "text for numbers": (lambda s: s.update(gender=np.array([["male", "male"]])), r"2 numbers in gender"),
    "numbers for cells": (lambda s: s.update(full_path=np.zeros((1, 2))), r"2 entries in full_path"),
    "numbers in cells": (lambda s: s["name"].__setitem__((0, 1), 5.0), r"name.*cell 2"),
    "three corners": (lambda s: s["face_location"].__setitem__((0, 0), np.zeros((1, 3))), r"four numbers in each cell.*cell 1"),
    "text for boxes": (lambda s: s["face_location"].__setitem__((0, 0), "abcd"), r"face_location"),
    "fewer names": (lambda s: s.update(name=s["name"][:, :1]), r"2 entries in name.* 1 "),
}


@pytest.mark.parametrize("what", OTHER_SHAPES)
def test_a_struct_of_another_shape(tmp_path, mat_struct, save_mat, what):
    change, sentence = OTHER_SHAPES[what]
    struct = mat_struct({}, {})
    change(struct)
    with pytest.raises(UserError, match=sentence) as caught:
        read_mat(save_mat(tmp_path / "wiki.mat", "wiki", struct), "wiki")
    assert str(tmp_path / "wiki.mat") in str(caught.value)


def test_a_mat_file_of_something_else(tmp_path):
    savemat(tmp_path / "imdb.mat", {"wiki": {"dob": 1.0}})
    with pytest.raises(UserError, match="struct named 'imdb'"):
        read_mat(tmp_path / "imdb.mat", "imdb")
    savemat(tmp_path / "imdb.mat", {"imdb": np.zeros((3, 2))})
    with pytest.raises(UserError, match=r"1x1.*'imdb'.*float64.*\(3, 2\)"):
        read_mat(tmp_path / "imdb.mat", "imdb")
    savemat(tmp_path / "imdb.mat", {"imdb": np.zeros((1, 2), [("dob", float)])})
    with pytest.raises(UserError, match=r"1x1.*'imdb'.*\(1, 2\)"):
        read_mat(tmp_path / "imdb.mat", "imdb")


@pytest.mark.parametrize("userblock", [512, 0])
def test_a_7_3_file_is_named_as_such(tmp_path, userblock):
    with h5py.File(tmp_path / "imdb.mat", "w", userblock_size=userblock) as file:
        file["imdb/dob"] = np.zeros((1, 3))
    if userblock:
        head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
        content = (tmp_path / "imdb.mat").read_bytes()
        (tmp_path / "imdb.mat").write_bytes(head + content[len(head) :])
    with pytest.raises(UserError, match=r"7\.3.*HDF5.*-v7"):
        read_mat(tmp_path / "imdb.mat", "imdb")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, mat_struct, share, compressed):
    savemat(tmp_path / "wiki.mat", {"wiki": mat_struct({}, {}, {})}, do_compression=compressed)
    content = (tmp_path / "wiki.mat").read_bytes()
    (tmp_path / "wiki.mat").write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"wiki\.mat is (not a complete MATLAB file|a \.mat file of another shape)"):
        read_mat(tmp_path / "wiki.mat", "wiki")


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6, 0.8])  # the first 128 bytes are free text
def test_damaged_compressed_bytes_are_an_error_that_names_the_file(tmp_path, mat_struct, share):
    savemat(tmp_path / "wiki.mat", {"wiki": mat_struct({}, {}, {})}, do_compression=True)
    content = bytearray((tmp_path / "wiki.mat").read_bytes())
    at = int(share * len(content))
    content[at : at + 20] = b"\xff" * 20
    (tmp_path / "wiki.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"wiki\.mat is not a complete MATLAB file"):
        read_mat(tmp_path / "wiki.mat", "wiki")


@pytest.mark.parametrize("content", [b"not a mat file" * 50, b"\xff\xd8" * 400, b"<html>" * 90])
def test_a_file_of_another_kind(tmp_path, content):
    (tmp_path / "wiki.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"wiki\.mat is (not a complete MATLAB file|a \.mat file of another shape)"):
        read_mat(tmp_path / "wiki.mat", "wiki")


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "wiki.mat").mkdir()
    with pytest.raises(UserError, match=r"wiki\.mat.*Is a directory"):
        read_mat(tmp_path / "wiki.mat", "wiki")


def test_a_file_without_permission(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read anything, so file modes prove nothing
    with pytest.raises(UserError, match=r"wiki\.mat.*Permission denied"):
        read_mat(tmp_path / "wiki.mat", "wiki")


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
    photos = imdb_wiki.read_imdb(root)
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
    table = imdb_wiki.read_imdb(root).table
    assert table["path"].tolist() == ["imdb/00/a.jpg"] * 2
    assert table.loc[1, ["left", "top", "right", "bottom"]].tolist() == [0, 0, 9, 9]
    assert table["cropped_margin"].isna().all()


def test_the_funnel_and_the_path_that_leaves_the_folder(root):
    photos = imdb_wiki.read_imdb(root)
    assert [(step.kept, step.removed) for step in photos.funnel] == [(5, 0), (4, 1), (3, 1), (3, 0), (2, 1), (2, 0), (2, 0), (2, 0)]
    assert photos.skipped == (SkippedItem("../../secret.jpg", "the path leaves the data set's folder"),)


def test_keys_do_not_depend_on_the_nesting(root):
    nested = imdb_wiki.read_imdb(root).table
    flat = imdb_wiki.read_imdb(root / "imdb_crop").table
    assert nested["photo"].tolist() == flat["photo"].tolist()
    assert flat["path"].tolist() == ["00/a.jpg"] * 2


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"imdb\.mat.*imdb_crop\.tar"):
        imdb_wiki.read_imdb(tmp_path)


@pytest.mark.slow
def test_all_460_723_rows_in_seconds(tmp_path, mat_struct, save_mat):
    import time

    n = 460_723
    struct = mat_struct({}, celeb_names=[f"Person {i}" for i in range(20_284)])
    big = {name: np.repeat(values, n, axis=1) if name != "celeb_names" else values for name, values in struct.items()}
    save_mat(tmp_path / "imdb.mat", "imdb", big)
    start = time.perf_counter()
    photos = imdb_wiki.read_imdb(tmp_path)
    assert photos.funnel[0].kept == n
    assert time.perf_counter() - start < 30  # 4.5 s on an idle core, 3 s of it in scipy's loadmat


def test_names_are_the_rows_own(tmp_path, mat_struct, save_mat):
    save_mat(tmp_path / "wiki_crop" / "wiki.mat", "wiki", mat_struct({}, {"full_path": "02/b.jpg", "name": ""}))
    photos = imdb_wiki.read_wiki(tmp_path)
    assert photos.table["photo"].tolist() == ["wiki/41/10003541_1937-09-27_1971.jpg", "wiki/02/b.jpg"]
    assert photos.table["path"].tolist() == ["wiki_crop/41/10003541_1937-09-27_1971.jpg", "wiki_crop/02/b.jpg"]
    assert photos.table["subject"].tolist() == ["Jan Doe", ""]
    assert photos.people_listed == 1


def test_an_imdb_file_is_not_a_wiki_file(tmp_path, mat_struct, save_mat):
    save_mat(tmp_path / "wiki.mat", "imdb", mat_struct({}))
    with pytest.raises(UserError, match="struct named 'wiki'"):
        imdb_wiki.read_wiki(tmp_path)


def test_published_ages_survive_the_way_through_a_mat_file(reference, tmp_path, mat_struct, save_mat):
    rows = pd.read_csv(reference / "wiki_ages.csv.xz")
    changes = [
        {"full_path": f"00/{row.Index}.jpg", "dob": float(row.datenum), "photo_taken": row.taken, "gender": float(row.gender)}
        for row in rows.itertuples()
    ]
    save_mat(tmp_path / "wiki.mat", "wiki", mat_struct(*changes))
    table = imdb_wiki.read_wiki(tmp_path).table
    assert table["age"].tolist() == rows["age"].tolist()
    assert (table["gender"] == "m").tolist() == (rows["gender"] == 1).tolist()


def test_both_parts_together_keep_their_keys_apart(tmp_path, small_set):
    small_set("imdb", tmp_path / "imdb")
    small_set("wiki", tmp_path / "Wiki")
    photos = catalog.read("imdbwiki", tmp_path)
    assert photos.table[["photo", "path"]].to_numpy().tolist() == [
        ["imdbwiki/imdb/41/10003541_1937-09-27_1971.jpg", "imdb/imdb_crop/41/10003541_1937-09-27_1971.jpg"],
        ["imdbwiki/wiki/41/10003541_1937-09-27_1971.jpg", "Wiki/wiki_crop/41/10003541_1937-09-27_1971.jpg"],
    ]
    assert {step.name for step in photos.funnel} >= {"imdb: rows in imdb.mat", "wiki: rows in wiki.mat"}
    assert photos.label_files == ("imdb/imdb_crop/imdb.mat", "Wiki/wiki_crop/wiki.mat")
