"""MORPH: names, the owners' table in both spellings, and people who disagree with themselves."""

from __future__ import annotations

import pytest

from agerepro.datasets import catalog, morph
from agerepro.datasets.photos import SkippedItem
from agerepro.datasets.verify import Row, verify
from agerepro.errors import UserError

HEADING = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo"
OTHER_HEADING = "Subj_ID,Picture_Num,Date of Birth,DOA,Race,Gender,Facial_Hair,Age,Age_Diff,Glasses,Photo"
ROWS = (
    "9055,0,12/31/1949,10/07/2003,B,M,1,53,0,0,Album2/009055_0M53.JPG",
    "9055,1,12/31/1949,06/01/2004,B,M,1,54,0,0,Album2/009055_1M54.JPG",
    "123456,0,01/05/1980,01/04/2005,W,F,0,24,0,0,Album2\\123456_0F24.JPG",
    "123456,1,02/05/1980,03/05/2005,H,F,0,25,0,1,Album2/123456_1F25.JPG",
    "77,0,1/5/1970,2005-01-06,X,M,0,30,0,0,Album2/000077_0M35.JPG",
    "77,1,01/05/1970,2006-01-06,X,F,0,36,0,0,Album2/000077_1M36.JPG",
)
NAMES = tuple(row.replace("\\", "/").rpartition("/")[2] for row in ROWS)


@pytest.fixture
def album(tmp_path, touch):
    touch(tmp_path / "morph" / "Album2", *NAMES)
    (tmp_path / "morph" / "morph_2008_nonCommercial.csv").write_text("\n".join([HEADING, *ROWS]) + "\n")
    return tmp_path / "morph"


def test_names_alone_say_person_sex_and_age(tmp_path, touch):
    photos = morph.read(touch(tmp_path, "Album2/009055_1M54.JPG", "Album2/9055_02f55.jpg", "Album2/x.txt", "Album2/Thumbs.db"))
    assert photos.table[["photo", "path", "subject", "age", "gender", "ethnicity"]].to_numpy().tolist() == [
        ["morph/009055_1M54.JPG", "Album2/009055_1M54.JPG", "009055", 54.0, "m", ""],
        ["morph/9055_02f55.jpg", "Album2/9055_02f55.jpg", "009055", 55.0, "f", ""],
    ]
    assert [skip.path for skip in photos.skipped] == ["Album2/Thumbs.db", "Album2/x.txt"] and photos.label_files == ()


@pytest.mark.parametrize("heading", [HEADING, OTHER_HEADING])
def test_the_owners_table_in_both_spellings(album, heading):
    (album / "morph_2008_nonCommercial.csv").write_text("\n".join([heading, *ROWS]) + "\r\n")
    photos = morph.read(album)
    rows = photos.table.set_index("photo")
    assert len(rows) == 6 and photos.skipped == () and photos.label_files == ("morph_2008_nonCommercial.csv",)
    first, other = rows.loc["morph/009055_1M54.JPG"], rows.loc["morph/123456_1F25.JPG"]
    assert first[["subject", "age", "gender", "ethnicity"]].tolist() == ["009055", 54.0, "m", "black"]
    assert other[["subject", "age", "gender", "ethnicity"]].tolist() == ["123456", 25.0, "f", "hispanic"]
    assert set(rows["ethnicity"]) == {"black", "white", "hispanic", "other"}


def test_the_audit_counts_people_and_photos(album):
    assert {finding.what: finding.count for finding in morph.audit(album)} == {
        "people of two birth dates": 1, "people of two sexes": 1, "people of two races": 1, "people of whom any of these differs": 2,
        "photos of these people": 4, "photos whose name says another sex or age": 2, "photos whose dates say another age": 1,
    }  # fmt: skip


def test_inconsistent_people_are_kept_or_dropped(album):
    assert len(catalog.read("morph", album.parent).table) == 6
    photos = catalog.read("morph", album.parent, reading={"inconsistent_people": "drop"})
    assert set(photos.table["subject"]) == {"009055"}
    assert [(step.kept, step.removed) for step in photos.funnel] == [(6, 0), (2, 4)]
    verification = verify("morph", album.parent, reading={"inconsistent_people": "drop"})
    assert Row("images", 2, None) in verification.rows and Row("people of two races", 1, None) in verification.rows
    assert "drop" in verification.notes[0]


def test_what_is_in_one_place_only_is_listed(album, touch):
    (album / "Album2" / NAMES[0]).unlink()
    touch(album / "Album2", "000001_0M20.JPG")
    with (album / "morph_2008_nonCommercial.csv").open("a") as file:
        file.write(ROWS[1] + "\n9055,3,,,B,M,1,,0,0,Album2/009055_3M57.JPG\n")
    photos = morph.read(album)
    assert len(photos.table) == 5
    assert photos.skipped == (
        SkippedItem(f"Album2/{NAMES[0]}", "there is no such file"),
        SkippedItem(f"Album2/{NAMES[1]}", "listed twice in morph_2008_nonCommercial.csv"),
        SkippedItem("Album2/009055_3M57.JPG", "there is no such file"),
        SkippedItem("Album2/000001_0M20.JPG", "no row in morph_2008_nonCommercial.csv"),
    )


def test_both_published_numbers_of_people_agree():
    published = catalog.card("morph").published
    for ours, agrees in ((13_617, True), (13_618, True), (13_616, False)):
        assert Row("people", ours, published.people, published.people_also).agree is agrees
    assert Row("people", 1, published.people, published.people_also).published_text() == "13,617 or 13,618"


def test_a_table_that_is_none(album):
    (album / "morph_2008_nonCommercial.csv").write_bytes(HEADING.encode() + b"\n\xff\xfe,1\n")
    with pytest.raises(UserError, match=r"morph_2008_nonCommercial\.csv is not a list"):
        morph.read(album)


def test_the_table_beside_the_folder_that_holds_the_album_and_words_for_letters(album):
    (album / "CD2").mkdir()
    (album / "Album2").rename(album / "CD2" / "Album2")
    rows = [row.replace(",B,M,", ",Black,Male,").replace(",W,F,", ",white,female,") for row in ROWS]
    (album / "morph_2008_nonCommercial.csv").write_text("\n".join([HEADING, *rows]) + "\n")
    photos = morph.read(album)
    assert photos.label_files == ("morph_2008_nonCommercial.csv",) and photos.table["path"][0].startswith("CD2/Album2/")
    row = photos.table.set_index("photo").loc["morph/009055_1M54.JPG"]
    assert (row["gender"], row["ethnicity"]) == ("m", "black")
    assert next(found.count for found in morph.audit(album) if found.what == "people of two races") == 1
