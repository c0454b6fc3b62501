"""Leaks between the parts of any split."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from agerepro.config.divisions import ImageKFold, OfficialLists, SubjectKFold
from agerepro.errors import CheckFailed, UserError
from agerepro.splits.audit import as_json, as_text
from agerepro.splits.leakage import Columns, Repeated, Shared, audit_split, check_no_leakage, describe_overlap, read_split, shared_people
from agerepro.splits.protocols import make_folds


def rows(*lines):
    """Rows of "photo person part", of one fold."""
    return pd.DataFrame([line.split() for line in lines], columns=["photo", "subject", "part"]).assign(fold="")


CLEAN = ("a ann train", "b ann train", "c bob validation", "d cid test")


def test_a_clean_split_and_its_counts():
    audit = audit_split(rows(*CLEAN))
    assert audit.clean
    assert audit.parts == {("", "train"): (2, 2, 1), ("", "validation"): (1, 1, 1), ("", "test"): (1, 1, 1)}


@pytest.mark.parametrize(
    ("more", "shared"),
    [
        (["e ann test"], Shared("", ("train", "test"), "person", ("ann",), (2, 1))),
        (["e cid validation"], Shared("", ("validation", "test"), "person", ("cid",), (1, 1))),
        (["e bob train"], Shared("", ("train", "validation"), "person", ("bob",), (1, 1))),
        (["a eve test"], Shared("", ("train", "test"), "photo", ("a",), (1, 1))),  # the same photo under another person
    ],
)
def test_what_is_in_two_parts(more, shared):
    audit = audit_split(rows(*CLEAN, *more))
    assert audit.shared == (shared,) and not audit.clean


def test_a_photo_twice_in_one_part():
    audit = audit_split(rows(*CLEAN, "a ann train"))
    assert audit.repeated == (Repeated("", "train", ("a",)),) and not audit.shared and not audit.clean
    assert audit.parts["", "train"] == (3, 2, 1)


def test_unknown_people_are_named_and_not_compared_with_each_other():
    table = rows(*CLEAN, "e x train", "f x test")
    table.loc[table["subject"] == "x", "subject"] = ["", "Unknown"]
    audit = audit_split(table)
    assert audit.nameless == ("e", "f") and not audit.shared and not audit.clean


def test_photos_in_no_part_are_left_out():
    table = rows(*CLEAN, "e ann x")
    table.loc[4, "part"] = ""
    audit = audit_split(table)
    assert audit.partless == ("e",) and not audit.shared and not audit.clean


def test_every_fold_by_itself():
    first = rows("a ann train", "b bob test").assign(fold="0")
    second = rows("a ann test", "b bob train").assign(fold="1")
    assert audit_split(pd.concat([first, second])).clean
    leaking = audit_split(pd.concat([first, second, rows("c bob train").assign(fold="0")]))
    assert leaking.shared == (Shared("0", ("train", "test"), "person", ("bob",), (1, 1)),)


def test_the_order_of_rows_does_not_matter():
    table = rows(*CLEAN, "e ann test", "a ann train")
    turned = audit_split(table.iloc[::-1])
    assert (turned.shared, turned.repeated) == (audit_split(table).shared, audit_split(table).repeated)


def test_a_random_split_of_images_has_people_on_both_sides():
    """As in the random 80:20 protocol of MORPH-II: about four photos a person, so most test people are trained on."""
    draws = np.random.default_rng(0)
    people = draws.integers(0, 500, size=2000)
    part = np.where(draws.random(2000) < 0.8, "train", "test")
    table = pd.DataFrame({"photo": np.arange(2000).astype(str), "subject": people.astype(str), "part": part, "fold": ""})
    both = set(people[part == "train"]) & set(people[part == "test"])
    (shared,) = audit_split(table).shared
    assert set(shared.names) == {str(person) for person in both} and len(both) > 250
    theirs = np.isin(people, list(both))
    assert shared.photos == (int((theirs & (part == "train")).sum()), int((theirs & (part == "test")).sum()))


def test_adience_folds_keep_people_apart_and_a_random_split_does_not(write_adience_folds, tmp_path):
    files = sorted(write_adience_folds(tmp_path / "adience").glob("fold_*_data.txt"))
    table = pd.concat([pd.read_csv(file, sep="\t", dtype=str).assign(fold=str(number)) for number, file in enumerate(files)])
    table["photo"] = table["user_id"] + "/" + table["face_id"] + "." + table["original_image"]
    table.to_csv(tmp_path / "folds.csv", index=False)
    audit = audit_split(read_split(tmp_path / "folds.csv", Columns()))
    assert audit.clean and sum(counts[0] for counts in audit.parts.values()) == 19_370
    table["split"] = np.where(np.random.default_rng(0).random(len(table)) < 0.8, "train", "test")
    table.drop(columns="fold").to_csv(tmp_path / "random.csv", index=False)
    (leak,) = audit_split(read_split(tmp_path / "random.csv", Columns())).shared
    assert leak.what == "person" and len(leak.names) > 900


def written(tmp_path, text):
    path = tmp_path / "split.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "heading",
    [
        "photo,subject,split",
        "Image,Person ID,Set",
        "img_path,identity,partition",
        "file_name,face_id,fold",
        "extra,filename,subject_id,part",
    ],
)
def test_usual_headings_are_found(tmp_path, heading):
    wide = heading.count(",") == 3
    found = read_split(written(tmp_path, f"{heading}\n{'x,' if wide else ''}007.jpg, 01,Training\n"), Columns())
    assert found.to_dict("records") == [{"photo": "007.jpg", "subject": "01", "fold": "", "part": "train"}]


def test_headings_by_name_and_a_fold_beside_a_split(tmp_path):
    path = written(tmp_path, "who,what,when,fold\nann,a,val,3\n")
    found = read_split(path, Columns(photo="what", subject="who", split="when"))
    assert found.to_dict("records") == [{"photo": "a", "subject": "ann", "fold": "3", "part": "validation"}]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("photo,who,split\na,b,c\n", Columns(), "subject.*--subject.*photo, who, split"),
        ("photo,who,split\na,b,c\n", Columns(subject="wo"), "'wo'.*'who'"),
        ("photo,subject,split\n", Columns(), "no rows"),
        ("", Columns(), "CSV"),
        ("photo,subject,split\n" + "".join(f"a,b,{i}\n" for i in range(101)), Columns(), "'split'.*101 "),
    ],
)
def test_a_wrong_file_is_an_error_with_its_facts(tmp_path, text, columns, message):
    with pytest.raises(UserError, match=message):
        read_split(written(tmp_path, text), columns)


def test_a_split_without_a_column_of_people_is_read_where_that_is_said(tmp_path):
    path = written(tmp_path, "photo,split\na,train\nb,test\na,test\n")
    audit = audit_split(read_split(path, Columns(subject="")))
    assert audit.shared == (Shared("", ("train", "test"), "photo", ("a",), (1, 1)),) and audit.nameless == ("a", "b")


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_split(tmp_path / "none.csv", Columns())


def test_text_and_json():
    table = rows(*CLEAN, "e ann test", "a ann train", "f eve train")
    table.loc[table["photo"] == "f", "subject"] = "?"
    audit = audit_split(table)
    lines = as_text(audit).splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["part", "rows", "photos", "people"], ["train", "4", "3", "1"], ["validation", "1", "1", "1"], ["test", "2", "2", "2"],
    ]  # fmt: skip
    person, photo, nameless, conclusion = lines[4:]
    assert all(fact in person for fact in ("1 person", "train and test", "3 in train", "1 in test", "ann"))
    assert photo.startswith("1 photo") and "train" in photo and photo.endswith(": a")
    assert nameless.startswith("1 photo") and nameless.endswith(": f")
    assert conclusion.startswith("Not clean")
    written = json.loads(as_json(audit))
    assert written["clean"] is False and written["shared"][0]["names"] == ["ann"] and written["alike"] is None
    assert as_text(audit_split(rows(*CLEAN))).splitlines()[-1].startswith("Clean")


def divided(*lines):
    """Photos and FOLDS of "photo person part" lines, a fold for each tuple of lines; "-" is a person whom nobody knows."""
    tables = [rows(*fold).assign(fold=number) for number, fold in enumerate(lines)]
    table = pd.concat(tables).replace({"subject": {"-": ""}})
    return table[["photo", "subject"]].drop_duplicates("photo"), table[["fold", "photo", "part"]]


HALF = ("a ann train", "b ann test", "c bob test", "d cid train")


@pytest.mark.parametrize(
    ("lines", "share", "words"),
    [
        ([HALF], 0.5, "1 of 2 test people also in training"),
        ([("a ann train", "b ann validation", "c bob test")], 0.0, ""),  # training and validation may share a person
        ([("a ann train", "b bob validation", "c bob test")], 1.0, "1 of 1 test people also in training or validation"),
        ([HALF, ("a ann test", "b ann train", "c bob train", "d cid train")], 0.75, "75 % of test people also in training"),
        ([HALF, ("a ann train", "b ann train", "c bob train", "d cid test")], 0.25, "25 % of test people also in training"),
        ([("a - train", "b - test")], None, "people unknown"),
        ([("a - train", "b ann test", "c - test", "d ann train")], 1.0,
         "1 of 1 test people also in training; people of 2 of 4 photos unknown"),
        ([("a - test", "b ann train")], None, "people of 1 of 2 photos unknown"),
        # A fold that tests nobody who is known says nothing of the others.
        ([("a - test", "b ann train", "c ann train"), ("a - train", "b ann test", "c ann train")], 1.0,
         "1 of 1 test people also in training; people of 1 of 3 photos unknown"),
    ],
)  # fmt: skip
def test_what_tested_people_share_with_training_in_words(lines, share, words):
    photos, folds = divided(*lines)
    assert shared_people(folds, photos) == share
    assert describe_overlap(folds, photos) == words == describe_overlap(folds[::-1], photos[::-1])


@pytest.mark.parametrize(
    ("both", "tested", "words"),
    [(12, 100, "12 %"), (1, 1000, "under 1 %"), (999, 1000, "over 99 %"), (1000, 1000, "100 %"), (99, 99, "99 of 99"), (125, 1000, "12 %")],
)
def test_a_share_that_is_not_all_or_nothing_does_not_read_as_one(both, tested, words):
    tests = [f"t{person} p{person} test" for person in range(tested)]
    photos, folds = divided([*tests, *(f"s{person} p{person} train" for person in range(both)), "x y train"])
    assert describe_overlap(folds, photos) == f"{words} of test people also in training".replace(
        f"of {tested} of test", f"of {tested} test"
    )


def test_the_share_of_a_division_by_image_counted_person_by_person():
    people = np.random.default_rng(1).integers(0, 60, size=200)
    photos = pd.DataFrame({"photo": [f"{place}.jpg" for place in range(200)], "subject": people.astype(str)})
    folds = make_folds(photos, ImageKFold(folds=4)).merge(photos, on="photo")
    shares = []
    for _, fold in folds.groupby("fold"):
        tested, others = (set(fold.loc[(fold["part"] == "test") == side, "subject"]) for side in (True, False))
        shares.append(len(tested & others) / len(tested))
    assert shared_people(folds, photos) == pytest.approx(np.mean(shares)) and 0 < np.mean(shares) < 1


def test_people_on_two_sides_are_a_leak_only_where_the_protocol_keeps_them_apart():
    photos, folds = divided(HALF)
    check_no_leakage(folds, photos, OfficialLists())
    with pytest.raises(CheckFailed, match="fold 0: person ann"):
        check_no_leakage(folds, photos, SubjectKFold(folds=2))
    with pytest.raises(CheckFailed, match="fold 0: photo a"):
        check_no_leakage(pd.concat([folds, folds[:1]]), photos, OfficialLists())
    with pytest.raises(CheckFailed, match=r"1 photos .*first: d"):
        check_no_leakage(folds, photos[:-1], OfficialLists())


def test_nobody_known_is_nobody_shared():
    photos, folds = divided(("a - train", "b - test", "c - validation"))
    check_no_leakage(folds, photos, SubjectKFold(folds=2))


def test_a_split_without_people_has_its_photos_audited():
    audit = audit_split(rows(*CLEAN).assign(subject=""))
    assert audit.nameless == ("a", "b", "c", "d") and not audit.shared and not audit.clean
    assert all(people == 0 for _, _, people in audit.parts.values())
