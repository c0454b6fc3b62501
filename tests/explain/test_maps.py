"""Maps by name: the same arrays as the functions behind the names, sensitivity maps no finer than they are smooth."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.explain.class_activation import class_activation_maps
from agerepro.explain.maps import FINEST, PIXELS, at_most, maps_of
from agerepro.explain.sensitivity import sensitivity_maps

Small = Callable[..., keras.Model]


def test_names_stand_for_their_functions(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model, square = small("pooled"), photos[:, :, :6]
    tall = keras.Model(model.input, model.output)
    for how in ("mean", "grad_cam"):
        expected = class_activation_maps(tall, photos, "conv", target=2, bins=bins, how=how)
        np.testing.assert_array_equal(maps_of(tall, photos, "conv", target=2, bins=bins, how=how), expected)
    pixels = keras.Input((6, 6, 3))
    narrow = keras.Model(pixels, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(pixels)))
    found = maps_of(narrow, square, PIXELS, target="expected_age", bins=bins, how="sensitivity", batch=2)
    np.testing.assert_array_equal(found, sensitivity_maps(narrow, square, bins=bins))


@pytest.mark.parametrize(("layer", "target"), [("conv", "expected_age"), (PIXELS, 2), (PIXELS, "predicted_class"), (PIXELS, np.array([1]))])
def test_pixels_have_no_layer_and_no_class(layer: str, target: str, small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    with pytest.raises(UserError, match="no layer and no other target"):
        maps_of(small("pooled"), photos[:1], layer, target=target, bins=bins, how="sensitivity")


def test_a_coarser_map_holds_the_means_of_what_it_covers() -> None:
    maps = np.random.default_rng(0).random((2, 2 * FINEST, 2 * FINEST)).astype(np.float32)
    blocks = maps.reshape(2, FINEST, 2, FINEST, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(at_most(maps, FINEST), blocks, rtol=1e-5)
    uneven = np.random.default_rng(1).random((1, 197, 197)).astype(np.float32)
    assert at_most(uneven, FINEST).shape == (1, FINEST, FINEST)
    np.testing.assert_allclose(at_most(uneven, FINEST).mean(), uneven.mean(), rtol=1e-3)
    assert at_most(maps[:0], FINEST).shape == (0, FINEST, FINEST) and at_most(blocks, FINEST) is blocks
