"""Which group a label of Adience stands for."""

from __future__ import annotations

import json

import pytest

from agerepro.datasets import adience, catalog
from agerepro.datasets.adience import MENDED, POLICIES, PRINTED, group_of, reject_reason
from agerepro.datasets.photos import SkippedItem
from agerepro.datasets.verify import Row, verify
from agerepro.errors import UserError
from agerepro.tables import PHOTOS


@pytest.mark.parametrize("policy", POLICIES)
def test_the_eight_groups_are_themselves_under_every_policy(policy):
    assert {printed: group_of(printed, policy) for printed in PRINTED} == PRINTED


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("label", ["None", "", "13", "35", "(8, 23)", "(38, 48)", "(8, 13)?", "(32, 25)"])
def test_what_no_policy_takes(policy, label):
    # The empty text is part of every text, so the substring policy must not be asked about it.
    assert group_of(label, policy) == ""


@pytest.mark.parametrize(
    ("label", "substring", "remap"),
    [
        ("2", "0-2", "0-2"),
        ("3", "25-32", ""),  # a 3 is in "(25, 32)", while three years lie between 0-2 and 4-6
        ("32", "25-32", "25-32"),
        ("29", "", "25-32"),
        ("42", "", "38-43"),
        ("(27, 32)", "", "25-32"),
        ("(38, 42)", "", "38-43"),
        ("(25, 23)", "", "25-32"),
    ],
)
def test_odd_labels(label, substring, remap):
    assert [group_of(label, policy) for policy in ("exact", "substring", "remap")] == ["", substring, remap]


def test_the_substring_policy_is_pythons_in_and_the_first_group_wins():
    for text in ("2", "3", "5", "8", "0", "1", "4", "53", "100", "12", ", "):
        holders = [group for printed, group in PRINTED.items() if printed.find(text) >= 0]
        assert group_of(text, "substring") == holders[0]


def test_mended_labels_are_groups():
    assert set(MENDED.values()) <= set(PRINTED)


def test_reasons_name_the_kind_of_label():
    assert reject_reason("None") == reject_reason("") == "no age label"
    assert "single age" in reject_reason("35")
    assert "pair of ages" in reject_reason("(8, 23)")
    assert reject_reason("child") == "the label cannot be read"


def test_an_unknown_policy_offers_the_near_one():
    with pytest.raises(UserError, match="Did you mean 'remap'"):
        group_of("3", "remapp")


HEADING = "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\tfiducial_yaw_angle\tfiducial_score"
ROWS = {  # fold -> user, photo, person, label, gender
    0: [("7@N01", "a.jpg", "1", "(25, 32)", "f"), ("7@N01", "a.jpg", "2", "(4, 6)", "u"), ("7@N01", '"b.jpg', "1", "(25, 32)", "f")],
    1: [("8@N01", "c.jpg", "3", "3", "m")],
    2: [("9@N01", "d.jpg", "4", "None", "")],
    3: [("10@N01", "e.jpg", "5", "(38, 42)", "m")],
    4: [("11@N01", "f.jpg", "6", "35", "f"), ("11@N01", "g.jpg", "7", "(60, 100)", "")],
}
NAMES = {
    "aligned": "aligned/{0}/landmark_aligned_face.{2}.{1}",
    "faces": "faces/{0}/coarse_tilt_aligned_face.{2}.{1}",
}


def write_folds(folder, rows=ROWS):
    folder.mkdir(parents=True, exist_ok=True)
    for fold, its in rows.items():
        lines = [HEADING, *("\t".join([*row, "1", "2", "30", "30", "0", "15", "60"]) for row in its)]
        (folder / f"fold_{fold}_data.txt").write_text("\n".join(lines) + "\n")


def names_of(layout):
    return [NAMES[layout].format(*row) for rows in ROWS.values() for row in rows]


@pytest.fixture
def root(tmp_path, touch):
    write_folds(tmp_path / "adience")
    return touch(tmp_path / "adience", *names_of("aligned"))


def test_photos_of_the_eight_groups(root):
    table = adience.read(root).table
    assert list(table.columns) == list(PHOTOS.columns)
    assert table["photo"].tolist() == [
        "adience/7@N01/1.a.jpg", "adience/7@N01/2.a.jpg", 'adience/7@N01/1."b.jpg', "adience/11@N01/7.g.jpg",
    ]  # fmt: skip
    assert table["subject"].tolist() == ["1", "2", "1", "7"]
    assert table["group"].tolist() == ["25-32", "4-6", "25-32", "60-100"]
    assert table["split"].tolist() == ["0", "0", "0", "4"]
    assert table["gender"].tolist() == ["f", "", "f", ""]  # u stands for unknown
    assert table["age"].isna().all() and table["left"].isna().all()  # x and y count in the photo before cropping
    assert table["cropped_margin"].tolist() == [0.4] * 4
    assert table["date_note"].tolist() == [""] * 4
    assert all((root / path).is_file() for path in table["path"])


