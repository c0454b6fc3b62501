"""The batch-norm layer against NumPy, frozen and not, and what freezing a backbone does to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.models.build import Network, build_network
from agerepro.models.layers import LEAST_VARIANCE, BatchNorm, Dropout, Frozen, GlobalStdPooling2D, PaddedAdd, Scale, masks_of_device
from agerepro.models.weights import weights_as_arrays

EPSILON = 1e-2  # large: a forgotten one shows
MAPS = np.random.default_rng(0).normal(3, 2, (4, 5, 6, 3)).astype(np.float32)
WEIGHTS = {"gamma": [0.5, 1, 2], "beta": [-1, 0, 1], "moving_mean": [1, 2, 3], "moving_variance": [0.5, 1, 4]}
FROZEN: tuple[Frozen, ...] = ("inference", "batch_statistics")
CASES = list(itertools.product(FROZEN, (True, False), (True, False)))  # frozen option, trainable, training


@dataclass(frozen=True)
class Expected:
    """What the layer gives and keeps, in float64."""

    output: np.ndarray
    moving_mean: np.ndarray
    moving_variance: np.ndarray


def by_numpy(maps: np.ndarray, frozen: Frozen, *, trainable: bool, training: bool) -> Expected:
    """Ioffe and Szegedy 2015, with Keras's moving averages (momentum 0.99), and the two meanings of a frozen layer."""
    gamma, beta, moving_mean, moving_variance = (np.array(values, np.float64) for values in WEIGHTS.values())
    batch_mean, batch_variance = maps.astype(np.float64).mean((0, 1, 2)), maps.astype(np.float64).var((0, 1, 2))
    by_batch = training and (trainable or frozen == "batch_statistics")
    mean, variance = (batch_mean, batch_variance) if by_batch else (moving_mean, moving_variance)
    output = gamma * (maps - mean) / np.sqrt(variance + EPSILON) + beta
    if training and trainable:
        moving_mean = 0.99 * moving_mean + 0.01 * batch_mean
        moving_variance = 0.99 * moving_variance + 0.01 * batch_variance
    return Expected(output, moving_mean, moving_variance)


def layer_with_weights(frozen: Frozen, *, trainable: bool, dtype: str = "float32") -> BatchNorm:
    layer = BatchNorm(frozen, epsilon=EPSILON, dtype=dtype)
    layer.build(MAPS.shape)
    for name, values in WEIGHTS.items():
        getattr(layer, name).assign(values)
    layer.trainable = trainable
    return layer


@pytest.mark.parametrize(("frozen", "trainable", "training"), CASES)
def test_each_case_equals_numpy(frozen: Frozen, trainable: bool, training: bool) -> None:
    layer = layer_with_weights(frozen, trainable=trainable)
    expected = by_numpy(MAPS, frozen, trainable=trainable, training=training)
    np.testing.assert_allclose(layer(MAPS, training=training), expected.output, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), expected.moving_mean, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), expected.moving_variance, rtol=1e-6)


@pytest.mark.parametrize("frozen", FROZEN)
def test_vectors_without_gamma_and_beta_equal_numpy(frozen: Frozen) -> None:
    """As behind the fully connected layers of AlexNet."""
    vectors = np.random.default_rng(1).normal(3, 2, (6, 3)).astype(np.float32)
    layer = BatchNorm(frozen, epsilon=EPSILON, center=False, scale=False)
    layer.build(vectors.shape)
    mean, variance = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 4.0])
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    layer.trainable = False
    if frozen == "batch_statistics":
        mean, variance = vectors.mean(0), vectors.var(0)
    np.testing.assert_allclose(layer(vectors, training=True), (vectors - mean) / np.sqrt(variance + EPSILON), rtol=1e-5, atol=1e-5)


def test_the_cases_differ() -> None:
    outputs = {case: by_numpy(MAPS, case[0], trainable=case[1], training=case[2]).output for case in CASES}
    by_moving_averages = outputs["inference", False, True]
    assert np.abs(outputs["batch_statistics", False, True] - by_moving_averages).max() > 0.5
    np.testing.assert_array_equal(outputs["batch_statistics", False, False], by_moving_averages)
    np.testing.assert_array_equal(outputs["inference", True, True], outputs["batch_statistics", True, True])


