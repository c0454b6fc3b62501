"""What a run notes of its data sets, and its own crops found again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.faces.prepare import FaceDataset
from agerepro.faces.store import FaceStore, StoreWriter
from agerepro.io import write_folder, write_json
from agerepro.runs.data import count_ages, describe_overlaps, find_run_crops
from agerepro.runs.plan import RunOptions, make_plan
from agerepro.tables import AGES, CROPS, FACES, PHOTOS, coerce, write_table

PEOPLE = pd.DataFrame({"photo": ["fgnet/a.jpg", "fgnet/b.jpg"], "path": "", "subject": ["1", "2"], "age": [3.0, 40.0]})


def dataset(tmp_path: Path, name: str, **columns: object) -> FaceDataset:
    return FaceDataset(name, pd.DataFrame(columns), FaceStore(tmp_path / name), 64, "0", {})


def test_ages_are_counted_by_data_set_and_unknown_ones_left_out(tmp_path: Path) -> None:
    ages = {"people": [np.nan, np.nan], "imdb": [30.0, 4.0, 30.0], "fgnet": [4.0]}
    sets = [dataset(tmp_path, name, age=values) for name, values in ages.items()]
    assert coerce(count_ages(sets), AGES).to_numpy().tolist() == [["imdb", 4.0, 1], ["imdb", 30.0, 2], ["fgnet", 4.0, 1]]
    assert coerce(count_ages(sets[:1]), AGES).empty


def test_people_of_two_sets_are_counted_and_what_becomes_of_them_said(tmp_path: Path) -> None:
    sets = {
        "imdb": dataset(tmp_path, "imdb", subject=["Maria Callas", "Nobody Else"]),
        "agedb": dataset(tmp_path, "agedb", subject=["MariaCallas"]),
    }
    (kept,), (dropped,) = (describe_overlaps(sets, dropped=value) for value in (False, True))
    assert all(word in kept for word in ("1 people", "imdb", "agedb", "kept"))
    assert "left out" in dropped and "kept" not in dropped


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose faces lie in faces/fgnet-1."""
    folder = tmp_path / "runs" / "paper" / "experiment" / "demo-1"
    write_table(folder / "photos.csv", coerce(PEOPLE, PHOTOS), PHOTOS)
    (folder / "provenance.json").write_text(json.dumps({"data": {"fgnet": {"digest": "x", "prepared": "fgnet-1"}}}))
    return folder


def keep(faces: Path, prepared: str, store: str) -> None:
    """Prepared faces, whose crops say where they lie."""
    with StoreWriter(faces / "crops" / store) as writer:
        for number in range(2):
            writer.append(f"{store}{number}", f"{store} {number}".encode())
    images = [f"{store}0", f"{store}1"]
    index = FaceStore(faces / "crops" / store).index(images)

    def write(place: Path) -> None:
        rows = {"photo": PEOPLE["photo"], "image": images}
        write_table(place / "faces.csv", pd.DataFrame({**rows, "status": "ok", "found": 1, "left": [1.0, 2.0]}), FACES)
        shards = {"shard": [index[image][0] for image in images], "row": [index[image][1] for image in images]}
        write_table(place / "crops.csv", pd.DataFrame({**rows, **shards}), CROPS)
        write_json(place / "about.json", {"store": store})

    write_folder(faces / prepared, write)


def test_a_run_gets_its_own_crops_back_never_those_of_another_alignment(run: Path) -> None:
    faces = run.parents[2] / "faces"
    assert find_run_crops(run, "fgnet") is None
    keep(faces, "fgnet-2", "other")
    assert find_run_crops(run, "fgnet") is None
    keep(faces, "fgnet-1", "mine")
    crops = find_run_crops(run, "fgnet")
    assert crops is not None and crops.place == faces / "fgnet-1"
    assert [crops.store().read(key) for key in crops.photos["image"]] == [b"mine 0", b"mine 1"]
    assert crops.photos["cropped_left"].tolist() == [1.0, 2.0] and {"subject", "status", "left"} <= set(crops.photos.columns)
    (faces / "fgnet-1" / "faces.csv").unlink()
    assert find_run_crops(run, "fgnet") is None


def test_options_of_readers_reach_the_faces_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    tiny = Path(__file__).parent / "tiny.yaml"

    def faces(*settings: str) -> Path:
        chosen = ("stages.fgnet.data=appareal", "synthetic.appareal={people: 4}", *settings)
        return make_plan(RunOptions(tiny, runs=tmp_path, settings=chosen)).prepared["appareal"].place

    assert faces() == faces("reading.appareal.pictures=crops") != faces("reading.appareal.pictures=whole")
    for setting, words in (
        ("reading.appareal.picture=whole", "no option 'picture'. Did you mean 'pictures'"),
        ("reading.morph.inconsistent_people=dropp", "cannot be 'dropp'. Did you mean 'drop'"),
        ("reading.morf.inconsistent_people=drop", "no data set 'morf'. Did you mean 'morph'"),
    ):
        with pytest.raises(UserError, match=words):
            faces(setting)
