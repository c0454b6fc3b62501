"""Optimizers against their formulas in NumPy, two rates against one Adam whose steps are scaled by hand; the plateau against Keras' own
ReduceLROnPlateau, the other schedules against what is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.learning import SGD, Adam, Constant, Cosine, Optimizer, Plateau, RMSprop, Schedule, Steps
from agerepro.config.schema import Stage
from agerepro.training.optimizers import PlateauState, build_optimizer, next_rate

PHOTOS = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype(np.float32)
CLASSES = np.random.default_rng(1).integers(0, 3, 24)


class ScaledAdam(keras.optimizers.Adam):
    """Adam whose update of the convolution is asked for at `share` times the rate."""

    def __init__(self, learning_rate: float, share: float, slowed: list[keras.Variable]) -> None:
        super().__init__(learning_rate)
        self.share, self.slowed = share, slowed

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        slow = any(variable is known or variable is known.value for known in self.slowed)
        super().update_step(gradient, variable, learning_rate * self.share if slow else learning_rate)


def small_model(precision: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = pixels = keras.Input((6, 6, 3))
    for layer in (
        keras.layers.Conv2D(4, 3, activation="relu", name="conv", dtype=precision),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="relu", dtype=precision),
        keras.layers.Dense(3, dtype="float32"),
    ):
        x = layer(x)
    return keras.Model(pixels, x)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_two_rates_are_one_adam_with_scaled_steps_to_the_last_bit(precision: str, share: float) -> None:
    weights = []
    for two_rates in (True, False):
        model = small_model(precision)
        slowed = model.get_layer("conv").trainable_variables
        optimizer: Any = ScaledAdam(0.003, share, slowed)
        if two_rates:
            optimizer = build_optimizer(Adam(0.003, share), [variable.path for variable in slowed])
        if precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        start = model.get_weights()
        for rate in (0.003, 0.0015):
            model.optimizer.learning_rate = rate
            model.fit(PHOTOS, CLASSES, batch_size=8, epochs=2, shuffle=False, verbose=0)
            assert float(np.asarray(model.optimizer.learning_rate)) == np.float32(rate)
        weights.append(model.get_weights())
        assert all((after != before).any() for after, before in zip(weights[-1], start, strict=True))
    for ours, expected in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


def sgd_by_hand(settings: SGD, weights: np.ndarray, gradients: list[np.ndarray], rates: list[float]) -> np.ndarray:
    """Sutskever et al. 2013, equations 1 to 4, in the form that keeps the point where the gradient is taken; decay apart from both."""
    velocity = np.zeros_like(weights)
    for gradient, rate in zip(gradients, rates, strict=True):
        weights = weights - rate * settings.weight_decay * weights
        velocity = settings.momentum * velocity - rate * gradient
        weights = weights + (settings.momentum * velocity - rate * gradient if settings.nesterov else velocity)
    return weights


def rmsprop_by_hand(settings: RMSprop, weights: np.ndarray, gradients: list[np.ndarray], rates: list[float]) -> np.ndarray:
    """Hinton's lecture 6, slide 29, with epsilon under the root; momentum of the steps."""
    mean_square, velocity = np.zeros_like(weights), np.zeros_like(weights)
    for gradient, rate in zip(gradients, rates, strict=True):
        mean_square = settings.rho * mean_square + (1 - settings.rho) * gradient**2
        velocity = settings.momentum * velocity + rate * gradient / np.sqrt(mean_square + settings.epsilon)
        weights = weights - velocity
    return weights


def adam_by_hand(settings: Adam, weights: np.ndarray, gradients: list[np.ndarray], rates: list[float]) -> np.ndarray:
    """Kingma and Ba 2015, the more efficient order of section 2, with epsilon hat."""
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights = weights - rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * first / (np.sqrt(second) + 1e-7)
    return weights


BY_HAND: dict[type, Any] = {SGD: sgd_by_hand, RMSprop: rmsprop_by_hand, Adam: adam_by_hand}


@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize(
    "settings",
    [
        SGD(0.01),
        SGD(0.01, momentum=0.9),
        SGD(0.01, momentum=0.9, nesterov=True),
        SGD(0.01, momentum=0.9, weight_decay=0.5),
        RMSprop(0.01),
        RMSprop(0.01, rho=0.7, momentum=0.5, epsilon=0.001),
        Adam(0.01),
    ],
    ids=str,
)
def test_steps_at_both_rates_are_those_of_the_formula(settings: Optimizer, share: float) -> None:
    rng = np.random.default_rng(2)
    settings = replace(settings, backbone_lr_multiplier=share)
    start = {name: rng.normal(size=5) for name in ("backbone", "head")}
    gradients = {name: list(rng.normal(size=(6, 5))) for name in start}
    rates = [0.01, 0.01, 0.01, 0.001, 0.001, 0.001]  # a schedule leaves moments as they are
    variables = {name: keras.Variable(values, name=name) for name, values in start.items()}
    optimizer = build_optimizer(settings, [variables["backbone"].path])
    optimizer.build(list(variables.values()))
    for step, rate in enumerate(rates):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradients[name][step], "float32") for name in variables])
    for name, variable in variables.items():
        own = [rate * (share if name == "backbone" else 1) for rate in rates]
        expected = BY_HAND[type(settings)](settings, start[name], gradients[name], own)
        np.testing.assert_allclose(np.asarray(variable), expected, rtol=1e-5, atol=1e-6)
        assert np.abs(expected - start[name]).max() > 0.001 * share


