"""A run gets its own crops back, never those of another alignment or of other photos."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from agerepro.config.schema import Faces
from agerepro.faces.prepare import content_digest, store_folder
from agerepro.faces.store import StoreWriter
from agerepro.runs.data import find_run_crops
from agerepro.tables import FACES, PHOTOS, coerce, write_table

PEOPLE = pd.DataFrame(
    {"photo": ["fgnet/a.jpg", "fgnet/b.jpg"], "path": "", "subject": ["1", "2"], "age": [3.0, 40.0], "box_left": [1.0, 2.0]}
)
SETTINGS = Faces()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose crops have the keys `mine0` and `mine1`."""
    photos = coerce(PEOPLE.drop(columns="box_left"), PHOTOS)
    folder = tmp_path / "runs" / "paper" / "experiment" / "demo-1"
    write_table(folder / "photos.csv", photos, PHOTOS)
    digest = content_digest(photos.assign(image=["mine0", "mine1"]))
    (folder / "provenance.json").write_text(json.dumps({"data": {"fgnet": {"digest": digest}}}))
    return folder


def keep(store: Path, name: str) -> None:
    with StoreWriter(store) as writer:
        for number in range(2):
            writer.append(f"{name}{number}", f"{name} {number}".encode())
    rows = pd.DataFrame({"photo": PEOPLE["photo"], "status": "ok", "found": 1, "image": [f"{name}0", f"{name}1"]})
    write_table(store.parent / "faces.csv", rows, FACES)


def test_crops_are_known_by_what_they_show_wherever_they_lie(run: Path) -> None:
    faces = run.parents[2] / "faces"
    usual = store_folder(PEOPLE, SETTINGS, faces)
    assert find_run_crops(run, "fgnet", SETTINGS) is None
    keep(usual, "other")
    assert find_run_crops(run, "fgnet", SETTINGS) is None
    keep(faces / "fgnet-0123456789abcdef" / "store", "mine")
    found = find_run_crops(run, "fgnet", SETTINGS)
    assert found is not None and found.folder == faces / "fgnet-0123456789abcdef" / "store"
    assert [found.store().read(key) for key in found.photos["image"]] == [b"mine 0", b"mine 1"]
    assert {"subject", "status", "cropped_left", "left"} <= set(found.photos.columns)
