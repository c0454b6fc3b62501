"""Writers: whole, repeatable, restartable sets whose bytes do not depend on the number of processes."""

from __future__ import annotations

import csv
import datetime
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from agerepro.config.schema import Synthetic
from agerepro.errors import UserError
from agerepro.synthetic import imdb_wiki, writers
from agerepro.synthetic.imdb_wiki import KINDS, SURVIVING
from agerepro.synthetic.population import COLUMNS
from agerepro.synthetic.writers import FINISHED, STARTED, WRITERS, is_drawn, write

Draw = Callable[..., Path]
Digest = Callable[[Path], str]
# Folder, its two digits again, year, month, day, year of the photo; IMDB writes months and days without a leading zero.
PATTERNS = {
    "imdb": r"(\d\d)/nm\d{5}(\1)_rm\d+_(\d+)-(\d+)-(\d+)_(\d{4})\.jpg",
    "wiki": r"(\d\d)/\d+(\1)_(\d+)-(\d\d)-(\d\d)_(\d{4})\.jpg",
}


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_the_same_settings_give_the_same_bytes(name: str, drawn: Draw, digest_of_tree: Digest) -> None:
    first, again, other = (drawn(name, folder=f"{name}-{n}", photos=24, seed=seed) for n, seed in enumerate((0, 0, 1)))
    assert digest_of_tree(first) == digest_of_tree(again) != digest_of_tree(other)


def test_bytes_do_not_depend_on_the_number_of_processes(drawn: Draw, digest_of_tree: Digest) -> None:
    digests = {digest_of_tree(drawn("imdb", jobs=jobs, folder=f"{jobs} jobs", photos=60)) for jobs in (1, 2)}
    assert len(digests) == 1


def test_a_finished_set_is_left_alone(drawn: Draw) -> None:
    root = drawn("agedb", photos=4)
    calls: list[tuple[int, int]] = []
    write("agedb", root, Synthetic(people=3, photos=4, size=40), jobs=1, on_progress=lambda *now: calls.append(now))
    assert calls == []
    assert json.loads((root / FINISHED).read_text())["settings"]["size"] == 40
    assert not (root / STARTED).exists()


def test_photos_that_are_there_are_not_drawn_again(drawn: Draw, digest_of_tree: Digest) -> None:
    root = drawn("agedb", photos=6)
    whole = digest_of_tree(root)
    (root / FINISHED).rename(root / STARTED)  # as when killed before the end
    photos = sorted(root.glob("*.jpg"))
    photos[0].unlink()
    kept = {photo: photo.stat().st_mtime_ns for photo in photos[1:]}
    calls: list[tuple[int, int]] = []
    write("agedb", root, Synthetic(people=3, photos=6, size=40), jobs=1, on_progress=lambda *now: calls.append(now))
    assert calls == [(5, 6), (6, 6)]
    assert {photo: photo.stat().st_mtime_ns for photo in kept} == kept
    assert digest_of_tree(root) == whole


def test_killed_and_continued_equals_undisturbed(tmp_path: Path, drawn: Draw, digest_of_tree: Digest) -> None:
    code = (
        "import sys; from pathlib import Path; from agerepro.synthetic.writers import write\n"
        "from agerepro.config.schema import Synthetic\n"
        "write('vggface2', Path(sys.argv[1]), Synthetic(people=3, photos=150, size=40), jobs=1,\n"
        "      on_progress=lambda done, total: print(done, flush=True))\n"
    )
    killed = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", code, str(killed)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "0"
        assert int(process.stdout.readline()) < 150
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / FINISHED).exists()
    drawn("vggface2", folder="killed", photos=150)
    whole = drawn("vggface2", folder="whole", photos=150)
    for leftover in killed.rglob(".*.jpg"):
        leftover.unlink()  # half a photo under its temporary name, which no reader sees
    assert digest_of_tree(killed) == digest_of_tree(whole)


def test_other_settings_are_refused_with_the_folder_named(drawn: Draw) -> None:
    root = drawn("agedb", photos=4)
    with pytest.raises(UserError, match=r"agedb .*\"photos\": 4"):
        drawn("agedb", photos=5)
    (root / FINISHED).rename(root / STARTED)
    with pytest.raises(UserError, match="agedb"):
        drawn("agedb", photos=5)


def test_a_drawn_set_stays_known_as_one_wherever_it_is_moved_and_whichever_folder_is_given(tmp_path: Path, drawn: Draw) -> None:
    root = drawn("fgnet", people=1)
    assert is_drawn(root) and is_drawn(root / "FGNET" / "images")
    packed = tmp_path / "packed" / "fgnet"
    packed.mkdir(parents=True)
    root.rename(packed / "unpacked")
    assert is_drawn(packed)
    real = tmp_path / "fgnet" / "FGNET" / "images"
    real.mkdir(parents=True)
    assert not is_drawn(real) and not is_drawn(tmp_path / "fgnet")


def test_a_folder_with_real_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0_SomebodyReal_30_m.jpg").write_bytes(b"precious")
    with pytest.raises(UserError, match="not empty"):
        write("agedb", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)
    assert [path.name for path in tmp_path.iterdir()] == ["0_SomebodyReal_30_m.jpg"]


def test_a_broken_marker_and_an_unknown_name_are_user_errors(tmp_path: Path) -> None:
    (tmp_path / FINISHED).write_text("{")
    with pytest.raises(UserError, match=FINISHED):
        write("agedb", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)
    with pytest.raises(UserError, match="Did you mean 'agedb'"):
        write("agebd", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)


def test_drawing_loads_no_tensorflow() -> None:
    code = (
        "import sys; import agerepro.synthetic.population, agerepro.synthetic.writers\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib', 'mtcnn') if name in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"


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
    imdb = [photo.subject.age for photo in imdb_wiki.plan_imdb(Synthetic(people=400, photos=4000)).photos]
    assert np.mean(imdb) == pytest.approx(0.6 * 36 + 0.4 * 10, abs=2.5)
    assert np.std(imdb) == pytest.approx(np.sqrt(0.6 * 12**2 + 0.4 * (20**2 / 12 + 8**2) + 0.24 * (36 - 10) ** 2), abs=2.5)
    older = [photo.label_age for photo in writers.plan_agedb(Synthetic(people=400, photos=4000)).photos]
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


def test_fgnet_has_exactly_the_real_names(fgnet_names: list[str]) -> None:
    photos = writers.plan_fgnet(Synthetic(people=0)).photos
    assert [photo.path for photo in photos] == [f"FGNET/images/{name}" for name in fgnet_names]
    # Counts of the real set, by its published list: 1,002 photos, 82 people, 63 distinct ages, 0..69.
    ages = [photo.label_age for photo in photos]
    assert (len(photos), len({photo.subject.number for photo in photos}), len(set(ages)), min(ages), max(ages)) == (1002, 82, 63, 0, 69)


def test_fgnet_by_people(drawn: Draw) -> None:
    root = drawn("fgnet", people=2)
    names = sorted(path.name for path in (root / "FGNET" / "images").iterdir())
    assert {name[:3] for name in names} == {"001", "002"}
    assert "001a02.JPG" not in names or len(names) == len(set(names))
    assert len(truth_of(root)) == len(names)


def test_children_of_fgnet_are_often_scanned_in_grey() -> None:
    photos = writers.plan_fgnet(Synthetic(people=0)).photos
    share = [np.mean([p.subject.scene.film != "colour" for p in photos if (p.label_age < 18) == child]) for child in (True, False)]
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
