"""A sweep: an experiment under one value after another of a setting, each a run of its own that shares what it can with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agerepro.config.loading import read_experiment
from agerepro.errors import UserError
from agerepro.runs.layout import Run
from agerepro.runs.plan import RunOptions, make_plan


@dataclass(frozen=True)
class Sweep:
    """One setting swept, all others as the file and `--set` say: its values, as they were written, and how each is run.

    own: the value among them that the experiment itself has; None where it has another. Its run is the experiment's own, with nothing
    changed, so that sweeps of several settings, and whoever runs the file, share it.
    """

    key: str
    values: tuple[str, ...]
    options: tuple[RunOptions, ...]
    own: str | None


def parse_over(text: str) -> tuple[str, tuple[str, ...]]:
    """`loss.mean.weight=0,0.1` -> (`loss.mean.weight`, (`0`, `0.1`)). UserError for other text and a value that is given twice."""
    key, equals, listed = text.partition("=")
    values = tuple(value.strip() for value in listed.split(","))
    if not (equals and key.strip() and all(values)):
        raise UserError(f"--over {text!r}: write KEY=VALUE,VALUE,..., for instance loss.mean.weight=0,0.1,0.2.")
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise UserError(f"--over {text!r}: the value {twice[0]} is given twice.")
    return key.strip(), values


def sweeps_of(options: RunOptions, over: Sequence[str]) -> list[Sweep]:
    """The sweeps of the texts `over`, each alone around what `options` say. UserError as `parse_over` and `read_experiment`, for a setting
    that is swept twice or set as well, and for an experiment that tells age groups apart."""
    experiment = read_experiment(options.experiment, profile=options.profile, settings=options.settings)
    if experiment.stages[-1].target.labels:
        raise UserError(f"{options.experiment} tells age groups apart: a sweep compares errors in years.")
    parsed = [parse_over(text) for text in over]
    keys = [key for key, _ in parsed]
    taken = [*keys, *(setting.partition("=")[0] for setting in options.settings)]
    for key in keys:
        if taken.count(key) > 1:
            raise UserError(f"The setting {key} is given more than once: sweep it by one --over, and leave it out of --set.")
    sweeps = []
    for key, values in parsed:
        own, each = None, []
        for value in values:
            settings = (*options.settings, f"{key}={value}")
            if read_experiment(options.experiment, profile=options.profile, settings=settings) == experiment:
                own, settings = value, options.settings
            each.append(replace(options, settings=settings))
        sweeps.append(Sweep(key, values, tuple(each), own))
    return sweeps


def options_of(sweeps: Sequence[Sweep]) -> list[RunOptions]:
    """What is to be run for the sweeps, each run once, however many sweeps it belongs to."""
    return list(dict.fromkeys(option for sweep in sweeps for option in sweep.options))


def run_of(options: RunOptions) -> Run:
    """Where a value's run lies, once it has begun."""
    run = make_plan(options).run
    assert run is not None  # its faces are prepared, and its weights are here
    return run
