"""Random weights for a while, and all weights back after it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.explain.class_activation import class_activation_maps
from agerepro.explain.random_weights import random_weights
from agerepro.models.arrays import weights_as_arrays

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
    with pytest.raises(UserError, match=r"'flat' is no layer of .* with weights"), random_weights(small("dense"), seed=0, layers=["flat"]):
        pass
