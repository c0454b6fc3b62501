"""Preprocessing against its formulas, by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from agerepro.models.preprocessing import PLAIN, PREPROCESSING, Divisor, Preprocess

RED = np.array([[[[255, 0, 10]]]], np.uint8)


def test_vggface_1_is_bgr_minus_its_means() -> None:
    chosen = PREPROCESSING["vggface", "vgg16"]
    ours = Preprocess(chosen.order, chosen.means, chosen.divisor)(RED)
    np.testing.assert_allclose(np.asarray(ours)[0, 0, 0], [10 - 93.5940, 0 - 104.7624, 255 - 129.1863], rtol=1e-6)


@pytest.mark.parametrize("backbone", ["resnet50", "senet50"])
def test_vggface_2_is_bgr_minus_other_means(backbone: str) -> None:
    chosen = PREPROCESSING["vggface2", backbone]
    ours = Preprocess(chosen.order, chosen.means, chosen.divisor)(RED)
    np.testing.assert_allclose(np.asarray(ours)[0, 0, 0], [10 - 91.4953, 0 - 103.8827, 255 - 131.0912], rtol=1e-6)


def test_imagenet_of_vgg16_is_as_keras_has_it() -> None:
    chosen = PREPROCESSING["imagenet", "vgg16"]
    ours = Preprocess(chosen.order, chosen.means, chosen.divisor)(RED)
    np.testing.assert_allclose(np.asarray(ours)[0, 0, 0], [10 - 103.939, 0 - 116.779, 255 - 123.68], rtol=1e-6)
    theirs = keras.applications.vgg16.preprocess_input(RED.astype(np.float32))
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-6)


@pytest.mark.parametrize("backbone", ["vgg16_bn", "resnet50_v1_5"])
def test_imagenet_of_torchvision_has_a_divisor_for_each_channel(backbone: str) -> None:
    chosen = PREPROCESSING["imagenet", backbone]
    ours = np.asarray(Preprocess(chosen.order, chosen.means, chosen.divisor)(RED))
    theirs = (RED / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.abs(ours - theirs).max() < 1e-6


def test_dlib_is_rgb_minus_means_over_256() -> None:
    chosen = PREPROCESSING["dlib", "dlib_resnet"]
    ours = Preprocess(chosen.order, chosen.means, chosen.divisor)(RED)
    np.testing.assert_allclose(np.asarray(ours)[0, 0, 0], [(255 - 122.782) / 256, -117.001 / 256, (10 - 104.298) / 256], rtol=1e-6)


def test_plain_maps_grey_values_to_about_minus_two_to_two() -> None:
    ours = np.asarray(Preprocess(PLAIN.order, PLAIN.means, PLAIN.divisor)(RED))
    np.testing.assert_allclose(ours[0, 0, 0], [127.5 / 64, -127.5 / 64, -117.5 / 64], rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_it_stays_in_float32_under_any_policy(policy: str) -> None:
    layer = Preprocess("rgb", (0.0, 0.0, 0.0), 1.0, dtype=policy)
    assert keras.backend.standardize_dtype(layer(RED).dtype) == "float32"


@pytest.mark.parametrize("divisor", [4.0, (4.0, 5.0, 6.0)])
def test_its_settings_survive_serialisation(divisor: Divisor) -> None:
    layer = Preprocess("bgr", (1.0, 2.0, 3.0), divisor, name="preprocess")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.order, again.means, again.divisor) == ("bgr", (1.0, 2.0, 3.0), divisor)
    np.testing.assert_array_equal(again(RED), layer(RED))
