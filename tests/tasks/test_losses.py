"""Losses against their literal formulas, with gradients, and their sums."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from agerepro.config.learning import LOSSES, AbsoluteError, CrossEntropy, Loss, MeanLoss, SquaredError, VarianceLoss
from agerepro.tasks.losses import LOSS, absolute_error, cross_entropy, mean_loss, squared_error, total_loss, variance_loss

BINS = np.array([0.0, 3.0, 20.5, 69.0])
TARGET = np.array([69.0, 0.0, 20.5])
LOGITS = np.random.default_rng(0).normal(size=(3, 4)) * 3


def literal(target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    losses = []
    for age, row in zip(target, outputs, strict=True):
        probabilities = np.exp(row) / np.exp(row).sum()
        losses.append(-np.log(probabilities[list(bins).index(age)]))
    return np.array(losses)


def test_it_equals_the_formula() -> None:
    ours = np.asarray(cross_entropy(TARGET, LOGITS, BINS))
    assert ours.shape == (3,) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, literal(TARGET, LOGITS, BINS), rtol=1e-5)


def test_even_logits_cost_the_logarithm_of_the_classes_by_hand() -> None:
    np.testing.assert_allclose(np.asarray(cross_entropy(TARGET, np.zeros((3, 4)), BINS)), np.log(4), rtol=1e-6)


def test_its_gradient_is_that_of_the_formula_and_softmax_minus_target(gradient_of, central_differences) -> None:
    ours = gradient_of(cross_entropy, TARGET, LOGITS, BINS)
    np.testing.assert_allclose(ours, central_differences(literal, TARGET, LOGITS, BINS), atol=1e-5)
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, softmax - (TARGET[:, None] == BINS), atol=1e-5)


def test_targets_may_come_as_a_column() -> None:
    np.testing.assert_array_equal(cross_entropy(TARGET[:, None], LOGITS, BINS), cross_entropy(TARGET, LOGITS, BINS))


def test_very_large_logits_stay_finite() -> None:
    ours = np.asarray(cross_entropy(np.array([0.0, 3.0]), np.array([[1e4, 0, 0, 0], [1e4, 0, 0, 0]]), BINS))
    np.testing.assert_allclose(ours, [0, 1e4])


def test_half_precision_logits_are_computed_in_float32() -> None:
    half = keras.ops.cast(LOGITS, "bfloat16")
    ours = np.asarray(cross_entropy(TARGET, half, BINS))
    np.testing.assert_allclose(ours, literal(TARGET, np.asarray(keras.ops.cast(half, "float64")), BINS), rtol=1e-5)


@pytest.mark.parametrize("age", [1.0, 70.0, np.nan])
def test_a_target_that_is_no_class_gives_nan_not_zero(age: float) -> None:
    ours = np.asarray(cross_entropy(np.array([age, 3.0]), LOGITS[:2], BINS))
    assert np.isnan(ours[0]) and np.isfinite(ours[1])


NONE = np.empty(0)
TARGET_YEARS = np.array([30.0, 2.0, 60.0])
YEARS = np.array([[33.0], [1.5], [60.25]])
FORMULAS = [
    (squared_error, lambda target, outputs, bins: (outputs[:, 0] - target) ** 2, [9, 0.25, 0.0625], [6, -1, 0.5]),
    (absolute_error, lambda target, outputs, bins: np.abs(outputs[:, 0] - target), [3, 0.5, 0.25], [1, -1, 1]),
]


@pytest.mark.parametrize(("loss", "formula", "by_hand", "slopes"), FORMULAS)
def test_values_and_gradients(loss: Callable, formula, by_hand, slopes, gradient_of, central_differences) -> None:
    ours = np.asarray(loss(TARGET_YEARS, YEARS, NONE))
    assert ours.shape == (3,) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, by_hand)
    np.testing.assert_allclose(ours, formula(TARGET_YEARS, YEARS, NONE))
    gradient = gradient_of(loss, TARGET_YEARS, YEARS, NONE)
    np.testing.assert_allclose(gradient[:, 0], slopes, rtol=1e-5)
    np.testing.assert_allclose(gradient, central_differences(formula, TARGET_YEARS, YEARS, NONE), rtol=1e-5)


@pytest.mark.parametrize("loss", [squared_error, absolute_error])
def test_targets_may_come_as_a_column_years(loss: Callable) -> None:
    np.testing.assert_array_equal(loss(TARGET_YEARS[:, None], YEARS, NONE), loss(TARGET_YEARS, YEARS, NONE))


def test_every_loss_of_the_schema_has_its_function() -> None:
    names = {LOSSES[name]: name for name in LOSSES}
    assert names == {kind: function.__name__.removesuffix("_loss") for kind, function in LOSS.items()}


@pytest.mark.parametrize(
    ("settings", "function", "data"),
    [
        (CrossEntropy(), cross_entropy, (TARGET, LOGITS, BINS)),
        (SquaredError(), squared_error, (TARGET_YEARS, YEARS, NONE)),
        (AbsoluteError(), absolute_error, (TARGET_YEARS, YEARS, NONE)),
    ],
)
def test_a_total_of_one_loss_is_that_loss(settings: Loss, function: Callable, data: tuple[np.ndarray, ...]) -> None:
    target, outputs, bins = data
    np.testing.assert_array_equal(total_loss([settings], bins)(target, outputs), function(*data))


def test_a_total_is_the_sum_per_example_by_hand() -> None:
    both = np.asarray(total_loss([SquaredError(), AbsoluteError()], NONE)(TARGET_YEARS, YEARS))
    np.testing.assert_allclose(both, [9 + 3, 0.25 + 0.5, 0.0625 + 0.25])


def literal_moments(row: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, float, float]:
    """p, m and v of pan2018, equations 1 to 3, one example at a time."""
    p = np.exp(row) / sum(np.exp(z) for z in row)
    m = sum(j * p_j for j, p_j in zip(bins, p))
    return p, m, sum(p_j * (j - m) ** 2 for j, p_j in zip(bins, p))


def literal_mean_loss(target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.array([(literal_moments(row, bins)[1] - y) ** 2 / 2 for row, y in zip(outputs, target)])


def literal_variance_loss(target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    return np.array([literal_moments(row, bins)[2] for row in outputs])


def equation_11(target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """pan2018's gradient of the mean loss, of one example: N = 1."""
    rows = [(literal_moments(row, bins), y) for row, y in zip(outputs, target)]
    return np.array([[(m - y) * p_j * (j - m) for j, p_j in zip(bins, p)] for (p, m, _), y in rows])


