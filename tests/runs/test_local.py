"""What a run writes down about its data sets before anything trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from agerepro.config.loading import read_experiment
from agerepro.faces.prepare import FaceDataset
from agerepro.faces.store import FaceStore
from agerepro.runs.layout import Run
from agerepro.runs.local import RunContext, RunOptions, _count_ages, _do_folds
from agerepro.tables import AGES, coerce

TINY = Path(__file__).parent / "tiny.yaml"


def test_ages_are_counted_by_data_set_and_unknown_ones_left_out(tmp_path) -> None:
    def prepared(name: str, ages: list[float]) -> FaceDataset:
        return FaceDataset(name, pd.DataFrame({"age": ages}), FaceStore(tmp_path / name), 64, "0", {})

    sets = {"people": prepared("people", [np.nan, np.nan]), "imdb": prepared("imdb", [30.0, 4.0, 30.0]), "fgnet": prepared("fgnet", [4.0])}
    counted = coerce(_count_ages(sets), AGES)
    assert counted.to_numpy().tolist() == [["imdb", 4.0, 1], ["imdb", 30.0, 2], ["fgnet", 4.0, 1]]
    nothing = coerce(_count_ages({"people": sets["people"]}), AGES)
    assert nothing.empty


def test_progress_counts_the_asked_folds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[tuple[int, int]] = []

    class Folds:  # stands in for the training of folds 1 and 2; folds 3 to 5 were done before
        def run_all(self, folds: list[int], *, on_fold: Callable[..., None], on_epoch: Callable[..., None]) -> None:
            for fold in folds:
                on_epoch(fold, None)
                on_fold(fold, "done")

    class Told:
        def epoch(self, stage: str, log: object, *, fold: int, folds_done: int, folds: int) -> None:
            counts.append((folds_done, folds))

    experiment = read_experiment(TINY)
    monkeypatch.setattr("agerepro.training.folds.fold_runner", lambda *arguments, **options: Folds())
    monkeypatch.setattr(Run, "done", lambda run, seeds: [(0, fold) for fold in (3, 4, 5)])
    task = SimpleNamespace(stage=experiment.stages[-1])
    context = RunContext(experiment, Run(tmp_path / "tiny" / "paper-0"), {0: (task, None)}, pd.DataFrame())  # type: ignore[dict-item]
    _do_folds(context, 0, [1, 2, 3], RunOptions(TINY), Told())  # type: ignore[arg-type]
    assert counts == [(1, 3), (2, 3), (3, 3)]
