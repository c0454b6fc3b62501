"""Sensitivity maps beside a linear network's weights, finite differences, and a literal transcription."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from agerepro.explain.maps import absolute_difference
from agerepro.explain.sensitivity import pixel_gradients, sensitivity_maps
from agerepro.explain.targets import scores_of

Small = Callable[..., keras.Model]
SIDE = 12


def linear(weights: np.ndarray) -> keras.Model:
    """Years = the sum of pixels times weights."""
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    model = keras.Model(pixels, keras.layers.Dense(1, use_bias=False, name="years")(keras.layers.Flatten()(pixels)))
    model.get_layer("years").set_weights([weights.reshape(-1, 1)])
    return model


def smoothed(heat: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian of sampled weights, summed over whole neighbourhoods; the border repeated. Reach: 4 sigma, as SciPy's."""
    reach = int(4 * sigma + 0.5)
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(heat, reach, mode="edge")
    found = np.zeros(heat.shape)
    for y, x in np.ndindex(*heat.shape):
        found[y, x] = (padded[y : y + 2 * reach + 1, x : x + 2 * reach + 1] * kernel).sum()
    return found


def test_map_of_a_linear_network_is_the_papers_sentence_on_its_weights() -> None:
    weights = np.random.default_rng(0).normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    photos = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    bins, model = np.empty(0, np.float32), linear(weights)
    np.testing.assert_allclose(pixel_gradients(model, photos, bins=bins), np.stack([weights, weights]), rtol=1e-6)
    grey = np.abs(0.299 * weights[..., 0] + 0.587 * weights[..., 1] + 0.114 * weights[..., 2])
    found = sensitivity_maps(model, photos, bins=bins)
    np.testing.assert_allclose(found[1], smoothed(grey / grey.max(), 2.5), rtol=1e-4, atol=1e-6)
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1


def test_gradient_of_the_expected_age_by_finite_differences(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model, step = small("dense"), 0.5  # grey values
    found = pixel_gradients(model, photos[:2], bins=bins, batch=1)
    steepest = np.argwhere(np.abs(found) > np.quantile(np.abs(found), 0.9))[:12]
    for place in map(tuple, steepest):
        moved = np.zeros((2, 6, 7, 3), np.float32)
        moved[place] = step
        ages = [scores_of(model, photos[:2] + sign * moved, target="expected_age", bins=bins)[place[0]] for sign in (1, -1)]
        assert abs((ages[0] - ages[1]) / (2 * step) - found[place]) < 0.05 * np.abs(found).max()


def test_mixed_precision_changes_no_digit(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    mixed, plain = small("dense", precision="mixed_float16"), small("dense")
    for one, other in zip(mixed.layers, plain.layers, strict=True):
        one.set_weights(other.get_weights())
    found = [pixel_gradients(one, photos, bins=bins) for one in (mixed, plain)]
    assert found[0].dtype == np.float32
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-9)


def test_difference_of_two_models_has_no_sign() -> None:
    one, other = np.array([[[0.2, 0.9]]]), np.array([[[0.5, 0.4]]])
    np.testing.assert_allclose(absolute_difference(one, other), [[[0.3, 0.5]]])
