"""The grid search: who may choose, and that a finished cell is never trained again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from agerepro.config.divisions import LeaveOneSubjectOut, RandomSplit
from agerepro.config.learning import SGD, Adam, Optimizer, RMSprop
from agerepro.config.loading import read_experiment
from agerepro.config.schema import Stage
from agerepro.errors import UserError
from agerepro.runs.grid import GridOptions, run_grid
from agerepro.training.grid import Grid, divisions, grid_folder
from agerepro.training.naming import stage_settings

TINY = Path(__file__).parents[1] / "runs" / "tiny.yaml"
PHOTOS = pd.DataFrame({"photo": [f"p{i}" for i in range(20)], "subject": [f"{i % 5}" for i in range(20)], "split": "", "group": ""})


def stage(**settings: object) -> Stage:
    return Stage(**{"name": "fgnet", "data": "fgnet", "epochs": 3, "batch_size": 8, "optimizer": Adam(0.01), **settings})  # type: ignore[arg-type]


def test_nobody_who_is_tested_takes_part_in_the_choice() -> None:
    for division in divisions(stage(protocol=LeaveOneSubjectOut(0.3)), PHOTOS, (0, 3), seed=0):
        tested = set(PHOTOS.loc[PHOTOS["subject"] == str(division.fold), "photo"])
        assert not tested & (division.training | division.validation)
        people = [set(PHOTOS.loc[PHOTOS["photo"].isin(side), "subject"]) for side in (division.training, division.validation)]
        assert not people[0] & people[1] and len(division.training | division.validation) == 16


def test_a_stage_with_a_split_is_judged_by_its_own_validation_part() -> None:
    (division,) = divisions(stage(split=RandomSplit(0.2)), PHOTOS, (0, 1, 2), seed=0)
    assert len(division.validation) == 4 and len(division.training) == 16 and not division.training & division.validation


def test_without_a_validation_part_or_with_a_fold_too_many_there_is_no_search() -> None:
    with pytest.raises(UserError, match="holds nothing out"):
        divisions(stage(protocol=LeaveOneSubjectOut(0.0)), PHOTOS, (0,), seed=0)
    with pytest.raises(UserError, match="folds 0 to 4, not 7"):
        divisions(stage(protocol=LeaveOneSubjectOut(0.3)), PHOTOS, (0, 7), seed=0)


def test_cells_of_two_optimizers_never_share_a_folder_whatever_their_rates(tmp_path: Path) -> None:
    experiment = read_experiment(TINY)

    def folder(optimizer: Optimizer) -> Path:
        searched = stage(optimizer=optimizer, protocol=LeaveOneSubjectOut(0.3))
        settings = stage_settings(experiment, searched, data="data", start="start", seed=0) | {"environment": {}}
        task: Any = SimpleNamespace(stage=searched, settings=settings)
        return grid_folder(tmp_path, experiment, task, Grid())

    others = [Adam(0.01, 0.5), SGD(0.01), SGD(0.01, momentum=0.9), RMSprop(0.01), RMSprop(0.01, momentum=0.9)]
    assert len({folder(optimizer) for optimizer in (Adam(0.01), *others)}) == 6
    assert folder(SGD(0.1)) == folder(SGD(0.01))
    assert folder(Adam(0.1)).name.endswith("-70d052d729a2")  # as named before there were other optimizers


class Silent:
    def __init__(self) -> None:
        self.epochs = 0

    def say(self, text: str) -> None:
        pass

    def count(self, what: str, done: int, total: int) -> None:
        pass

    def epoch(self, *arguments: object, **more: object) -> None:
        self.epochs += 1


def test_an_unknown_stage_is_a_users_error_with_the_near_name(tmp_path: Path) -> None:
    options = GridOptions(experiment=TINY, profile="paper", runs=tmp_path, stage="fgnett")
    with pytest.raises(UserError, match="Did you mean 'fgnet'"):
        run_grid(options, Silent())
