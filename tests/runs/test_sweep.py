"""Sweeps: which runs they are, and what is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from agerepro.config.loading import read_experiment
from agerepro.errors import UserError
from agerepro.runs.plan import RunOptions
from agerepro.runs.sweep import options_of, sweeps_of

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
OPTIONS = RunOptions(EXPERIMENTS / "pan2018" / "table2-mean-variance-se.yaml", "demo", settings=("seeds=[1]",))
BOTH = ("loss.mean.weight=0,0.1,0.2", "loss.variance.weight=0, 0.05")


def test_each_setting_is_swept_alone_and_the_own_values_are_one_run_with_nothing_changed() -> None:
    means, variances = sweeps_of(OPTIONS, BOTH)
    assert (means.own, variances.own) == ("0.2", "0.05") and variances.values == ("0", "0.05")
    assert means.options[2] == variances.options[1] == OPTIONS
    assert means.options[1].settings == ("seeds=[1]", "loss.mean.weight=0.1")
    assert len(options_of([means, variances])) == 4
    weights = [
        [loss.weight for loss in read_experiment(option.experiment, profile="demo", settings=option.settings).loss]
        for option in options_of([means, variances])
    ]
    assert weights == [[1, 0, 0.05], [1, 0.1, 0.05], [1, 0.2, 0.05], [1, 0.2, 0]]


def test_values_need_not_hold_the_own_one() -> None:
    (sweep,) = sweeps_of(OPTIONS, ["loss.mean.weight=0,1"])
    assert sweep.own is None and OPTIONS not in sweep.options


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (["loss.mean.weight"], "write KEY=VALUE,VALUE"),
        (["loss.mean.weight=0,,1"], "write KEY=VALUE,VALUE"),
        (["loss.mean.weight=0,1,0"], "the value 0 is given twice"),
        (["loss.mean.weight=0,1", "loss.mean.weight=2"], "loss.mean.weight is given more than once"),
        (["seeds=1,2"], "seeds is given more than once"),
        (["loss.maen.weight=0"], "Did you mean 'mean'"),
        (["loss.mean.weight=-1"], "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_swept_is_said_first(over: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        sweeps_of(OPTIONS, over)


def test_age_groups_are_not_swept() -> None:
    with pytest.raises(UserError, match="tells age groups apart"):
        sweeps_of(RunOptions(EXPERIMENTS / "koenig2019" / "adience.yaml"), ["seeds=[0]"])
