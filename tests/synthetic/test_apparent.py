"""People who look older or younger than they are: the drawn APPA-REAL and ChaLearn LAP beside what is known of life."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agerepro.config.schema import Synthetic
from agerepro.datasets import appareal, catalog
from agerepro.synthetic import apparent

Draw = Callable[..., Path]


@pytest.fixture(scope="module")
def undrawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an APPA-REAL of 1,500 people with empty files for pictures, since no reader opens them."""
    root = tmp_path_factory.mktemp("data") / "appareal"
    plan = apparent.plan_appareal(Synthetic(people=1500))
    plan.write_labels(root, [])
    for photo in plan.photos:
        (root / photo.path).parent.mkdir(parents=True, exist_ok=True)
        (root / photo.path).touch()
    return root.parent


def test_splits_are_in_the_real_shares(undrawn: Path) -> None:
    counts = catalog.read("appareal", undrawn).table["split"].value_counts()
    assert counts.to_dict() == {"train": 813, "validation": 296, "test": 391}


def test_the_young_look_older_the_old_younger_and_people_differ(undrawn: Path) -> None:
    table = catalog.read("appareal", undrawn).table
    more = table["apparent_age"] - table["age"]
    assert 3.5 < more.abs().mean() < 5.5  # agustsson2017, Table III: 4.573
    assert more[table["age"].between(18, 26)].mean() > 1 and more[table["age"] > 55].mean() < -1
    assert (more.abs() > 15).any() and np.corrcoef(table["age"], table["apparent_age"])[0, 1] > 0.85
    assert more[table["age"] < 5].abs().mean() < 2.5


def test_votes_scatter_and_make_the_averages(undrawn: Path) -> None:
    findings = {finding.what: finding for finding in appareal.audit(undrawn / "appareal")}
    assert 34 < findings.pop("votes").count / 1500 < 42  # agustsson2017: around 38 a photo
    assert all(finding.count == finding.expected == 1500 for finding in findings.values())
    assert 3.5 < catalog.read("appareal", undrawn).table["apparent_std"].mean() < 5


def test_the_face_is_drawn_as_old_as_it_looks() -> None:
    _, judged = apparent._judged("appareal", Synthetic(people=400), apparent.APPAREAL)
    looks = np.array([one.subject.age for one in judged])
    assert np.abs(looks - [one.mean() for one in judged]).mean() < 1.0
    assert np.abs(looks - [one.real_age for one in judged]).mean() > 3.0


def test_crops_and_whole_photos_show_the_same_people(drawn: Draw) -> None:
    root = drawn("appareal", people=6)
    pictures = {kind: catalog.read("appareal", root.parent, reading={"pictures": kind}).table for kind in ("crops", "whole")}
    assert len(pictures["crops"]) == len(pictures["whole"]) == 6 and all((root / path).is_file() for path in pictures["whole"]["path"])


@pytest.mark.parametrize("name", ["clap2015", "clap2016"])
def test_chalearn_lists_are_read_whole(name: str, drawn: Draw) -> None:
    photos = catalog.read(name, drawn(name, people=12).parent)
    assert len(photos.table) == 12 and not photos.skipped and set(photos.table["split"]) == {"train", "validation", "test"}
    assert photos.table["apparent_age"].between(0, 100).all() and photos.table["age"].isna().all()
