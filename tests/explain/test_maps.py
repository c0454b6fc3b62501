"""Maps by name: the same arrays as the functions behind the names, sensitivity maps no finer than they are smooth."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from agerepro.errors import UserError
from agerepro.explain.cam import class_activation_maps
from agerepro.explain.maps import FADED, FINEST, PIXELS, STRONGEST, at_most, is_empty, map_colours, maps_of, overlay, rank_correlation
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


def test_a_map_is_empty_where_it_is_zero_everywhere() -> None:
    maps = np.zeros((3, 2, 2))
    maps[1, 0, 1] = -1e-30
    assert is_empty(maps).tolist() == [True, False, True] and is_empty(maps[:0]).tolist() == []


def test_grad_cam_of_one_output_that_everything_lowers_is_empty(small: Small, photos: np.ndarray) -> None:
    model = small("pooled", outputs=1)
    kernel, bias = model.get_layer("out").get_weights()
    model.get_layer("out").set_weights([-np.abs(kernel), bias])
    empty = {
        how: is_empty(maps_of(model, photos, "conv", target="expected_age", bins=np.empty(0), how=how)) for how in ("grad_cam", "mean")
    }
    assert empty["grad_cam"].all() and not empty["mean"].any()


def test_rank_correlation_is_spearmans() -> None:
    draw = np.random.default_rng(0)
    maps, others = draw.normal(size=(3, 5, 6)).round(1), draw.normal(size=(3, 5, 6)).round(1)  # rounded: with ties
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    np.testing.assert_allclose(rank_correlation(maps, others), expected, rtol=1e-12)


def test_only_the_order_of_pixels_counts() -> None:
    maps = np.random.default_rng(1).normal(size=(2, 4, 4))
    np.testing.assert_allclose(rank_correlation(maps, np.exp(3 * maps)), 1)
    np.testing.assert_allclose(rank_correlation(maps, -maps), -1)


def test_a_constant_map_has_no_ranks() -> None:
    maps = np.stack([np.zeros((2, 2)), np.arange(4.0).reshape(2, 2)])
    found = rank_correlation(maps, np.stack([maps[1], maps[1]]))
    assert np.isnan(found[0]) and found[1] == 1


FACE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def test_nothing_leaves_the_faded_grey_face() -> None:
    grey = 255 - (255 - FACE.astype(float).mean(axis=-1)) * FADED
    np.testing.assert_allclose(overlay(FACE, np.zeros((2, 2)), 8), np.repeat(grey[..., None], 3, axis=-1), atol=0.5)


def test_the_strongest_place_is_all_but_covered_and_the_sign_gives_the_colour() -> None:
    black, heat = np.zeros((8, 8, 3), np.uint8), np.array([[4.0, 0.0], [0.0, -4.0]])
    found = overlay(black, heat, 8)
    grey = 255 * (1 - FADED)
    for place, end in (((0, 0), (0x6E, 0x26, 0x00)), ((7, 7), (0x00, 0x34, 0x5F))):
        np.testing.assert_allclose(found[place], [grey * (1 - STRONGEST) + STRONGEST * one for one in end], atol=0.51)
    # Only the sign and the share of the strongest place count.
    np.testing.assert_array_equal(overlay(black, heat * 1e-6, 8), found)


def test_levels_between_two_stops_are_between_their_colours() -> None:
    np.testing.assert_allclose(
        map_colours(np.array([-1.0, 0.0, 1.0, 1 / 6])), [[0, 52, 95], [255, 255, 255], [110, 38, 0], [255, 216.5, 172.5]]
    )
