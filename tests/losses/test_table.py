"""Every loss that an experiment can name has a function, and sums stay per example."""

from __future__ import annotations

import numpy as np

from agerepro.experiment.schema import LOSSES, AbsoluteError, CrossEntropy, SquaredError
from agerepro.losses.classes import cross_entropy
from agerepro.losses.table import LOSS, total
from agerepro.losses.years import absolute_error, squared_error

TARGET, YEARS, NONE = np.array([30.0, 2.0]), np.array([[33.0], [1.5]]), np.empty(0)


def test_every_loss_of_the_schema_has_its_function() -> None:
    assert {LOSSES[name]: name for name in LOSSES} == {kind: function.__name__ for kind, function in LOSS.items()}


def test_one_loss_is_itself() -> None:
    assert LOSS[CrossEntropy] is cross_entropy
    np.testing.assert_array_equal(total([AbsoluteError()])(TARGET, YEARS, NONE), absolute_error(TARGET, YEARS, NONE))


def test_a_total_is_the_sum_per_example() -> None:
    both = np.asarray(total([SquaredError(), AbsoluteError()])(TARGET, YEARS, NONE))
    np.testing.assert_array_equal(both, np.asarray(squared_error(TARGET, YEARS, NONE)) + np.asarray(absolute_error(TARGET, YEARS, NONE)))
