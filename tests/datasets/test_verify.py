"""Our counts beside the published ones."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from agerepro.datasets.catalog import Published
from agerepro.datasets.congress import labels
from agerepro.datasets.photos import FilterStep, Photos
from agerepro.datasets.verify import Row, Verification, counts, verify
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce


def table(ages, subjects):
    return coerce(pd.DataFrame({"photo": [str(i) for i in range(len(ages))], "age": ages, "subject": subjects}), PHOTOS)


def test_counts_by_hand():
    photos = Photos(
        table([0.0, 19.9, 20.0, 39.0, 80.5, 80.1], ["a", "a", "b", "", "c", "c"]),
        (FilterStep("rows", 9, 0), FilterStep("x", 6, 3)),
        people_listed=5,
    )
    published = Published(images=6, people=4, bins={"0-19": 2, "20-39": None, "80+": 1}, funnel={"rows": 9})
    assert counts(photos, published) == [
        Row("rows", 9, 9), Row("after: x", 6, None), Row("people listed", 5, None), Row("images", 6, 6), Row("people", 3, 4),
        Row("distinct ages", 5, None), Row("youngest", 0, None), Row("oldest", 80, None),
        Row("ages 0-19", 2, 2), Row("ages 20-39", 2, None), Row("ages 80+", 2, 1),
    ]  # fmt: skip


def test_a_set_without_ages_has_no_age_rows():
    assert [row.what for row in counts(Photos(table([np.nan] * 2, ["a", "b"])), Published(images=2))] == ["images", "people"]


def test_agreement():
    assert [Row("x", 1, published).agree for published in (1, 2, None)] == [True, False, None]


def test_splits_and_age_groups_are_counted_where_a_set_has_them():
    photos = Photos(table([np.nan] * 4, list("aabc")).assign(split=["1", "1", "0", ""], group=["60-100", "8-12", "8-12", ""]))
    published = Published(images=4, bins={"8-12": 2, "15-20": 1, "60-100": None}, splits={"0": 2})
    assert counts(photos, published)[2:] == [
        Row("split 0", 1, 2), Row("split 1", 2, None), Row("ages 8-12", 2, 2), Row("ages 15-20", 0, 1), Row("ages 60-100", 1, None),
    ]  # fmt: skip


@pytest.fixture
def fgnet(fgnet_names, tmp_path, touch):
    touch(tmp_path, *(f"fgnet/images/{name}" for name in fgnet_names))
    return tmp_path


def test_real_fgnet_agrees_in_everything(fgnet):
    verification = verify("fgnet", fgnet)
    assert verification.agrees
    assert {row.what: row.ours for row in verification.rows} == {
        "images": 1002, "people": 82, "distinct ages": 63, "youngest": 0, "oldest": 69,
        "ages 0-19": 710, "ages 20-39": 223, "ages 40-59": 61, "ages 60-79": 8,
    }  # fmt: skip
    assert all(row.agree for row in verification.rows)
    assert verification.as_text().splitlines()[-1] == "All counts agree."


def test_a_missing_photo_is_found(fgnet):
    (fgnet / "fgnet" / "images" / "001A05.JPG").unlink()
    (fgnet / "fgnet" / "images" / "notes.txt").touch()
    verification = verify("fgnet", fgnet)
    assert not verification.agrees
    assert [row.what for row in verification.rows if row.agree is False] == ["images", "ages 0-19"]
    lines = verification.as_text().splitlines()
    assert lines[0].split() == ["ours", "published", "agree"]
    assert lines[1] == "images         1,001      1,002  NO"
    assert lines[-2] == "skipped 1: the name is not of the form 001A02.JPG (images/notes.txt)"
    assert lines[-1].startswith("2 of 9 ")
    written = json.loads(verification.to_json())
    assert written["rows"][0] == {"what": "images", "ours": 1001, "published": 1002, "agree": False}
    assert (written["name"], written["agrees"]) == ("fgnet", False)
    assert written["skipped"] == [{"path": "images/notes.txt", "reason": "the name is not of the form 001A02.JPG"}]


def test_the_funnel_stands_first(tmp_path, mat_struct, save_mat):
    save_mat(tmp_path / "wiki" / "wiki.mat", "wiki", mat_struct({}, {"full_path": "b.jpg", "gender": np.nan}))
    rows = verify("wiki", tmp_path).rows
    assert rows[0] == Row("rows in wiki.mat", 2, 62328)
    assert [row.what for row in rows[1:8]] == [
        "after: path inside the folder", "after: date of birth is a date", "after: age 0 to 100", "after: face score at least 1",
        "after: no second face", "after: gender known", "after: listed once",
    ]  # fmt: skip
    assert Row("images", 1, 38138) in rows


def test_the_portraits_agree(tmp_path, touch):
    touch(tmp_path, *(f"congress/images/{name}" for name in labels()["file"]))
    assert verify("congress", tmp_path).agrees


def test_an_unknown_set(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'fgnet'"):
        verify("fgnett", tmp_path)


def test_the_closing_sentence_counts_what_was_compared():
    rows = (Row("images", 3, 4), Row("people", 2, 2), Row("oldest", 80, None))
    assert Verification("toy", rows, ()).as_text().splitlines()[-1].startswith("1 of 2 ")
    assert Verification("toy", rows[1:], ()).as_text().endswith("\nAll counts agree.")
    assert Verification("toy", rows[2:], ()).as_text().endswith("\nNo count is published to compare with.")


@pytest.mark.parametrize("name", ["fgnet", "adience"])
def test_a_folder_that_is_not_there(tmp_path, name):
    with pytest.raises(UserError) as caught:
        verify(name, tmp_path / "nowhere")
    assert str(tmp_path / "nowhere" / name) in str(caught.value)
