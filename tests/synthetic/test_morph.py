"""The drawn MORPH: its table, and the contradictions that were planted in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agerepro.config.schema import Synthetic
from agerepro.datasets import catalog
from agerepro.datasets import morph as reader
from agerepro.synthetic import morph


@pytest.fixture(scope="module")
def undrawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A data folder with a MORPH of 600 people with empty files for pictures; and its planned photos."""
    root = tmp_path_factory.mktemp("data") / "morph"
    plan = morph.plan(Synthetic(people=600))
    plan.write_labels(root, [])
    (root / "Album2").mkdir()
    for photo in plan.photos:
        (root / photo.path).touch()
    return root.parent, list(plan.photos)


def test_every_photo_has_its_row_and_its_name(undrawn: tuple[Path, list]) -> None:
    data, photos = undrawn
    read = catalog.read("morph", data)
    assert len(read.table) == len(photos) == round(600 * 55_134 / 13_617) and not read.skipped
    assert read.table["subject"].nunique() == 600 and read.table["age"].between(16, 77).all()
    assert set(read.table["ethnicity"]) == {"black", "white", "asian", "hispanic"} and set(read.table["gender"]) == {"m", "f"}
    ages = {photo.path: photo.label_age for photo in photos}
    assert read.table["age"].tolist() == [ages[path] for path in read.table["path"]]


def test_the_audit_finds_what_was_planted(undrawn: tuple[Path, list]) -> None:
    data, photos = undrawn
    planted = Counter(photo.kind for photo in photos)
    found = {finding.what: finding.count for finding in reader.audit(data / "morph")}
    assert found["people of two birth dates"] == planted["birth_date"] > 0
    assert found["people of two races"] == planted["race"] > 0 and found["people of two sexes"] == planted["sex"] > 0
    assert found["photos whose name says another sex or age"] == found["photos whose dates say another age"] == 0
    dropped = catalog.read("morph", data, reading={"inconsistent_people": "drop"})
    assert dropped.table["subject"].nunique() == 600 - found["people of whom any of these differs"]
