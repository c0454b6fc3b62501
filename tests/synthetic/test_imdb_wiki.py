"""The funnel's counts on a drawn IMDB and WIKI against the truth that the writer knows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from agerepro.config.schema import Synthetic
from agerepro.datasets import catalog
from agerepro.synthetic.imdb_wiki import SURVIVING
from agerepro.synthetic.writers import is_drawn, write

STEP_OF = {  # the step that must take each kind of noise away
    "invalid_date": "date of birth is a date",
    "impossible_age": "age 0 to 100",
    "low_score": "face score at least 1",
    "no_face": "face score at least 1",
    "second_face": "no second face",
    "no_gender": "gender known",
}


@pytest.mark.parametrize("name", ["imdb", "wiki"])
def test_every_step_takes_away_exactly_what_was_planted(tmp_path: Path, name: str) -> None:
    write(name, tmp_path / name, Synthetic(people=50, photos=100, size=64), jobs=1, on_progress=lambda done, total: None)
    truth = pd.read_csv(tmp_path / name / "synthetic-truth.csv", keep_default_na=False)
    planted = truth["kind"].value_counts()
    found = catalog.read(name, tmp_path)
    removed = {step.name: step.removed for step in found.funnel}
    expected = {step: sum(int(planted.get(kind, 0)) for kind, its in STEP_OF.items() if its == step) for step in set(STEP_OF.values())}
    assert {step: removed[step] for step in expected} == expected
    assert all(count > 0 for count in expected.values())
    assert set(planted.index) == {*STEP_OF, *SURVIVING}
    survivors = truth.loc[truth["kind"].isin(SURVIVING)].set_index("photo")
    assert sorted(found.table["path"]) == sorted(survivors.index)
    labels = survivors.loc[found.table["path"], "label_age"].astype(float)
    assert found.table["age"].tolist() == labels.tolist()


def test_both_parts_are_drawn_together_and_known_as_drawn(tmp_path: Path) -> None:
    root = tmp_path / "imdbwiki"
    write("imdbwiki", root, Synthetic(people=4, photos=40, size=64), jobs=1, on_progress=lambda done, total: None)
    photos = catalog.read("imdbwiki", tmp_path)
    steps = {step.name: step.kept for step in photos.funnel}
    assert (steps["imdb: rows in imdb.mat"], steps["wiki: rows in wiki.mat"]) == (35, 5)
    assert {path.partition("/")[0] for path in photos.table["path"]} == {"imdb", "wiki"} and photos.table["photo"].is_unique


def test_only_the_parts_marks_say_that_a_set_of_parts_is_drawn(tmp_path: Path) -> None:
    write("fgnet", tmp_path / "fgnet", Synthetic(people=1, photos=1, size=64), jobs=1, on_progress=lambda done, total: None)
    assert not is_drawn(tmp_path, parts=("imdb", "wiki"))
    write("wiki", tmp_path / "wiki", Synthetic(people=1, photos=1, size=64), jobs=1, on_progress=lambda done, total: None)
    assert is_drawn(tmp_path, parts=("imdb", "wiki"))