def equation_14(target: np.ndarray, outputs: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """pan2018's gradient of the variance loss; its alpha is the variance."""
    rows = [literal_moments(row, bins) for row in outputs]
    return np.array([[p_j * ((j - m) ** 2 - alpha) for j, p_j in zip(bins, p)] for p, m, alpha in rows])


OF_THE_DISTRIBUTION = [(mean_loss, literal_mean_loss, equation_11), (variance_loss, literal_variance_loss, equation_14)]


@pytest.mark.parametrize(("loss", "formula", "gradient"), OF_THE_DISTRIBUTION)
def test_losses_of_the_distribution_and_their_gradients(loss, formula, gradient, gradient_of, central_differences) -> None:
    ours = np.asarray(loss(TARGET, LOGITS, BINS))
    assert ours.shape == (3,) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, formula(TARGET, LOGITS, BINS), rtol=1e-5)
    slopes = gradient_of(loss, TARGET, LOGITS, BINS)
    scale = np.abs(slopes).max()
    np.testing.assert_allclose(slopes, gradient(TARGET, LOGITS, BINS), atol=1e-5 * scale)
    np.testing.assert_allclose(slopes, central_differences(formula, TARGET, LOGITS, BINS), atol=1e-4 * scale)


@pytest.mark.parametrize(("loss", "formula", "gradient"), OF_THE_DISTRIBUTION)
def test_they_survive_large_logits_and_half_precision(loss, formula, gradient) -> None:
    sure = np.full((2, 4), -1e4)
    sure[0, 1] = sure[1, 3] = 1e4
    expected = {mean_loss: [0.0, (69.0 - 3.0) ** 2 / 2], variance_loss: [0.0, 0.0]}[loss]
    np.testing.assert_allclose(np.asarray(loss(np.array([3.0, 3.0]), sure, BINS)), expected)
    half = keras.ops.cast(LOGITS, "bfloat16")
    np.testing.assert_allclose(
        np.asarray(loss(TARGET, half, BINS)), formula(TARGET, np.asarray(keras.ops.cast(half, "float64")), BINS), rtol=1e-4
    )


def test_the_joint_loss_is_equation_6_of_the_paper() -> None:
    joint = total_loss([CrossEntropy(), MeanLoss(weight=0.2), VarianceLoss(weight=0.05)], BINS)(TARGET, LOGITS)
    expected = [
        -np.log(p[list(BINS).index(y)]) + 0.2 / 2 * (m - y) ** 2 + 0.05 * v
        for (p, m, v), y in ((literal_moments(row, BINS), y) for row, y in zip(LOGITS, TARGET))
    ]
    np.testing.assert_allclose(np.asarray(joint), expected, rtol=1e-5)


def test_a_loss_of_weight_nothing_is_left_out_and_a_unit_divides_what_is_squared() -> None:
    data = (TARGET, LOGITS)
    alone = total_loss([CrossEntropy()], BINS)(*data)
    np.testing.assert_array_equal(total_loss([CrossEntropy(), MeanLoss(weight=0), VarianceLoss(weight=0)], BINS)(*data), alone)
    for kind, loss in ((MeanLoss, mean_loss), (VarianceLoss, variance_loss)):
        by_unit = np.asarray(total_loss([kind(weight=1, unit=0.05)], BINS)(*data))
        np.testing.assert_allclose(by_unit, np.asarray(loss(TARGET, LOGITS, BINS)) * 400, rtol=1e-5)
