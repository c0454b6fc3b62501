"""A user's CSV file as spreadsheets write it: encodings, separators, headings, paths, and every bad row with its reason."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from agerepro.datasets.csv import read_csv
from agerepro.errors import UserError


@pytest.fixture
def folder(tmp_path, touch):
    return touch(tmp_path, "photos/a.jpg", "photos/b.jpg", "photos/c d.jpg")


def write(folder, text, encoding="utf-8"):
    path = folder / "faces.csv"
    path.write_bytes(text.encode(encoding))
    return path


def reasons(labels):
    return {problem.line: problem.reason for problem in labels.problems}


PLAIN = "photo,age,subject,gender,split,age_std\nphotos/a.jpg,34.5,anna,f,train,2\nphotos/b.jpg,7,,Male,Testing,\n"


def test_all_columns(folder):
    labels = read_csv(write(folder, PLAIN), {})
    first, second = labels.table.iloc[0], labels.table.iloc[1]
    assert first[["photo", "path", "age", "subject", "gender", "split", "age_std"]].tolist() == [
        "own/photos/a.jpg", "photos/a.jpg", 34.5, "anna", "f", "train", 2.0,
    ]  # fmt: skip
    assert second[["age", "subject", "gender", "split"]].tolist() == [7.0, "", "m", "test"] and np.isnan(second["age_std"])
    assert (labels.lines, labels.folder, labels.file, labels.listed, labels.problems) == ((2, 3), folder, "faces.csv", 2, ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_the_encoding_the_separator_and_the_ends_of_lines(folder, encoding, separator, end):
    plain = read_csv(write(folder, PLAIN), {}).table
    text = PLAIN.replace(",", separator).replace("\n", end)
    assert read_csv(write(folder, text, encoding), {}).table.equals(plain)


def test_decimal_commas_where_commas_separate_nothing(folder):
    assert read_csv(write(folder, "file;years\nphotos/a.jpg;34,5\n"), {}).table["age"].tolist() == [34.5]
    labels = read_csv(write(folder, 'file,years\nphotos/a.jpg,"34,5"\nphotos/b.jpg,34,5\n'), {})
    assert labels.table.empty and "'34,5' is not a number" in reasons(labels)[2] and "3 fields, the heading 2" in reasons(labels)[3]


def test_lines_above_the_heading_blank_ones_and_excels_own_are_passed_over(folder):
    labels = read_csv(write(folder, "\r\nsep=;\r\nfile;years\r\n\r\n;\r\n photos/a.jpg ; 3 \r\n"), {})
    assert (labels.lines, labels.listed) == ((6,), 1) and labels.table["path"].tolist() == ["photos/a.jpg"]


def test_quoting_as_excel_does(folder, touch):
    touch(folder, 'photos/say "hi", x.jpg')
    text = 'file,note,years\n"photos/say ""hi"", x.jpg","two\nlines",3\n"photos/c d.jpg",,4\n'
    labels = read_csv(write(folder, text), {})
    assert labels.table["path"].tolist() == ['photos/say "hi", x.jpg', "photos/c d.jpg"] and labels.lines == (2, 4)
    with pytest.raises(UserError, match="line 3"):
        read_csv(write(folder, 'file,years\nphotos/a.jpg,3\n"photos/b.jpg,4\nphotos/c d.jpg,5\n'), {})


@pytest.mark.parametrize(("written", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_in_the_other_normal_form_is_found(folder, touch, written, on_disk):
    name = unicodedata.normalize(on_disk, "Zoë/Ödön.jpg")
    touch(folder, name)
    table = read_csv(write(folder, "file,years\n" + unicodedata.normalize(written, "Zoë/Ödön.jpg") + ",3\n"), {}).table
    assert table["path"].tolist() == [name] and table["photo"].tolist() == ["own/" + unicodedata.normalize("NFC", name)]


def test_paths_as_people_write_them(folder):
    text = f"file,years\nphotos\\a.jpg,1\n./photos/../photos/b.jpg,2\n{folder}/photos/c d.jpg,3\n"
    assert read_csv(write(folder, text), {}).table["path"].tolist() == ["photos/a.jpg", "photos/b.jpg", "photos/c d.jpg"]


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/passwd", "C:\\photos\\a.jpg", "photos/../../a.jpg", "."])
def test_no_path_leads_out_of_the_folder(folder, path):
    assert "leaves" in reasons(read_csv(write(folder, f"file,years\n{path},3\n"), {}))[2]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (",3,", "no photo"), ("photos/none.jpg,3,", "no such file"), ("none/a.jpg,3,", "no such file"), ("photos/a.jpg/x,3,", "no such"),
        ("photos,3,", "folder"), ("photos/a.jpg,,", "no age"), ("photos/a.jpg,NaN,", "no age"), ("photos/a.jpg,old,", "'old'"),
        ("photos/a.jpg,1_0,", "'1_0'"), ("photos/a.jpg,-1,", "'-1'"), ("photos/a.jpg,120.5,", "'120.5'"), ("photos/a.jpg,3,-1", "'-1'"),
        ("photos/a.jpg,3,x", "'x'"), ("photos/none.jpg,old,", "'old'"), ("photos/none.jpg,old,", "no such file"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_reason_and_costs_no_other(folder, row, word):
    labels = read_csv(write(folder, f"file,years,age_std\nphotos/b.jpg,120,0\n{row}\n"), {})
    assert labels.table["age"].tolist() == [120.0] and list(reasons(labels)) == [3] and word in reasons(labels)[3]


def test_a_photo_listed_twice_is_taken_once(folder):
    labels = read_csv(write(folder, "file,years,person\nphotos/a.jpg,3,x\nphotos/a.jpg,3,x\n./photos/a.jpg,4,y\n"), {})
    assert labels.lines == (2,) and "line 2" in reasons(labels)[3] and "another" not in reasons(labels)[3]
    assert "another age and subject" in reasons(labels)[4]


@pytest.mark.parametrize("headings", ["file,years,person,sex", "IMAGE,Age (years),Person ID,Gender", "Image Name,real_age,face-id,sex"])
def test_usual_headings_are_guessed(folder, headings):
    table = read_csv(write(folder, f"{headings}\nphotos/a.jpg,3,x,m\n"), {}).table
    assert table[["path", "age", "subject", "gender"]].iloc[0].tolist() == ["photos/a.jpg", 3.0, "x", "m"]


def test_columns_that_are_named_and_columns_that_are_told_to_be_none(folder):
    path = write(folder, "a,b,c,d,subject\nphotos/a.jpg,3,x,9,y\n")
    table = read_csv(path, {"photo": "a", "age": "b", "subject": "c"}).table
    assert table[["age", "subject"]].iloc[0].tolist() == [3.0, "x"]
    assert read_csv(path, {"photo": "a", "age": "b", "subject": ""}).table["subject"].tolist() == [""]


@pytest.mark.parametrize(
    ("headings", "columns", "words"),
    [
        ("file,image,years", {}, ("file, image", "--columns photo=file")),
        ("file,years,set,fold", {}, ("set, fold", "--columns split=")),
        ("file,when", {}, ("age", "file, when")),
        ("file,years", {"age": "yaers"}, ("'yaers'", "'years'")),
        ("file,years,years", {"age": "years"}, ("2 columns", "'years'")),
    ],
)
def test_headings_that_are_not_plain_are_an_error_that_names_them(folder, headings, columns, words):
    with pytest.raises(UserError) as caught:
        read_csv(write(folder, f"{headings}\nphotos/a.jpg,3\n"), columns)
    assert all(word in str(caught.value) for word in (*words, str(folder)))


def test_our_own_word_wins_over_other_usual_ones(folder):
    assert read_csv(write(folder, "file,photo,age,years\nx,photos/a.jpg,3,4\n"), {}).table["age"].tolist() == [3.0]


def test_a_gender_that_is_no_word_of_ours_is_said(folder):
    labels = read_csv(write(folder, "file,years,sex\nphotos/a.jpg,3,0\nphotos/b.jpg,3,unknown\n"), {})
    assert labels.table["gender"].tolist() == ["", ""] and len(labels.table) == 2
    assert any("line 2, '0'" in note for note in labels.notes)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"), (b"\n \n", "empty"), (b"PK\x03\x04rest", "workbook"), ("photo,age\nZo\xeb.jpg,3\n".encode("latin-1"), "line 2"),
    ],
)  # fmt: skip
def test_files_that_are_no_such_table(folder, content, word):
    (folder / "faces.csv").write_bytes(content)
    with pytest.raises(UserError, match=word) as caught:
        read_csv(folder / "faces.csv", {})
    assert str(folder / "faces.csv") in str(caught.value)
