"""The Python API: the examples of docs/api.md run, in order, on the cascade at a size for tests; and what a user's mistake says."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agerepro
from agerepro.config.schema import Synthetic
from agerepro.synthetic import write

REPOSITORY = Path(__file__).parents[1]
TINY = REPOSITORY / "tests" / "runs" / "tiny.yaml"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


# What the tests look at, of the names that the examples leave behind.
KEPT = ("predictions", "scores", "answers", "folds", "one_a_person", "stages", "backbone", "disclaimer", "mae", "pooled")
PROGRAM = f"""
import pickle, sys
from pathlib import Path
names = {{}}
for example in pickle.loads(Path("examples").read_bytes()):
    exec(compile(example, "docs/api.md", "exec"), names)
names["disclaimer"] = names["run"].disclaimer
names["pooled"] = names["mean_absolute_error"](names["ages"], names["predicted"])
Path("names").write_bytes(pickle.dumps({{name: names[name] for name in {KEPT!r}}}))
"""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the page's examples leave behind; its experiment is the tiny one, its photos and data sets are drawn.

    In a process of its own, as a user's: TensorFlow can be set up once.
    """
    place = tmp_path_factory.mktemp("api")
    write("fgnet", place / "datasets" / "fgnet", Synthetic(people=3, size=96), jobs=1, on_progress=lambda done, total: None)
    (place / "holiday").mkdir()
    for photo in sorted((place / "datasets" / "fgnet").rglob("*.JPG"))[:2]:
        (place / "holiday" / photo.name).write_bytes(photo.read_bytes())
    (place / "holiday" / "broken.jpg").write_bytes(b"no picture")
    demo, tiny = '"experiments/koenig2019/vgg16-imdb-agedb.yaml", profile="demo"', repr(str(TINY))
    examples = [text.replace(demo, tiny).replace("runs/koenig2019/vgg16-imdb-agedb", "runs/koenig2019/tiny") for text in EXAMPLES]
    (place / "examples").write_bytes(pickle.dumps(examples))
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=place, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    return pickle.loads((place / "names").read_bytes())


def test_the_examples_of_the_page_run_and_agree_with_each_other(names: dict[str, Any]) -> None:
    assert names["disclaimer"] == "paper: synthetic faces"
    predictions, scores = names["predictions"], names["scores"]
    errors = (predictions["age"] - predictions["predicted"]).abs()
    by_fold = errors.groupby(predictions["fold"]).mean()
    assert scores.loc[("macro", "mae"), "value"] == pytest.approx(by_fold.mean()) == names["mae"]
    assert names["pooled"] == pytest.approx(errors.mean())
    assert names["stages"] == ["people", "imdb", "agedb", "fgnet"] and names["backbone"] == "vgg16"


def test_photos_are_answered_row_by_row_and_a_broken_one_has_its_reason(names: dict[str, Any]) -> None:
    answers = names["answers"]
    assert len(answers) == 3 and answers.loc[answers["photo"].str.contains("broken"), "status"].item() == "unreadable"
    good = answers[answers["status"] == "ok"]
    assert len(good) == 2 and (good["low"] <= good["age"]).all() and (good["age"] <= good["high"]).all()


def test_folds_of_the_page_are_those_of_its_protocols(names: dict[str, Any]) -> None:
    assert (names["folds"]["fold"].nunique(), names["one_a_person"]["fold"].nunique()) == (2, 3)


def test_a_place_without_a_run_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(agerepro.UserError, match=re.escape(str(tmp_path))):
        agerepro.load(tmp_path)
