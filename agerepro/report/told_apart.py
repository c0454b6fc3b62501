"""Runs of one experiment with changed settings, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from agerepro.errors import UserError
from agerepro.report.run_result import RunResult


def told_apart(runs: Sequence[RunResult]) -> list[RunResult]:
    """The runs, those that share experiment and profile named with what `--set` changed: `vgg16-imdb, batch=32`.

    Runs of one experiment that were changed alike keep one name; `refuse_one_name` then refuses them.
    """
    times = Counter((run.experiment, run.profile) for run in runs)
    return [run if times[run.experiment, run.profile] == 1 else _renamed(run, _named(run)) for run in runs]


def refuse_one_name(runs: Sequence[RunResult]) -> None:
    """UserError where two runs share experiment and profile, since no table could tell them apart."""
    twice = [name for name, count in Counter((run.experiment, run.profile) for run in runs).items() if count > 1]
    if twice:
        raise UserError(f"Two runs are both named {twice[0][0]} ({twice[0][1]}). Name each run once.")


def _renamed(run: RunResult, name: str) -> RunResult:
    return replace(run, experiment=name, predictions=run.predictions.assign(experiment=name))


def _named(run: RunResult) -> str:
    # The last part of a key says enough: the banner has the whole.
    settings = (f"{key.rpartition('.')[2]}={value}" for key, _, value in (one.partition("=") for one in run.changed))
    return ", ".join([run.experiment, *settings])
