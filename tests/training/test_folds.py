"""What a fold is fitted on, and what is refused before any fold is begun."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agerepro.config.schema import Ridge
from agerepro.errors import UserError
from agerepro.training import folds as module
from agerepro.training.folds import RegressedFolds
from agerepro.training.stages import Init


def test_a_ridge_regression_is_fitted_on_training_and_validation_photos_and_tested_on_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"train": ["3", "1"], "validation": ["4"], "test": ["0", "2"]}
    folds = pd.DataFrame([{"fold": 0, "photo": photo, "part": part} for part, photos in parts.items() for photo in photos])
    data = SimpleNamespace(rows=lambda photos: np.array(sorted(int(photo) for photo in photos), int))
    experiment, features = SimpleNamespace(tta="none"), SimpleNamespace(shared=True, of=lambda fold: None)
    runner = RegressedFolds(experiment, SimpleNamespace(data=data), lambda fold: tmp_path, {}, folds, None, features, Ridge())  # type: ignore[arg-type]
    fitted: list[list[int]] = []

    def note(*arguments: Any, **more: Any) -> None:
        fitted.extend(rows.tolist() for rows in arguments[4])
        raise InterruptedError

    monkeypatch.setattr(module, "fit_folds", note)
    with pytest.raises(InterruptedError):
        runner.do(0, [0], lambda log: None, SimpleNamespace(tell=lambda text: None))  # type: ignore[arg-type]
    assert fitted == [[1, 3, 4]] and runner.rows(0)["test"].tolist() == [0, 2]


@pytest.mark.parametrize(("epochs", "fresh", "refused"), [(0, ("logits/kernel",), True), (0, (), False), (1, ("logits/kernel",), False)])
def test_what_nobody_has_trained_is_not_tested(epochs: int, fresh: tuple[str, ...], refused: bool) -> None:
    stage: Any = SimpleNamespace(name="last", epochs_trained=lambda: epochs)
    if not refused:
        module._check_is_trained(stage, Init("abc"), {"fresh": fresh})
        return
    with pytest.raises(UserError, match="'last' trains for 0 epochs, and abc does not give it its last layer"):
        module._check_is_trained(stage, Init("abc"), {"fresh": fresh})
