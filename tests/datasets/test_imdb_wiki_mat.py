"""The .mat reader on files in the published structure, and its sentences about files of another."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from agerepro.datasets.imdb_wiki_mat import read_mat
from agerepro.errors import UserError


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
    "no such field": (lambda s: s.pop("face_score"), r"expected the fields .*face_score.*, found no face_score\."),
    "shorter": (lambda s: s.update(dob=np.array([[1.0]])), r"expected 2 numbers in dob, .*found 1 of type float64"),
    "text for numbers": (lambda s: s.update(gender=np.array([["male", "male"]])), r"expected 2 numbers in gender"),
    "numbers for cells": (lambda s: s.update(full_path=np.zeros((1, 2))), r"expected a cell of 2 entries in full_path"),
    "numbers in cells": (lambda s: s["name"].__setitem__((0, 1), 5.0), r"one text in each cell of name, found 1 of type \w+ in cell 2"),
    "three corners": (lambda s: s["face_location"].__setitem__((0, 0), np.zeros((1, 3))), r"four numbers in each cell.*cell 1"),
    "text for boxes": (lambda s: s["face_location"].__setitem__((0, 0), "abcd"), r"four numbers in each cell of face_location"),
    "fewer names": (lambda s: s.update(name=s["name"][:, :1]), r"a cell of 2 entries in name, found 1"),
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
    with pytest.raises(UserError, match="expected a struct named 'imdb', found none"):
        read_mat(tmp_path / "imdb.mat", "imdb")
    savemat(tmp_path / "imdb.mat", {"imdb": np.zeros((3, 2))})
    with pytest.raises(UserError, match=r"a 1x1 struct named 'imdb', found float64 of shape \(3, 2\)"):
        read_mat(tmp_path / "imdb.mat", "imdb")
    savemat(tmp_path / "imdb.mat", {"imdb": np.zeros((1, 2), [("dob", float)])})
    with pytest.raises(UserError, match=r"a 1x1 struct named 'imdb', found .* of shape \(1, 2\)"):
        read_mat(tmp_path / "imdb.mat", "imdb")


@pytest.mark.parametrize("userblock", [512, 0])
def test_a_7_3_file_is_named_as_such(tmp_path, userblock):
    with h5py.File(tmp_path / "imdb.mat", "w", userblock_size=userblock) as file:
        file["imdb/dob"] = np.zeros((1, 3))
    if userblock:
        head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
        content = (tmp_path / "imdb.mat").read_bytes()
        (tmp_path / "imdb.mat").write_bytes(head + content[len(head) :])
    with pytest.raises(UserError, match=r"MATLAB 7\.3 \(HDF5\) file.*-v7"):
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
    with pytest.raises(UserError, match=r"wiki\.mat cannot be read: Is a directory"):
        read_mat(tmp_path / "wiki.mat", "wiki")


def test_a_file_without_permission(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read anything, so file modes prove nothing
    with pytest.raises(UserError, match=r"wiki\.mat cannot be read: Permission denied"):
        read_mat(tmp_path / "wiki.mat", "wiki")
