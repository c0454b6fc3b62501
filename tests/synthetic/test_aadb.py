"""The drawn AADB: lists in the authors' form, and scores that the pictures bear out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from agerepro.config.schema import Synthetic
from agerepro.datasets import catalog
from agerepro.synthetic import aadb

Draw = Callable[..., Path]


def test_the_score_is_in_the_picture(drawn: Draw) -> None:
    root = drawn("aadb", people=60, size=64)
    table = catalog.read("aadb", root.parent).table
    assert len(table) == 60 and set(table["split"]) == {"train", "validation", "test"} and table["score"].between(0, 1).all()
    saturation, sharpness = [], []
    for path in table["path"]:
        picture = cv2.imread(str(root / path))
        saturation.append(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)[..., 1].mean())
        sharpness.append(np.abs(cv2.Laplacian(cv2.GaussianBlur(picture, (0, 0), 1.0), cv2.CV_32F)).mean())
    measures = np.column_stack([np.ones(60), saturation, sharpness])
    fitted = measures @ np.linalg.lstsq(measures, table["score"].to_numpy(), rcond=None)[0]
    assert np.corrcoef(fitted, table["score"])[0, 1] > 0.35


def test_raters_agree_with_the_quality_and_differ_a_little(tmp_path: Path) -> None:
    plan = aadb.plan(Synthetic(people=1000))
    plan.write_labels(tmp_path, [])
    lines = [line.split() for path in (tmp_path / "imgListFiles_label").iterdir() for line in path.read_text().splitlines()]
    scores = {name: float(score) for name, score in lines}
    assert len(scores) == 1000 and {round(score * 20) / 20 for score in scores.values()} == {round(score, 4) for score in scores.values()}
    quality = [aadb.quality(photo.subject.scene) for photo in plan.photos]
    assert 0.8 < np.corrcoef(quality, [scores[Path(photo.path).name] for photo in plan.photos])[0, 1] < 0.98
