"""Squared and absolute error against their formulas, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.losses.table import LossFunction
from agerepro.losses.years import absolute_error, squared_error

NONE = np.empty(0)
TARGET = np.array([30.0, 2.0, 60.0])
YEARS = np.array([[33.0], [1.5], [60.25]])
FORMULAS = [
    (squared_error, lambda target, outputs, bins: (outputs[:, 0] - target) ** 2, [9, 0.25, 0.0625], [6, -1, 0.5]),
    (absolute_error, lambda target, outputs, bins: np.abs(outputs[:, 0] - target), [3, 0.5, 0.25], [1, -1, 1]),
]


@pytest.mark.parametrize(("loss", "formula", "by_hand", "slopes"), FORMULAS)
def test_values_and_gradients(loss: LossFunction, formula, by_hand, slopes, gradient_of, central_differences) -> None:
    ours = np.asarray(loss(TARGET, YEARS, NONE))
    assert ours.shape == (3,) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, by_hand)
    np.testing.assert_allclose(ours, formula(TARGET, YEARS, NONE))
    gradient = gradient_of(loss, TARGET, YEARS, NONE)
    np.testing.assert_allclose(gradient[:, 0], slopes, rtol=1e-5)
    np.testing.assert_allclose(gradient, central_differences(formula, TARGET, YEARS, NONE), rtol=1e-5)


@pytest.mark.parametrize("loss", [squared_error, absolute_error])
def test_targets_may_come_as_a_column(loss: LossFunction) -> None:
    np.testing.assert_array_equal(loss(TARGET[:, None], YEARS, NONE), loss(TARGET, YEARS, NONE))