def test_what_a_checkpoint_knows_of_adam_is_called_as_ever() -> None:
    weights = [keras.Variable(np.zeros(2), name=name) for name in ("backbone", "head")]
    optimizer = build_optimizer(Adam(0.01), [weights[0].path])
    optimizer.build(weights)
    # As written by version 0.2: by these names a training that was stopped then goes on.
    assert sorted(variable.path for variable in optimizer.variables) == [
        "slow/backbone_momentum",
        "slow/backbone_velocity",
        "slow/iteration",
        "slow/learning_rate",
        "two_rate_adam/iteration",
        "two_rate_adam/learning_rate",
        "usual/head_momentum",
        "usual/head_velocity",
        "usual/iteration",
        "usual/learning_rate",
    ]


def stage(schedule: Schedule | Constant | None, *, rate: float = 1.0, epochs: int = 20) -> Stage:
    return Stage(name="a", data="fgnet", epochs=epochs, batch_size=8, optimizer=SGD(rate), schedule=schedule)


def rates_of(stage: Stage, losses: list[float | None]) -> list[float]:
    """The rate of each epoch, and of the one after the last."""
    state, rates = PlateauState(), [stage.optimizer.learning_rate]
    for epoch, loss in enumerate(losses, 1):
        state, rate = next_rate(stage, state, epochs_done=epoch, rate=rates[-1], validation_loss=loss)
        rates.append(rate)
    return rates


@given(losses=st.lists(st.floats(0, 2, width=32), min_size=1, max_size=20), patience=st.integers(1, 4))
def test_the_rate_is_that_of_keras_reduce_lr_on_plateau(losses: list[float], patience: int) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=patience, min_lr=0.0)
    callback.set_model(model)
    callback.on_train_begin()
    rates = rates_of(stage(Plateau(patience)), list(losses))
    for epoch, (loss, rate) in enumerate(zip(losses, rates[1:], strict=True)):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        assert rate == float(np.asarray(model.optimizer.learning_rate))


@pytest.mark.parametrize("schedule", [None, Constant()])
def test_without_a_schedule_the_rate_stays(schedule: Constant | None) -> None:
    constant = stage(schedule)
    assert constant == stage(None)
    assert set(rates_of(constant, [1.0, 2.0, 3.0, float("nan"), None])) == {1.0}


def test_a_plateau_waits_where_nothing_is_held_out() -> None:
    assert set(rates_of(stage(Plateau(1)), [None] * 3)) == {1.0}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Steps(every=10), [0.001] * 10 + [0.0001] * 10),  # pan2018, AlexNet
        (Steps(every=15), [0.001] * 15 + [0.0001] * 5),  # pan2018, VGG-16
        (Steps(at=(10, 15)), [0.001] * 10 + [0.0001] * 5 + [0.00001] * 5),  # teh2018
        (Steps(at=(2, 3), factor=0.5), [0.001] * 2 + [0.0005] + [0.00025] * 17),
    ],
    ids=str,
)
def test_steps_fall_after_the_epochs_that_they_name(schedule: Steps, expected: list[float]) -> None:
    assert rates_of(stage(schedule, rate=0.001), [None] * 19) == pytest.approx(expected)


@pytest.mark.parametrize("to", [0.0, 0.01])
def test_the_cosine_is_its_closed_form_an_epoch(to: float) -> None:
    rates = rates_of(stage(Cosine(to), rate=0.1, epochs=8), [5.0] * 8)
    # Loshchilov and Hutter 2017, equation 5: T_cur is the epochs that are done, T_i all of them.
    assert rates == pytest.approx([to + 0.5 * (0.1 - to) * (1 + np.cos(np.pi * done / 8)) for done in range(9)])
    assert rates[0] == 0.1 and rates[4] == pytest.approx((0.1 + to) / 2) and rates[8] == pytest.approx(to)
    keras_decay = keras.optimizers.schedules.CosineDecay(0.1, 8, alpha=to / 0.1)
    assert rates == pytest.approx([float(keras_decay(done)) for done in range(9)], abs=1e-8)
