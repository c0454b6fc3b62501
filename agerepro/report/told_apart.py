"""Runs of one experiment with changed settings, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from agerepro.report.run_result import RunResult


def told_apart(runs: Sequence[RunResult]) -> list[RunResult]:
    """The runs, those that share experiment and profile named with what `--set` changed: `vgg16-imdb, batch=32`.

    Runs of one experiment that were changed alike keep one name; the table then refuses them.
    """
    times = Counter((run.experiment, run.profile) for run in runs)
    return [run if times[run.experiment, run.profile] == 1 else replace(run, experiment=_named(run)) for run in runs]


def _named(run: RunResult) -> str:
    # The last part of a key says enough: the banner has the whole.
    settings = (f"{key.rpartition('.')[2]}={value}" for key, _, value in (one.partition("=") for one in run.changed))
    return ", ".join([run.experiment, *settings])
