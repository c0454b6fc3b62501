"""Native layouts as the real sets have them, read here by hand and not with our readers."""

from __future__ import annotations

import csv
import datetime
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from agerepro.datasets.synthetic import agedb, fgnet, imdb_wiki
from agerepro.datasets.synthetic.imdb_wiki import KINDS, SURVIVING
from agerepro.datasets.synthetic.truth import COLUMNS
from agerepro.experiment.schema import Synthetic

Draw = Callable[..., Path]
# Folder, its two digits again, year, month, day, year of the photo; IMDB writes months and days without a leading zero.
PATTERNS = {
    "imdb": r"(\d\d)/nm\d{5}(\1)_rm\d+_(\d+)-(\d+)-(\d+)_(\d{4})\.jpg",
    "wiki": r"(\d\d)/\d+(\1)_(\d+)-(\d\d)-(\d\d)_(\d{4})\.jpg",
}


def truth_of(root: Path) -> list[dict[str, str]]:
    with (root / "synthetic-truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    return rows


@pytest.mark.parametrize("name", ["imdb", "wiki"])
def test_mat_file_and_truth(name: str, drawn: Draw) -> None:
    root = drawn(name, people=10, photos=150)
    rows = truth_of(root)
    table = loadmat(root / f"{name}_crop" / f"{name}.mat")[name]
    assert table.shape == (1, 1)
    fields = table[0, 0]
    expected = ["dob", "photo_taken", "full_path", "gender", "name", "face_location", "face_score", "second_face_score"]
    assert list(fields.dtype.names) == expected + (["celeb_names", "celeb_id"] if name == "imdb" else [])
    assert all(fields[field].shape == (1, 150) for field in expected)
    if name == "imdb":
        celebrities = [str(cell[0]) for cell in fields["celeb_names"][0]]
        assert [celebrities[place - 1] for place in fields["celeb_id"][0]] == [str(cell[0]) for cell in fields["name"][0]]
    survivors = 0
    for place, row in enumerate(rows):
        path = str(fields["full_path"][0, place][0])
        assert f"{name}_crop/{path}" == row["photo"]
        image = cv2.imread(str(root / row["photo"]))
        assert image is not None and image.shape == (40, 40, 3)
        match = re.fullmatch(PATTERNS[name], path)
        assert match, path
        born, taken = int(fields["dob"][0, place]), int(fields["photo_taken"][0, place])
        assert taken == int(match[6])
        score, second, gender = (float(fields[field][0, place]) for field in ("face_score", "second_face_score", "gender"))
        location = fields["face_location"][0, place]
        assert location.shape == (1, 4)
        kind = row["kind"]
        assert np.isneginf(score) == (kind == "no_face") == (location.tolist() == [[1, 1, 40, 40]])
        assert (np.isfinite(score) and score < 1) == (kind == "low_score")
        assert np.isfinite(second) == (kind == "second_face")
        assert np.isnan(gender) == (kind == "no_gender")
        assert np.isnan(gender) or gender == (row["gender"] == "m")
        assert (born <= 366) == (kind == "invalid_date")
        if kind == "invalid_date":
            continue
        birth = datetime.date.fromordinal(born - 366)  # MATLAB's day 367 is Python's day 1
        age = taken - birth.year - (1 if birth.month >= 7 else 0)  # photo at mid-year
        assert age == int(row["label_age"])
        assert (age < 0 or age > 100) == (kind == "impossible_age")
        assert (match[4] in ("0", "00")) == (kind == "zero_date")
        if kind != "zero_date":
            assert birth == datetime.date(int(match[3]), int(match[4]), int(match[5]))
        if kind in ("", "zero_date"):
            assert age == int(float(row["age"]))
        if kind == "wrong_year":
            assert abs(age - float(row["age"])) > 4
        survivors += score >= 1 and np.isnan(second) and 0 <= age <= 100 and not np.isnan(gender)
    counts = Counter(row["kind"] for row in rows)
    assert {kind: counts[kind] for kind in KINDS} == {kind: round(share * 150) for kind, share in KINDS.items()}
    assert survivors == sum(counts[kind] for kind in SURVIVING)
    assert 0.65 < survivors / 150 < 0.75


def test_face_location_is_the_square_around_the_true_face(drawn: Draw) -> None:
    root = drawn("imdb", people=4, photos=40, size=100)
    fields = loadmat(root / "imdb_crop" / "imdb.mat")["imdb"][0, 0]
    for cell, row in zip(fields["face_location"][0], truth_of(root), strict=True):
        if row["kind"] in ("no_face", "second_face"):
            continue
        left, top, right, bottom = cell[0] - 1
        assert right - left == pytest.approx(bottom - top)
        # The crop has 40 % of the box on every side.
        assert (right - left) * 1.8 == pytest.approx(100, rel=0.06)
        assert left <= float(row["left"]) + 0.01 and float(row["right"]) <= right + 0.01
        assert top <= float(row["top"]) + 0.01 and float(row["bottom"]) <= bottom + 0.01


def test_imdb_and_agedb_ages_are_spread_as_promised() -> None:
    # 60 % of the people around their set's mean age, 40 % around an age of childhood, uniform from 0 to 20.
    imdb = [photo.sitter.age for photo in imdb_wiki.plan_imdb(Synthetic(people=400, photos=4000)).photos]
    assert np.mean(imdb) == pytest.approx(0.6 * 36 + 0.4 * 10, abs=2.5)
    assert np.std(imdb) == pytest.approx(np.sqrt(0.6 * 12**2 + 0.4 * (20**2 / 12 + 8**2) + 0.24 * (36 - 10) ** 2), abs=2.5)
    older = [photo.label_age for photo in agedb.plan(Synthetic(people=400, photos=4000)).photos]
    assert np.mean(older) == pytest.approx(0.6 * 50 + 0.4 * 10, abs=3.5)
    assert np.std(older) == pytest.approx(np.sqrt(0.6 * 16**2 + 0.4 * (20**2 / 12 + 10.6**2) + 0.24 * (50 - 10) ** 2), abs=3)
    assert min(older) >= 1 and max(older) <= 101


def test_a_tenth_of_agedbs_people_are_in_imdb(drawn: Draw) -> None:
    root = drawn("agedb", people=20, photos=60)
    names = {re.fullmatch(r"\d+_([A-Za-z]+\d+)_\d+_[mf]\.jpg", path.name)[1] for path in root.glob("*.jpg")}  # type: ignore[index]
    fields = loadmat(drawn("imdb", people=10, photos=40) / "imdb_crop" / "imdb.mat")["imdb"][0, 0]
    actors = {str(cell[0]).replace(" ", "") for cell in fields["name"][0]}
    assert len(names) == 20 and len(names & actors) == 2


def test_agedb_names_tell_the_truth(drawn: Draw) -> None:
    for row in truth_of(drawn("agedb", people=5, photos=20)):
        _, name, age, gender = row["photo"].removesuffix(".jpg").split("_")
        assert (int(age), gender) == (int(row["label_age"]), row["gender"]) and int(float(row["age"])) == int(age)
        assert name == f"SyntheticPerson{int(row['person']):04d}"


def test_fgnet_has_exactly_the_real_names(shared: Path) -> None:
    real = (shared / "data" / "metadata" / "fgnet_filenames.txt").read_text(encoding="utf-8").split()
    photos = fgnet.plan(Synthetic(people=0)).photos
    assert [photo.path for photo in photos] == [f"FGNET/images/{name}" for name in real]
    # Counts of the real set, by its published list: 1,002 photos, 82 people, 63 distinct ages, 0..69.
    ages = [photo.label_age for photo in photos]
    assert (len(photos), len({photo.sitter.number for photo in photos}), len(set(ages)), min(ages), max(ages)) == (1002, 82, 63, 0, 69)


def test_fgnet_by_people(drawn: Draw) -> None:
    root = drawn("fgnet", people=2)
    names = sorted(path.name for path in (root / "FGNET" / "images").iterdir())
    assert {name[:3] for name in names} == {"001", "002"}
    assert "001a02.JPG" not in names or len(names) == len(set(names))
    assert len(truth_of(root)) == len(names)


def test_children_of_fgnet_are_often_scanned_in_grey() -> None:
    photos = fgnet.plan(Synthetic(people=0)).photos
    share = [np.mean([p.sitter.scene.film != "colour" for p in photos if (p.label_age < 18) == child]) for child in (True, False)]
    assert 0.3 < share[0] < 0.5 and share[1] < 0.2


def test_vggface2_tree_and_its_lists(drawn: Draw) -> None:
    root = drawn("vggface2", people=3, photos=10)
    photos = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    assert len(photos) == 10 and {path.split("/")[1] for path in photos} == {"n000001", "n000002", "n000003"}
    assert all(re.fullmatch(r"train/n\d{6}/\d{4}_01\.jpg", path) for path in photos)
    with (root / "bb_landmark" / "loose_bb_train.csv").open() as file:
        boxes = list(csv.DictReader(file))
    with (root / "bb_landmark" / "loose_landmark_train.csv").open() as file:
        points = list(csv.DictReader(file))
    assert list(boxes[0]) == ["NAME_ID", "X", "Y", "W", "H"]
    assert list(points[0]) == ["NAME_ID", *(f"P{n}{axis}" for n in range(1, 6) for axis in "XY")]
    assert sorted(f"train/{row['NAME_ID']}.jpg" for row in boxes) == photos == sorted(f"train/{row['NAME_ID']}.jpg" for row in points)
    for box, point in zip(boxes, points, strict=True):
        assert int(box["X"]) < float(point["P1X"]) < float(point["P2X"]) < int(box["X"]) + int(box["W"])