def test_the_funnel_and_the_reasons(root):
    photos = adience.read(root)
    assert [(step.name, step.kept, step.removed) for step in photos.funnel] == [
        ("rows in the fold files", 8, 0), ("row names a picture", 8, 0), ("age label given", 7, 1),
        ("label is one of the eight groups", 4, 3), ("listed once", 4, 0), ("picture in aligned/", 4, 0),
    ]  # fmt: skip
    assert [skip.reason for skip in photos.skipped] == [
        "no age label", "the label is a single age that is taken for no group", "the label is a pair of ages that is taken for no group",
        "the label is a single age that is taken for no group",
    ]  # fmt: skip
    assert photos.skipped[0].path == "aligned/9@N01/landmark_aligned_face.4.d.jpg"
    assert photos.people_listed == 7


def test_other_policies_take_more_and_note_what_the_label_says(root):
    found = {policy: adience.read(root, labels=policy).table.set_index("subject") for policy in ("substring", "remap")}
    assert found["substring"].loc["3", ["group", "date_note"]].tolist() == ["25-32", "labelled 3"]
    assert found["remap"].loc["5", ["group", "date_note"]].tolist() == ["38-43", "labelled (38, 42)"]
    assert len(found["substring"]) == len(found["remap"]) == 5


def test_aligned_pictures_come_before_the_others_and_keys_stay(root, touch):
    touch(root, *names_of("faces"))
    aligned = adience.read(root).table
    assert aligned["path"].str.startswith("aligned/").all()
    for path in (root / "aligned").rglob("*.jpg"):
        path.unlink()
    faces = adience.read(root)
    assert faces.table["path"].tolist()[0] == "faces/7@N01/coarse_tilt_aligned_face.1.a.jpg"
    assert faces.table["photo"].tolist() == aligned["photo"].tolist()
    assert faces.funnel[-1].name == "picture in faces/"


@pytest.mark.parametrize("nesting", adience.LAYOUTS["adience"].nestings[1:])
def test_nestings(tmp_path, touch, nesting):
    write_folds(tmp_path / nesting)
    touch(tmp_path / nesting, *names_of("aligned"))
    table = adience.read(tmp_path).table
    assert len(table) == 4 and all((tmp_path / path).is_file() for path in table["path"])


def test_fold_files_and_pictures_may_lie_apart(tmp_path, touch):
    write_folds(tmp_path)
    touch(tmp_path / "AdienceGender", *names_of("aligned"))
    table = adience.read(tmp_path).table
    assert table["path"].tolist()[0] == "AdienceGender/aligned/7@N01/landmark_aligned_face.1.a.jpg"


def test_a_row_without_its_picture_is_counted(root):
    (root / names_of("aligned")[1]).unlink()
    photos = adience.read(root)
    assert len(photos.table) == 3
    assert photos.skipped[-1] == SkippedItem(names_of("aligned")[1], "no picture in aligned/")


def test_repeated_and_broken_rows(tmp_path, touch):
    again, up, short = ROWS[4][1], ("..", "../../secret.jpg", "9", "(4, 6)", "f"), ("11@N01", "", "8", "(4, 6)", "f")
    write_folds(tmp_path, {**ROWS, 4: [*ROWS[4], again, up, short]})
    photos = adience.read(touch(tmp_path, *names_of("aligned")))
    assert len(photos.table) == 4
    reasons = [skip.reason for skip in photos.skipped]
    assert reasons[:2] == ["the path leaves the data set's folder", "the row is not complete"] and reasons[-1] == "listed before"


def test_fold_files_alone_can_be_counted_but_not_trained_on(tmp_path):
    write_folds(tmp_path)
    found = adience.survey(tmp_path, labels="exact")
    assert (len(found.photos.table), found.users, found.layout) == (4, 5, "")
    assert found.photos.funnel[-1].name == "listed once"
    with pytest.raises(UserError, match=r"pictures.*aligned\.tar\.gz"):
        adience.read(tmp_path)


def test_a_missing_fold_file_is_named(root):
    (root / "fold_3_data.txt").unlink()
    with pytest.raises(UserError, match=r"fold_3_data\.txt"):
        adience.read(root)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"user_id,original_image\na,b\n", "user_id, original_image, face_id, age, gender"),
        (b"", "tab-separated"),
        (b"user_id\t\xff\xfe\n", "tab-separated"),
    ],
)
def test_a_fold_file_of_another_shape(root, content, sentence):
    (root / "fold_2_data.txt").write_bytes(content)
    with pytest.raises(UserError, match=rf"fold_2_data\.txt.* {sentence}"):
        adience.read(root)


