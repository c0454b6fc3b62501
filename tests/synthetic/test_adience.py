"""The drawn Adience: its native layout, and the reader's counts beside what was planted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agerepro.config.schema import Synthetic
from agerepro.datasets import adience as reader
from agerepro.datasets.adience import PRINTED
from agerepro.splits.protocols import years
from agerepro.synthetic import adience
from agerepro.synthetic.adience import GROUPS, HEADING, ODD

Draw = Callable[..., Path]


@pytest.fixture(scope="module")
def undrawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """The folder of a set of 1,000 people with empty files for pictures, since no reader opens them; and its planned photos."""
    root = tmp_path_factory.mktemp("adience")
    plan = adience.plan(Synthetic(people=1000, photos=3000))
    plan.write_labels(root, [])
    for photo in plan.photos:
        (root / photo.path).parent.mkdir(parents=True, exist_ok=True)
        (root / photo.path).touch()
    return root, list(plan.photos)


def rows_of(root: Path) -> list[dict[str, str]]:
    rows = []
    for fold in range(5):
        with (root / f"fold_{fold}_data.txt").open(encoding="utf-8") as file:
            its = list(csv.DictReader(file, delimiter="\t"))
        assert tuple(its[0]) == HEADING
        rows += [{"fold": str(fold), **row} for row in its]
    return rows


def test_the_heading_is_the_real_one(reference: Path) -> None:
    assert tuple(json.loads((reference / "adience.json").read_text(encoding="utf-8"))["heading"]) == HEADING


def test_drawn_files_rows_and_truth_belong_together(drawn: Draw) -> None:
    root = drawn("adience", people=12, photos=24)
    rows = rows_of(root)
    pictures = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    assert pictures == sorted(f"aligned/{r['user_id']}/landmark_aligned_face.{r['face_id']}.{r['original_image']}" for r in rows)
    with (root / "synthetic-truth.csv").open(encoding="utf-8") as file:
        truth = {row["photo"]: row for row in csv.DictReader(file)}
    table = reader.read(root).table
    assert sorted(table["path"]) == sorted(path for path, row in truth.items() if row["kind"] == "")
    for photo in table.itertuples():
        first, last = years(photo.group)
        assert first <= float(truth[photo.path]["age"]) < last + 1
        assert photo.gender in ("", truth[photo.path]["gender"])


def test_every_step_takes_away_exactly_what_was_planted(undrawn: tuple[Path, list]) -> None:
    root, photos = undrawn
    planted = Counter(photo.kind for photo in photos)
    assert all(planted[kind] > 0 for kind in ODD)
    found = reader.read(root)
    reasons = Counter(skip.reason for skip in found.skipped)
    assert reasons == {
        "no age label": planted["no_label"],
        "the label is a single age that is taken for no group": planted["single_age"],
        "the label is a pair of ages that is taken for no group": planted["odd_pair"],
    }
    assert len(found.table) == planted[""] == len(photos) - sum(planted[kind] for kind in ODD)


def test_other_policies_take_the_planted_ages_that_they_should(undrawn: tuple[Path, list]) -> None:
    root, photos = undrawn
    single = Counter(int(photo.subject.age) for photo in photos if photo.kind == "single_age")
    assert len(single) > 8
    pairs = Counter(row["age"] for row in rows_of(root) if row["age"].startswith("(") and row["age"] not in PRINTED)
    exact = len(reader.read(root).table)
    assert len(reader.read(root, labels="substring").table) == exact + single[2] + single[3] + single[32] > exact
    held = single[2] + single[29] + single[32] + pairs["(27, 32)"] + pairs["(38, 42)"]
    assert len(reader.read(root, labels="remap").table) == exact + held > exact


def test_people_and_their_albums_are_in_one_fold_and_bear_one_label(undrawn: tuple[Path, list]) -> None:
    rows = rows_of(undrawn[0])
    for what in ("fold", "user_id", "age"):
        assert len({(row["face_id"], row[what]) for row in rows}) == len({row["face_id"] for row in rows}) == 1000
    assert len({(row["user_id"], row["fold"]) for row in rows}) == len({row["user_id"] for row in rows})
    assert {row["fold"] for row in rows} == set("01234")


def test_groups_have_the_real_shares(undrawn: tuple[Path, list]) -> None:
    rows = rows_of(undrawn[0])
    counts = Counter(row["age"] for row in rows)
    weights = {**GROUPS, **ODD}
    for group in GROUPS:
        assert counts[str(group)] / len(rows) == pytest.approx(weights[group] / sum(weights.values()), abs=0.002)
    old = [photo.subject.age for photo in undrawn[1] if photo.kind == "" and photo.subject.age >= 60]
    assert 68 < np.mean(old) < 78


def test_a_small_set_has_groups_before_oddities() -> None:
    kinds = [photo.kind for photo in adience.plan(Synthetic(people=3, photos=3)).photos]
    assert kinds == ["", "", ""]


def test_as_many_people_and_albums_as_the_real_set() -> None:
    photos = adience.plan(Synthetic(people=0, photos=2_284)).photos
    assert len({photo.subject.number for photo in photos}) == adience.PEOPLE == 2_284
    users = {photo.path.split("/")[1] for photo in photos}
    assert abs(len(users) - 168) <= 5