@pytest.mark.parametrize("frozen", FROZEN)
@pytest.mark.parametrize("trainable", [True, False])
def test_half_precision_normalises_in_float32(frozen: Frozen, trainable: bool) -> None:
    """Squares of 300 do not fit into float16, and a mean of 300 leaves bfloat16 too few digits for the differences."""
    maps = np.round(300 + 4 * MAPS).astype(np.float16)
    layer = layer_with_weights(frozen, trainable=trainable, dtype="mixed_float16")
    normal = np.asarray(layer(maps, training=True))
    assert normal.dtype == np.float16 and {weight.dtype for weight in layer.weights} == {"float32"}
    expected = by_numpy(maps, frozen, trainable=trainable, training=True).output
    np.testing.assert_allclose(normal, expected, rtol=2e-3, atol=2e-3)


def test_its_settings_survive_serialisation() -> None:
    layer = BatchNorm("batch_statistics", epsilon=EPSILON, name="bn")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.frozen, again.epsilon, again.name) == ("batch_statistics", EPSILON, "bn")


def slim(frozen: Frozen) -> Network:
    backbone = Backbone(name="senet50", width=0.125, frozen_batch_norm=frozen)
    return build_network(backbone, Classification(), outputs={"logits": 3}, size=32, seed=0)


def train_once(network: Network, photos: np.ndarray) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.main.compile(optimizer=keras.optimizers.Adam(1e-2), loss=loss, run_eagerly=True)  # tracing takes longer than a few steps
    network.main.train_on_batch(photos, np.arange(len(photos)) % 3)


def test_the_option_changes_no_name_and_no_number_of_parameters() -> None:
    first, second = (weights_as_arrays(slim(frozen).full) for frozen in FROZEN)
    assert list(first) == list(second)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


@pytest.mark.parametrize("frozen", FROZEN)
def test_a_frozen_backbone_keeps_all_it_has_while_the_head_trains(frozen: Frozen) -> None:
    network, photos = slim(frozen), np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    layers = [layer for layer in network.backbone.layers if isinstance(layer, BatchNorm)]
    assert len(layers) == 53 and {layer.frozen for layer in layers} == {frozen}
    network.backbone.trainable = False
    before = weights_as_arrays(network.full)
    tested = np.asarray(network.backbone(photos, training=False))
    trained = np.asarray(network.backbone(photos, training=True))
    assert np.array_equal(tested, trained) == (frozen == "inference")
    train_once(network, photos)
    moved = {name for name, array in weights_as_arrays(network.full).items() if not np.array_equal(array, before[name])}
    assert moved == {"logits/kernel", "logits/bias"}


def test_a_backbone_that_trains_moves_its_averages() -> None:
    network, photos = slim("batch_statistics"), np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    before = weights_as_arrays(network.backbone)
    train_once(network, photos)
    after = weights_as_arrays(network.backbone)
    still = {name for name in before if name.endswith(("moving_mean", "moving_variance")) and np.array_equal(before[name], after[name])}
    assert not still


SIZES = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


def literal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    total = np.zeros(np.maximum(first.shape, second.shape))
    for term in (first, second):
        n, h, w, c = term.shape
        total[:n, :h, :w, :c] += term
    return total


