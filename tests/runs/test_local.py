"""Steps that are done here: counted, refused where something is missing, and workers that end with whoever started them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from agerepro.config.loading import read_experiment
from agerepro.errors import CheckFailed, UserError
from agerepro.io import write_folder
from agerepro.runs import local
from agerepro.runs.layout import Run
from agerepro.runs.plan import RunOptions, make_plan

TINY = Path(__file__).parent / "tiny.yaml"


class Counted:
    """A Reporter that keeps how many folds were said to be done."""

    def __init__(self) -> None:
        self.counts: list[tuple[int, int]] = []

    def say(self, text: str) -> None:
        pass

    def count(self, what: str, done: int, total: int) -> None:
        pass

    def epoch(self, stage: str, log: object, *, fold: int | None, folds_done: int, folds: int) -> None:
        self.counts.append((folds_done, folds))


def test_progress_counts_the_asked_folds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "tiny" / "paper-0")
    for fold in (3, 4, 5):
        write_folder(run.fold_folder(0, fold), lambda place: (place / "x").touch(), made_by="settings")

    class Folds:  # stands in for the training of folds 1 and 2
        def run_all(self, folds: list[int], *, on_fold: Callable[..., None], on_epoch: Callable[..., None], wait: float) -> None:
            for fold in folds:
                on_epoch(fold, None)
                on_fold(fold, "done")

    experiment, reporter = read_experiment(TINY), Counted()
    monkeypatch.setattr("agerepro.training.folds.fold_runner", lambda *arguments, **options: Folds())
    monkeypatch.setattr(local, "task_of", lambda *arguments: (None, None))
    monkeypatch.setattr(local, "configure", lambda machine: None)
    monkeypatch.setattr(Run, "folds", lambda run: None)
    plan = SimpleNamespace(
        run=run, target=experiment.stages[-1], digest=lambda stage, seed: "settings", experiment=experiment, options=RunOptions(TINY)
    )
    local.do_folds(plan, 0, [1, 2, 3], reporter)  # type: ignore[arg-type]
    assert reporter.counts == [(1, 3), (2, 3), (3, 3)]


def test_a_step_whose_needs_are_not_done_is_refused_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    plan, reporter = make_plan(RunOptions(TINY, runs=tmp_path)), Counted()
    for kind, what in (("train", "imdb"), ("fold", "0")):
        with pytest.raises(CheckFailed, match="agerepro plan"):
            local.run_step(plan, kind, what, seed=0, reporter=reporter)
    for kind, what in (("prepare", "fgnett"), ("train", "imbd")):
        with pytest.raises(UserError, match=what):
            local.run_step(plan, kind, what, seed=0, reporter=reporter)
    assert not any(tmp_path.iterdir())
