"""The Python API: the examples of docs/api.md run, in order, on the cascade at a size for tests; and what a user's mistake says."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import agerepro
from agerepro.config.schema import Synthetic
from agerepro.synthetic import write

REPOSITORY = Path(__file__).parents[1]
TINY = REPOSITORY / "tests" / "runs" / "tiny.yaml"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def after_the_examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The names that the page's examples leave behind; its experiment is the tiny one, its photos and data sets are drawn."""
    place = tmp_path_factory.mktemp("api")
    write("fgnet", place / "datasets" / "fgnet", Synthetic(people=3, size=96), jobs=1, on_progress=lambda done, total: None)
    (place / "holiday").mkdir()
    for photo in sorted((place / "datasets" / "fgnet").rglob("*.JPG"))[:2]:
        (place / "holiday" / photo.name).write_bytes(photo.read_bytes())
    (place / "holiday" / "broken.jpg").write_bytes(b"no picture")
    names: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for example in EXAMPLES:
            code = example.replace('"experiments/koenig2019/vgg16-imdb-agedb.yaml", profile="demo"', repr(str(TINY)))
            exec(compile(code.replace("runs/koenig2019/vgg16-imdb-agedb", "runs/koenig2019/tiny"), "docs/api.md", "exec"), names)
    return names


def test_the_examples_of_the_page_run_and_agree_with_each_other(after_the_examples: dict[str, object]) -> None:
    names = after_the_examples
    run, predictions, scores = names["run"], names["predictions"], names["scores"]
    assert isinstance(run, agerepro.FinishedRun) and isinstance(predictions, pd.DataFrame) and isinstance(scores, pd.DataFrame)
    assert run.disclaimer == "paper: synthetic faces"
    errors = (predictions["age"] - predictions["predicted"]).abs()
    assert scores.loc[("macro", "mae"), "value"] == pytest.approx(errors.groupby(predictions["fold"]).mean().mean())
    assert names["mean_absolute_error"](names["ages"], names["predicted"]) == pytest.approx(errors.mean())  # type: ignore[operator]
    assert names["stages"] == ["people", "imdb", "agedb", "fgnet"] and names["backbone"] == "vgg16"


def test_photos_are_answered_row_by_row_and_a_broken_one_has_its_reason(after_the_examples: dict[str, object]) -> None:
    answers = after_the_examples["answers"]
    assert isinstance(answers, pd.DataFrame) and len(answers) == 3
    good = answers[answers["status"] == "ok"]
    assert len(good) == 2 and (good["low"] <= good["age"]).all() and (good["age"] <= good["high"]).all()
    assert answers.loc[answers["photo"].str.contains("broken"), "status"].item() != "ok"


def test_folds_of_the_page_are_those_of_its_protocols(after_the_examples: dict[str, object]) -> None:
    folds, alone = after_the_examples["folds"], after_the_examples["one_a_person"]
    assert isinstance(folds, pd.DataFrame) and isinstance(alone, pd.DataFrame)
    assert (folds["fold"].nunique(), alone["fold"].nunique()) == (2, 3)


def test_a_place_without_a_run_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(agerepro.UserError, match=re.escape(str(tmp_path))):
        agerepro.load(tmp_path)
