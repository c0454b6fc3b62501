"""Native layouts as people unpack them, and names that no table can hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.datasets import catalog
from agerepro.datasets.layout import IS_A_FOLDER, NOT_UTF8, list_folder
from agerepro.datasets.photos import SkippedItem
from agerepro.datasets.verify import verify
from agerepro.errors import UserError
from agerepro.io import printable, write_json

LISTED = ("adience", "agedb", "congress", "fgnet", "vggface2")  # sets whose readers list folders; IMDB's and WIKI's read a .mat file


def is_utf8(name: bytes) -> bool:
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False


def content(data: Path, name: str) -> tuple[list[str], list[str]]:
    table = catalog.read(name, data).table
    return table["photo"].tolist(), [path for path in table["path"] if not (catalog.folder_of(name, data) / path).is_file()]


ODD_NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: not (is_utf8(name) or b"/" in name or b"\0" in name or name[:1] == b"."))


@pytest.mark.parametrize("name", LISTED)
@settings(max_examples=15)
@given(stem=ODD_NAMES)
def test_a_name_that_is_not_utf8_is_listed_escaped_and_changes_nothing_else(tmp_path_factory, small_set, name, stem):
    data = tmp_path_factory.mktemp("data")
    photo = small_set(name, data / name)
    plain = catalog.read(name, data)
    odd = os.fsdecode(os.fsencode(photo.parent) + b"/" + stem + os.fsencode(photo.suffix))
    Path(odd).touch()
    found = catalog.read(name, data)
    assert found.table.equals(plain.table)
    relative = Path(odd).relative_to(data / name)
    assert set(found.skipped) - set(plain.skipped) == {SkippedItem(printable(str(relative)), NOT_UTF8)}
    verification = verify(name, data)
    assert printable(str(relative)) in verification.as_text()
    assert {"path": printable(str(relative)), "reason": NOT_UTF8} in json.loads(verification.to_json().encode())["skipped"]
    written = write_json(data / "skipped.json", [skip.path for skip in found.skipped])
    assert printable(str(relative)) in json.loads(written.read_text(encoding="utf-8"))


def test_a_name_that_is_not_utf8_is_printed_with_its_byte(tmp_path, touch):
    touch(tmp_path, "fgnet/001A02.JPG", os.fsdecode(b"fgnet/caf\xe9.JPG"))
    assert r"caf\udce9.JPG" in verify("fgnet", tmp_path).as_text()


def test_a_photo_folder_and_everything_above_it_may_have_any_name(tmp_path, small_set):
    data = tmp_path / os.fsdecode(b"caf\xe9")
    small_set("fgnet", data / "fgnet")
    assert len(catalog.read("fgnet", data).table) == 2
    with pytest.raises(UserError) as caught:
        catalog.read("agedb", data)
    assert str(data / "agedb") in str(caught.value)


@pytest.mark.parametrize("name", LISTED)
def test_a_folder_named_as_a_photo_is_no_photo(tmp_path, small_set, name):
    photo = small_set(name, tmp_path / name)
    before = catalog.read(name, tmp_path)
    photo.unlink()
    photo.mkdir()
    after = catalog.read(name, tmp_path)
    assert len(after.table) == len(before.table) - 1 == 1
    assert SkippedItem(str(photo.relative_to(tmp_path / name)), IS_A_FOLDER) in after.skipped
    assert len(catalog.read(name, tmp_path).table) == next(row.ours for row in verify(name, tmp_path).rows if row.what == "images")


def test_a_file_named_as_a_person_is_no_person(tmp_path, small_set):
    small_set("vggface2", tmp_path / "vggface2")
    (tmp_path / "vggface2" / "train" / "n000003").touch()
    photos = catalog.read("vggface2", tmp_path)
    assert len(photos.table) == 2 and [skip.path for skip in photos.skipped] == ["train/n000003"]


def test_a_listing_is_sorted_and_leaves_hidden_names_out(tmp_path, touch):
    touch(tmp_path, "b.jpg", "a.jpg", ".x", "z/c.jpg", ".y/d.jpg")
    listing = list_folder(tmp_path)
    assert (listing.files, listing.folders, listing.skipped) == (("a.jpg", "b.jpg"), ("z",), ())


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda name: f"{name[:2]}-{name[2:]}".upper(), lambda name: f"{name}_2020"])
@pytest.mark.parametrize("place", [".", "faces"])
def test_sets_beside_each_other_in_any_spelling_and_one_level_deeper(tmp_path, small_set, spelling, place):
    for name in catalog.names():
        small_set(name, tmp_path / place / spelling(name))
    for name in catalog.names():
        photos, missing = content(tmp_path, name)
        assert photos and missing == [], name
        assert catalog.folder_of(name, tmp_path) == tmp_path / place / spelling(name)


def test_the_folder_of_the_plain_name_wins_and_two_others_are_none(tmp_path, small_set):
    for folder in ("FGNET", "fgnet-old"):
        small_set("fgnet", tmp_path / folder)
    assert catalog.folder_of("fgnet", tmp_path) == tmp_path / "FGNET"
    small_set("fgnet", tmp_path / "fgnet")
    assert catalog.folder_of("fgnet", tmp_path) == tmp_path / "fgnet"
    for folder in ("agedb_1", "agedb_2"):
        small_set("agedb", tmp_path / folder)
    with pytest.raises(UserError) as caught:
        catalog.read("agedb", tmp_path)
    assert str(tmp_path / "agedb_1") in str(caught.value)


@pytest.mark.parametrize("name", catalog.names())
def test_a_set_packed_into_one_more_folder_of_any_name(tmp_path, small_set, name):
    small_set(name, tmp_path / "plain" / name)
    small_set(name, tmp_path / "deeper" / name / "Unpacked 2020")
    photos, missing = content(tmp_path / "deeper", name)
    assert (photos, missing) == content(tmp_path / "plain", name) and photos


@pytest.mark.parametrize("nesting", ["FGNET/FGNET/images", "FGNET/Images", "Images", "fgnet/IMAGES", "fg-net/images", "FG-NET/FG-NET"])
def test_fgnet_as_people_unpack_it(tmp_path, touch, nesting):
    touch(tmp_path / "fgnet" / nesting, "001A02.JPG")
    assert content(tmp_path, "fgnet") == (["fgnet/001A02.JPG"], [])


@pytest.mark.parametrize("folder", ["Train", "VGGFACE2/TRAIN", "Data/vggface2/train"])
def test_vggface2_in_another_case(tmp_path, touch, folder):
    touch(tmp_path / "vggface2" / folder, "n000002/0001_01.jpg")
    assert content(tmp_path, "vggface2") == (["vggface2/train/n000002/0001_01.jpg"], [])


def test_adience_pictures_in_another_case(tmp_path, small_set):
    small_set("adience", tmp_path / "adience")
    plain = content(tmp_path, "adience")
    (tmp_path / "adience" / "aligned").rename(tmp_path / "adience" / "Aligned")
    assert content(tmp_path, "adience") == plain and plain[0]


@pytest.mark.parametrize("name", ["imdb", "wiki"])
@pytest.mark.parametrize("crops", ["_crop", "_CROP"])
def test_the_mat_file_may_lie_beside_the_folder_of_pictures(tmp_path, small_set, name, crops):
    small_set(name, tmp_path / name)
    plain = content(tmp_path, name)
    assert plain[0] and plain[1] == []
    folder = tmp_path / name / f"{name}_crop"
    (folder / f"{name}.mat").rename(tmp_path / name / f"{name}.mat")
    folder.rename(tmp_path / name / f"{name}{crops}")
    assert content(tmp_path, name) == plain
    assert catalog.read(name, tmp_path).table["cropped_margin"].tolist() == [0.4]


def test_whole_photos_beside_their_mat_file_keep_their_boxes(tmp_path, small_set):
    small_set("imdb", tmp_path / "imdb")
    (tmp_path / "imdb" / "imdb_crop" / "imdb.mat").rename(tmp_path / "imdb" / "imdb.mat")
    (tmp_path / "imdb" / "imdb_crop").rename(tmp_path / "imdb" / "imdb")
    table = catalog.read("imdb", tmp_path).table
    assert table["path"].tolist() == ["imdb/41/10003541_1937-09-27_1971.jpg"]
    assert table["left"].notna().all() and table["cropped_margin"].isna().all()


@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize("start", ["", "set/"])
def test_files_that_lie_elsewhere_are_named_with_a_folder_that_can_be_given(tmp_path, small_set, name, start):
    data = tmp_path / "data"
    folder = small_set(name, data / start.replace("set", name) / "some" / "where").parent
    with pytest.raises(UserError) as caught:
        catalog.read(name, data)
    message = str(caught.value)
    assert name in message and str(data / name) in message and catalog.card(name).how_to_get not in message
    named = next(place for place in (folder, *folder.parents) if f" {place}: " in message)
    assert content(named, name)[0]
    with pytest.raises(UserError):
        verify(name, data)


def test_two_copies_below_a_set_are_an_error_that_names_both(tmp_path, small_set):
    copies = [tmp_path / "fgnet" / name for name in ("first", "second")]
    for copy in copies:
        small_set("fgnet", copy)
    with pytest.raises(UserError) as caught:
        catalog.read("fgnet", tmp_path)
    assert all(str(copy) in str(caught.value) for copy in copies)
    assert len(catalog.read("fgnet", copies[1]).table) == 2


def test_a_search_ends_in_a_folder_of_many_folders(tmp_path):
    for number in range(1200):
        (tmp_path / "fgnet" / f"{number}" / "x").mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        catalog.read("fgnet", tmp_path)
    assert catalog.card("fgnet").how_to_get in str(caught.value)