@given(first=SIZES, second=SIZES)
@settings(max_examples=40, deadline=None)
def test_the_smaller_map_is_filled_with_zeros_at_its_end(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    maps = [random.normal(size=(2, *size)).astype(np.float32) for size in (first, second)]
    np.testing.assert_allclose(np.asarray(PaddedAdd()(maps)), literal(*maps), rtol=1e-6)


@pytest.mark.parametrize("photos", [None, 2])
def test_the_shape_is_known_before_the_numbers(photos: int | None) -> None:
    assert PaddedAdd().compute_output_shape([(photos, 3, 3, 8), (photos, 4, 2, 4)]) == (photos, 4, 3, 8)


def test_scale_multiplies_and_shifts_each_channel() -> None:
    layer = Scale()
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    np.testing.assert_array_equal(layer(x), x)
    layer.set_weights([np.array([2.0, 3.0]), np.array([1.0, -1.0])])
    np.testing.assert_array_equal(np.asarray(layer(x))[0, 1, 1], [6 * 2 + 1, 7 * 3 - 1])
    assert isinstance(keras.layers.deserialize(keras.layers.serialize(layer)), Scale)


def test_std_pooling_is_the_standard_deviation_over_space() -> None:
    maps = np.random.default_rng(0).normal(5, 3, (2, 4, 7, 3)).astype(np.float32)
    expected = np.sqrt(maps.reshape(2, 28, 3).std(axis=1) ** 2 + LEAST_VARIANCE)  # NumPy divides by the count, as we do
    pooled = keras.ops.convert_to_numpy(GlobalStdPooling2D()(maps))
    assert pooled.shape == GlobalStdPooling2D().compute_output_shape(maps.shape)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_std_pooling_takes_large_activations_in_half_precision() -> None:
    """The square of a difference of 1000 is infinite in float16."""
    maps = np.random.default_rng(0).choice([-1000.0, 1000.0], (2, 4, 7, 3)).astype(np.float16)
    pooled = keras.ops.convert_to_numpy(GlobalStdPooling2D(dtype="mixed_float16")(maps))
    assert pooled.dtype == np.float16
    np.testing.assert_allclose(pooled, maps.astype(np.float64).std(axis=(1, 2)), rtol=1e-3)


def test_a_flat_map_has_a_finite_slope() -> None:
    maps = keras.Input((3, 3, 2))
    model = keras.Model(maps, keras.layers.Dense(1)(GlobalStdPooling2D()(keras.layers.Conv2D(2, 1)(maps))))
    model.compile(optimizer="sgd", loss="mse")
    model.train_on_batch(np.ones((1, 3, 3, 2), np.float32), np.ones((1, 1), np.float32))
    assert all(np.isfinite(keras.ops.convert_to_numpy(weight)).all() for weight in model.weights)


NUMBERS = np.random.default_rng(2).normal(3, 1, (200, 500)).astype(np.float32)


def dropped(layer: Dropout) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(layer(NUMBERS, training=True), "float32")))


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_dropout_leaves_out_its_share_and_scales_the_rest_in_training_alone(rate: float, dtype: str) -> None:
    """Srivastava et al. 2014, with the scale in training, as Keras has it."""
    layer = Dropout(rate, seed=3, dtype=dtype)
    given = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(layer(NUMBERS), "float32")))
    np.testing.assert_array_equal(layer(NUMBERS), layer(NUMBERS, training=False))
    trained = dropped(layer)
    kept = trained != 0
    assert (given != 0).all() and given == pytest.approx(NUMBERS, rel=0.01)
    # Of 100,000 numbers: five standard deviations. Drawn in bfloat16 a tenth would be 0.102.
    assert abs((~kept).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / NUMBERS.size)
    np.testing.assert_allclose(trained[kept], given[kept] / (1 - rate), rtol=1e-6 if dtype == "float32" else 0.01)


def test_masks_of_dropout_depend_on_the_number_that_is_set_the_step_and_the_device_alone() -> None:
    layer, other = Dropout(0.5, seed=3), Dropout(0.5, seed=4)
    np.asarray(other(NUMBERS, training=True))
    for each in (layer, other):
        each.masks.begin(7)
    steps = [dropped(layer) for _ in range(3)]
    for mask in steps:
        np.testing.assert_array_equal(dropped(other), mask)
    with masks_of_device(0):
        layer.masks.begin(7)
        np.testing.assert_array_equal(dropped(layer), steps[0])
    with masks_of_device(1):
        layer.masks.begin(7)
        steps.append(dropped(layer))
    layer.masks.begin(9)
    for one, two in itertools.combinations([*steps, dropped(layer)], 2):
        assert 0.49 < ((one != 0) == (two != 0)).mean() < 0.51  # as independent ones


def test_where_dropout_stands_is_no_weight_and_has_one_name_in_every_process() -> None:
    keras.random.SeedGenerator(1)
    layer = Dropout(0.5, seed=3, name="dropout1")
    assert layer.weights == [] and [variable.path for variable in layer.variables] == ["dropout1_masks/seed_generator_state"]
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.rate, again.seed, again.name) == (0.5, 3, "dropout1")
