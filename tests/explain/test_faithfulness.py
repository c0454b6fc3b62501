"""Deletion and insertion curves of a score that is a weighted sum of pixels, by hand."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.explain.cam import class_activation_maps
from agerepro.explain.faithfulness import (
    CORRELATION,
    MORE_THAN_RANDOM,
    STEPS,
    area,
    areas,
    blurred,
    check_summary,
    closeness,
    compare_with_random,
    curve_table,
    curves,
    grey,
    median_over_people,
    of_check,
    random_maps,
    random_weights,
    smooth_noise,
)
from agerepro.models.weights import weights_as_arrays

WEIGHTS = np.array([[4.0, 0.0], [1.0, 3.0]])  # of four pixels; a photo of ones scores 8


def weighted(images: np.ndarray) -> np.ndarray:
    return (images[..., 0] * WEIGHTS).sum(axis=(1, 2))


def test_curves_by_hand() -> None:
    ones, zeros = np.ones((1, 2, 2, 3)), np.zeros((1, 2, 2, 3))
    down = curves(weighted, ones, WEIGHTS[None], order="deletion", start=zeros, steps=4)
    up = curves(weighted, ones, WEIGHTS[None], order="insertion", start=zeros, steps=4)
    assert down.tolist() == [[8, 4, 1, 0, 0]]  # 4, 3, 1, 0 go in turn
    assert up.tolist() == [[0, 4, 7, 8, 8]]
    # Trapezoids of a quarter: (8/2 + 4 + 1 + 0 + 0/2) / 4 and (0/2 + 4 + 7 + 8 + 8/2) / 4.
    assert area(down).tolist() == [9 / 4] and area(up).tolist() == [23 / 4]
    backwards = curves(weighted, ones, -WEIGHTS[None], order="deletion", start=zeros, steps=4)
    assert backwards.tolist() == [[8, 8, 7, 4, 0]]


def test_each_photo_goes_by_its_own_map_and_ties_in_reading_order() -> None:
    ones, zeros = np.ones((2, 2, 2, 3)), np.zeros((2, 2, 2, 3))
    found = curves(weighted, ones, np.stack([WEIGHTS, np.zeros((2, 2))]), order="deletion", start=zeros, steps=4)
    assert found.tolist() == [[8, 4, 1, 0, 0], [8, 4, 4, 3, 0]]


def test_a_map_of_what_counts_beats_random_maps() -> None:
    draw = np.random.default_rng(0)
    weights, images = draw.random((16, 16)) ** 4, np.ones((20, 16, 16, 3))

    def score(photos: np.ndarray) -> np.ndarray:
        return (photos[..., 0] * weights).sum(axis=(1, 2)) / weights.sum()

    true, noise = np.repeat(weights[None], 20, axis=0), random_maps(20, 16, seed=0, coarse=4)
    areas = [area(curves(score, images, maps, order="deletion", start=0 * images, steps=16)) for maps in (true, noise)]
    assert areas[0].max() < areas[1].min()
    assert areas[1].mean() == pytest.approx(0.5, abs=0.05)  # pixels at random: the score falls with the share that is left


def test_pictures_without_content() -> None:
    images = np.zeros((1, 4, 4, 3), np.uint8)
    images[0, :2] = 200, 100, 0
    assert grey(images).shape == images.shape and grey(images)[0, 3, 3].tolist() == [100, 50, 0]
    flat = blurred(np.full((1, 8, 8, 3), 9, np.uint8))
    assert flat.dtype == np.float32
    np.testing.assert_allclose(flat, 9, rtol=1e-6)
    edge = np.repeat((np.arange(224) >= 112) * np.float32(255), 3).reshape(1, 1, 224, 3).repeat(224, axis=1)
    assert blurred(edge)[0, 0, 122, 0] == pytest.approx(255 * 0.84, abs=4)  # half a sigma of ten off: the normal at 1.05 sigma


def test_noise_is_as_smooth_as_the_gaussian_makes_it() -> None:
    found = smooth_noise(4, 64, seed=3, sigma=2.5)
    np.testing.assert_array_equal(found, smooth_noise(4, 64, seed=3, sigma=2.5))
    inner = found[:, 8:-8, 8:-8] - 0.5
    # Neighbours of Gaussian-smoothed white noise correlate as exp(-d^2 / (4 sigma^2)).
    for distance in (1, 3):
        along = np.corrcoef(inner[:, :, :-distance].ravel(), inner[:, :, distance:].ravel())[0, 1]
        assert along == pytest.approx(np.exp(-(distance**2) / 25), abs=0.06)


def test_random_maps_are_named_by_their_seed() -> None:
    np.testing.assert_array_equal(random_maps(2, 8, seed=3, coarse=2), random_maps(2, 8, seed=3, coarse=2))
    assert not np.array_equal(random_maps(2, 8, seed=3, coarse=2), random_maps(2, 8, seed=4, coarse=2))


Small = Callable[..., keras.Model]


def wide() -> keras.Model:
    """Layers of every kind of weight, all of them away from their first values."""
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(64, 3, name="conv")(pixels)
    x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(pixels, keras.layers.Dense(40, name="out")(keras.layers.GlobalAveragePooling2D()(x)))
    model.set_weights([one + 5 for one in model.get_weights()])
    return model


def test_all_weights_are_as_before_training_and_come_back() -> None:
    model = wide()
    trained = weights_as_arrays(model)
    with random_weights(model, seed=0):
        inside = weights_as_arrays(model)
    assert inside["conv/kernel"].std() == pytest.approx(np.sqrt(2 / 27), rel=0.05)  # He: fan-in 3 x 3 x 3
    assert inside["out/kernel"].std() == pytest.approx(np.sqrt(2 / 64), rel=0.05)
    for name, first in (("conv/bias", 0), ("norm/gamma", 1), ("norm/beta", 0), ("norm/moving_mean", 0), ("norm/moving_variance", 1)):
        assert np.all(inside[name] == first), name
    for name, after in weights_as_arrays(model).items():
        np.testing.assert_array_equal(after, trained[name])


def test_the_same_seed_draws_the_same_and_only_named_layers_change() -> None:
    model = wide()
    drawn = []
    for seed, layers in ((0, None), (0, ["out"]), (1, ["out"])):
        with random_weights(model, seed=seed, layers=layers):
            drawn.append(weights_as_arrays(model))
    np.testing.assert_array_equal(drawn[0]["out/kernel"], drawn[1]["out/kernel"])
    assert not np.array_equal(drawn[1]["out/kernel"], drawn[2]["out/kernel"])
    np.testing.assert_array_equal(drawn[1]["conv/kernel"], weights_as_arrays(model)["conv/kernel"])


def test_weights_come_back_after_an_error() -> None:
    model = wide()
    trained = weights_as_arrays(model)
    with pytest.raises(RuntimeError), random_weights(model, seed=0):
        raise RuntimeError
    np.testing.assert_array_equal(weights_as_arrays(model)["conv/kernel"], trained["conv/kernel"])


def test_maps_of_random_weights_are_others(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model = small("dense")
    before = class_activation_maps(model, photos, "conv", target="expected_age", bins=bins, how="mean")
    with random_weights(model, seed=0):
        random = class_activation_maps(model, photos, "conv", target="expected_age", bins=bins, how="mean")
    after = class_activation_maps(model, photos, "conv", target="expected_age", bins=bins, how="mean")
    assert np.abs(random - before).max() > 0.1 * np.abs(before).max()
    np.testing.assert_array_equal(after, before)


def test_a_layer_without_weights_is_refused(small: Small) -> None:
    with pytest.raises(UserError, match="'flat'"), random_weights(small("dense"), seed=0, layers=["flat"]):
        pass


LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def some_photos(count: int) -> pd.DataFrame:
    people = [f"s{n // 2}" for n in range(count)]
    return pd.DataFrame({"photo": [f"p{n}" for n in range(count)], "subject": people, "age": 30.0})


def test_a_median_is_of_known_photos_and_its_interval_of_people() -> None:
    found = median_over_people(np.array([1.0, 2.0, np.nan, 9.0]), np.array(["a", "a", "b", "c"]))
    assert (found.value, found.n) == (2.0, 2)
    # By hand: of a and c, the draws are aa (median 1.5), ac and ca (2), cc (9).
    assert (found.low, found.high) == (1.5, 9.0)
    alone = median_over_people(np.array([1.0, 3.0]), np.array(["a", "a"]))
    assert alone.value == 2.0 and np.isnan(alone.low)
    assert np.isnan(median_over_people(np.array([np.nan]), np.array(["a"])).value)


def test_the_same_maps_correlate_fully_and_opposite_ones_only_without_sign() -> None:
    maps = np.random.default_rng(1).normal(size=(4, 3, 3))
    landmarks = np.repeat(LANDMARKS[None], 4, axis=0)
    table = compare_with_random(some_photos(4), maps, np.stack([maps, -maps]), landmarks)
    np.testing.assert_allclose(table.loc[table["draw"] == 0, "correlation"], 1)
    np.testing.assert_allclose(table.loc[table["draw"] == 1, "correlation"], -1)
    np.testing.assert_allclose(table["absolute_correlation"], 1)
    np.testing.assert_allclose(table["trained_relative"], table["random_relative"])


def test_closeness_is_minus_the_distance_from_the_untouched_photo() -> None:
    # One photo of 30 years; deletion moves it to 20 by the map, to 34 by the random one; insertion comes from there.
    scores = np.array([[[[30.0, 25, 20]], [[30.0, 31, 34]]], [[[20.0, 32, 30]], [[20.0, 20, 30]]]])
    assert closeness(scores).tolist() == [[[[0, -5, -10]], [[0, -1, -4]]], [[[-10, -2, 0]], [[-10, -10, 0]]]]


def test_areas_and_their_summary_by_hand() -> None:
    # Deletion: the map's curve falls at once to 0, the random one in a straight line from 1; insertion the other way round.
    line, at_once = np.linspace(1, 0, STEPS + 1), np.array([1.0] + [0.0] * STEPS)
    scores = np.stack([np.stack([[at_once] * 4, [line] * 4]), np.stack([[1 - at_once] * 4, [1 - line] * 4])])
    found = areas(scores)
    np.testing.assert_allclose(found[0], [[0.05] * 4, [0.5] * 4])  # a trapezoid of the first of ten steps; a triangle
    maps = np.random.default_rng(1).normal(size=(4, 3, 3))
    random = compare_with_random(some_photos(4), maps, np.stack([maps]), np.repeat(LANDMARKS[None], 4, axis=0))
    summary = check_summary(some_photos(4), random, found, unit="probability")
    assert of_check(summary, "deletion area, map less random").value == pytest.approx(-0.45)
    assert of_check(summary, "insertion area, map less random").value == pytest.approx(0.45)
    assert of_check(summary, CORRELATION).value == pytest.approx(1) and of_check(summary, MORE_THAN_RANDOM).value == pytest.approx(0)
    table = curve_table(some_photos(4), scores)
    assert len(table) == 2 * 2 * 4 * (STEPS + 1)
    part = table.query("order == 'deletion' and map == 'random' and photo == 'p3'")
    np.testing.assert_allclose(part["score"], 1 - part["share"])
