"""Sensitivity maps: how much the predicted age moves with each pixel."""

from __future__ import annotations

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

from agerepro.explain.cam import to_unit
from agerepro.explain.gradients import full_precision, gradient
from agerepro.explain.targets import batches, check_target, score

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # grey from RGB [ITU-R BT.601; MATLAB's rgb2gray]
SIGMA = 2.5  # pixels of the network's input, 224 of them in agustsson2017


def pixel_gradients(model: keras.Model, images: np.ndarray, *, bins: np.ndarray, batch: int = 32) -> np.ndarray:
    """d predicted age / d pixel, years a grey value: (n, s, s, 3) RGB 0..255 -> (n, s, s, 3) float32.

    The predicted age is the expectation over the classes `bins`, or the years of a regression head (bins empty).
    """
    check_target("expected_age", bins, len(images))
    gradients = [np.empty((0, *images.shape[1:]), np.float32)]
    with full_precision(model):
        for rows in batches(len(images), batch):
            slopes = gradient(lambda pixels: score(model(pixels, training=False), "expected_age", bins, of="probability"), images[rows])
            gradients.append(keras.ops.convert_to_numpy(slopes))
    return np.concatenate(gradients)


def sensitivity_maps(model: keras.Model, images: np.ndarray, *, bins: np.ndarray, sigma: float = SIGMA, batch: int = 32) -> np.ndarray:
    """Heat maps in 0..1 of how much the predicted age depends on each pixel: (n, s, s, 3) RGB 0..255 -> (n, s, s) float32.

    agustsson2017, section IV-E: the RGB gradient mapped to grey, normalised, smoothed with a Gaussian of 2.5 pixels. The paper
    does not say how: ours is the luma of the signed gradient, its absolute value (0 is shown transparent, so it must mean "no
    matter"), divided by the photo's largest, then smoothed, the border repeated.
    """
    grey = np.abs(pixel_gradients(model, images, bins=bins, batch=batch) @ LUMA)
    return gaussian_filter(to_unit(grey), (0, sigma, sigma), mode="nearest")