def test_a_tab_at_the_end_of_every_line_moves_no_column(root):
    whole = adience.read(root).table
    for path in root.glob("fold_*.txt"):
        heading, *rows = path.read_text().splitlines()
        path.write_text("\n".join([heading, *(row + "\t" for row in rows)]) + "\n")
    assert adience.read(root).table.equals(whole)


def test_the_catalog_passes_the_policy(root):
    assert len(catalog.read("adience", root.parent).table) == 4
    assert len(catalog.read("adience", root.parent, group_labels="remap").table) == 5


# Counts of the authors' fold files, made by another program: adience.json of the reference values.


@pytest.fixture
def folds(write_adience_folds, tmp_path):
    """`folds("current_19370")`: a folder with fold files of that version's counts in adience/, writable."""
    return lambda version: write_adience_folds(tmp_path / version / "adience", older=version.startswith("older")).parent


def kept(found):
    return {step.name: step.kept for step in found.photos.funnel}


@pytest.mark.parametrize("version", ["current_19370", "older_19487"])
def test_exact_counts_of_both_versions(reference, folds, version):
    published = json.loads((reference / "adience.json").read_text(encoding="utf-8"))[version]
    found = adience.survey(folds(version) / "adience", labels="exact")
    funnel, table = kept(found), found.photos.table
    assert funnel["rows in the fold files"] == published["rows"]
    assert funnel["age label given"] == published["age_known"]
    assert funnel["label is one of the eight groups"] == published["exact_eight_groups"]
    assert funnel["listed once"] == published["exact_eight_groups"] - published["repeated_among_exact"] == len(table)
    assert (found.photos.people_listed, found.users) == (published["distinct_face_ids"], published["distinct_users"])
    reasons = [skip.reason for skip in found.photos.skipped]
    assert reasons.count("no age label") == published["none"]
    assert reasons.count("the label is a single age that is taken for no group") == published["single_ages"]
    assert reasons.count("the label is a pair of ages that is taken for no group") == published["odd_pairs"]
    if version == "current_19370":
        assert table["split"].value_counts().sort_index().tolist() == published["exact_per_fold"]
        groups = {f"({label.replace('-', ', ')})": count for label, count in table["group"].value_counts().items()}
        assert groups == published["exact_per_group"]
    assert table.groupby("subject")["split"].nunique().max() == 1


def test_substring_gives_the_thesis_its_17_417_and_its_table_6(folds):
    table = adience.survey(folds("current_19370") / "adience", labels="substring").photos.table
    assert len(table) == 17_417  # section 3
    first = table[table["split"] == "0"]
    child, teen = first["group"].isin(["0-2", "4-6", "8-12"]), first["group"] == "15-20"
    # Table 6: 1646 + 12 + 9 children and so on, row by row.
    assert (child.sum(), teen.sum(), (~child & ~teen).sum()) == (1_667, 152, 2_571)
    wrong = first[first["date_note"] == "labelled 3"]
    assert len(wrong) == 13 and set(wrong["group"]) == {"25-32"}


def test_remap_of_the_older_version_mends_as_the_authors_did(folds):
    older = adience.survey(folds("older_19487") / "adience", labels="remap")
    # README: "older, (25, 23) mended, any label inside" the groups: 17,642 rows.
    assert kept(older)["label lies in one group"] == 17_642
    current = adience.survey(folds("current_19370") / "adience", labels="remap")
    assert older.photos.table["photo"].tolist() == current.photos.table["photo"].tolist()


def test_verify_agrees_with_the_current_fold_files_alone(folds):
    found = verify("adience", folds("current_19370"))
    assert found.agrees
    assert {Row("people listed", 2284, 2284), Row("users listed", 168, None), Row("split 1", 3092, 3092)} <= set(found.rows)
    assert Row("substring: label is part of a group's printed label", 17_417, 17_417) in found.rows
    assert Row("remap: ages 38-43", 2_340, None) in found.rows
    assert "no pictures are there" in found.notes[0] and found.notes[0] in found.as_text()
    assert json.loads(found.to_json())["notes"] == list(found.notes)


def test_verify_finds_a_damaged_and_an_older_copy(folds):
    damaged = folds("current_19370")
    path = damaged / "adience" / "fold_3_data.txt"
    path.write_bytes(path.read_bytes()[:-3000])
    assert next(row.what for row in verify("adience", damaged).rows if row.agree is False) == "rows in the fold files"
    assert not verify("adience", folds("older_19487")).agrees


def test_verify_finds_a_missing_picture(folds, touch):
    root = folds("current_19370") / "adience"
    paths = adience.survey(root, labels="exact").photos.table["path"]
    touch(root, *paths[1:])
    found = verify("adience", root.parent)
    assert found.notes == ("pictures: aligned/",)
    wanting = [row.what for row in found.rows if row.agree is False]
    assert wanting == ["images", "split 0", "ages 25-32"]  # the first row of fold_0_data.txt
