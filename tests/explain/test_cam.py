"""Maps stretched and scaled, by hand and beside Keras's own resizing."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification, Regression
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.explain.cam import class_activation_maps, map_layers, resize, to_unit
from agerepro.models.build import BACKBONES, build_network


def test_upsampling_by_hand() -> None:
    # Centres at 0.5 and 1.5 of 2; those of 4 lie at 0.25, 0.75, 1.25, 1.75 of it: edge, 1/4, 3/4, edge.
    found = resize(np.array([[[0.0, 4.0], [8.0, 12.0]]]), 4)
    assert found[0, 0].tolist() == [0, 1, 3, 4]
    assert found[0, :, 0].tolist() == [0, 2, 6, 8]
    assert resize(np.full((1, 1, 1), 3.0), 2).tolist() == [[[3, 3], [3, 3]]]


@pytest.mark.parametrize(("height", "width", "size"), [(3, 3, 48), (7, 7, 224), (5, 4, 13), (14, 14, 14)])
def test_upsampling_is_keras_bilinear(height: int, width: int, size: int) -> None:
    maps = np.random.default_rng(0).normal(size=(2, height, width)).astype(np.float32)
    resized = keras.ops.image.resize(maps[..., None], (size, size), interpolation="bilinear")
    np.testing.assert_allclose(resize(maps, size), keras.ops.convert_to_numpy(resized)[..., 0], atol=1e-5)


def test_unit_maps_are_what_lies_above_zero_over_the_largest() -> None:
    maps = np.array([[[-2.0, 1.0], [4.0, 0.0]], [[-1.0, -3.0], [0.0, -2.0]]])
    assert to_unit(maps).tolist() == [[[0, 0.25], [1, 0]], [[0, 0], [0, 0]]]


Small = Callable[..., keras.Model]
NO_BINS = np.empty(0, np.float32)


def map_of(model: keras.Model, photos: np.ndarray, layer: str) -> np.ndarray:
    found = keras.Model(model.input, model.get_layer(layer).output)(photos.astype(np.float32))
    return keras.ops.convert_to_numpy(found).astype(np.float64)


def softmax(logits: np.ndarray) -> np.ndarray:
    grown = np.exp(logits - logits.max())
    return grown / grown.sum()


def scored(logits: np.ndarray, target: str | int, how: str, bins: np.ndarray) -> float:
    """One photo's score, from the definitions."""
    if target == "expected_age":
        return float(softmax(logits) @ bins)
    number = int(np.argmax(logits)) if target == "predicted_class" else int(target)
    return float(softmax(logits)[number] if how == "mean" else logits[number])


def transcribed(head: Callable[[np.ndarray], float], one: np.ndarray, how: str) -> np.ndarray:
    """One photo's map (h, w) by loops: central differences of `head` at the map `one` (h, w, c), then the paper's sentence."""
    height, width, channels = one.shape
    slopes, step = np.zeros(one.shape), 1e-6
    for place in np.ndindex(*one.shape):
        moved = np.zeros(one.shape)
        moved[place] = step
        slopes[place] = (head(one + moved) - head(one - moved)) / (2 * step)
    found = np.zeros((height, width))
    for channel in range(channels):
        pooled = slopes[:, :, channel].sum() / (height * width)
        found += pooled * one[:, :, channel]
    return found / channels if how == "mean" else np.maximum(found, 0)


@pytest.mark.parametrize("how", ["mean", "grad_cam"])
@pytest.mark.parametrize("target", [2, "predicted_class", "expected_age"])
def test_maps_as_the_papers_say_by_finite_differences(small: Small, photos: np.ndarray, bins: np.ndarray, how: str, target: str | int):
    model = small("dense")
    (kernel, bias), (last, last_bias) = ([w.astype(float) for w in model.get_layer(name).get_weights()] for name in ("dense", "out"))

    def head(one: np.ndarray) -> float:
        return scored(np.maximum(one.reshape(-1) @ kernel + bias, 0) @ last + last_bias, target, how, bins)

    found = class_activation_maps(model, photos, "conv", target=target, bins=bins, how=how, batch=2)
    expected = np.stack([transcribed(head, one, how) for one in map_of(model, photos, "conv")])
    assert found.dtype == np.float32 and found.shape == (5, 4, 5) and np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("target", [3, "expected_age"])
def test_a_linear_head_on_means_has_its_closed_form(small: Small, photos: np.ndarray, bins: np.ndarray, target: str | int) -> None:
    model = small("pooled")
    maps, (weights, bias) = map_of(model, photos, "conv"), model.get_layer("out").get_weights()
    places = maps.shape[1] * maps.shape[2]
    probabilities = np.stack([softmax(one) for one in maps.mean(axis=(1, 2)) @ weights + bias])
    # d p_c / d z_j = p_c ([c = j] - p_j); z = W mean(A) + b.
    by_class = probabilities[:, :, None] * (weights.T[None] - (probabilities @ weights.T)[:, None, :])
    slopes = by_class[:, 3] if target == 3 else np.einsum("c,nck->nk", bins, by_class)
    found = class_activation_maps(model, photos, "conv", target=target, bins=bins, how="mean")
    np.testing.assert_allclose(found, (maps * slopes[:, None, None]).mean(axis=-1) / places, rtol=1e-4, atol=1e-7)
    if target == 3:  # Zhou et al. 2016: sum of w_k A_k, here over the number of places
        found = class_activation_maps(model, photos, "conv", target=3, bins=bins, how="grad_cam")
        np.testing.assert_allclose(found, np.maximum(maps @ weights[:, 3], 0) / places, rtol=1e-4, atol=1e-7)


def test_years_of_a_linear_head_have_their_closed_form(small: Small, photos: np.ndarray) -> None:
    model = small("pooled", outputs=1)
    maps, (weights, _) = map_of(model, photos, "conv"), model.get_layer("out").get_weights()
    found = class_activation_maps(model, photos, "conv", target="expected_age", bins=NO_BINS, how="mean")
    np.testing.assert_allclose(found, (maps * weights[:, 0]).mean(axis=-1) / 20, rtol=1e-5, atol=1e-7)  # 4 x 5 places


def test_a_layer_inside_a_residual_block_is_seen_alone(photos: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    pixels = keras.Input((6, 7, 3), name="pixels")
    around = keras.layers.Conv2D(4, 3, name="around")(pixels)
    inside = keras.layers.Conv2D(4, 1, use_bias=False, name="inside")(around)
    total = keras.layers.Add(name="sum")([around, inside])
    model = keras.Model(pixels, keras.layers.Dense(1, name="out")(keras.layers.GlobalAveragePooling2D()(total)))
    weights, kernel = model.get_layer("out").get_weights()[0][:, 0], model.get_layer("inside").get_weights()[0][0, 0]
    # By hand: years = w . mean(A + K^T A): the slope of the block's inner map is w / 20, that of its entry (w + K w) / 20.
    for layer, slope in (("inside", weights / 20), ("sum", weights / 20), ("around", (weights + kernel @ weights) / 20)):
        found = class_activation_maps(model, photos, layer, target="expected_age", bins=NO_BINS, how="mean")
        np.testing.assert_allclose(found, (map_of(model, photos, layer) * slope).mean(axis=-1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", ["mean", "grad_cam"])
def test_mixed_precision_changes_no_digit_of_a_map(small: Small, photos: np.ndarray, bins: np.ndarray, how: str) -> None:
    mixed, plain = small("dense", precision="mixed_float16"), small("dense")
    for one, other in zip(mixed.layers, plain.layers, strict=True):
        one.set_weights(other.get_weights())
    before = keras.ops.convert_to_numpy(mixed(photos))
    maps = [class_activation_maps(one, photos, "conv", target="expected_age", bins=bins, how=how) for one in (mixed, plain)]
    assert maps[0].dtype == np.float32
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-6, atol=1e-9)
    assert mixed.get_layer("conv").compute_dtype == "float16", "the network computes as before"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(mixed(photos)), before)
    assert not np.array_equal(before, keras.ops.convert_to_numpy(plain(photos))), "float16 does round here"


def test_a_probability_too_small_for_float16_still_has_a_map(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model = small("dense", precision="mixed_float16")
    kernel, bias = model.get_layer("out").get_weights()
    model.get_layer("out").set_weights([kernel, bias - np.array([25, 0, 0, 0, 0])])  # e^-25 = 1.4e-11; float16 ends at 6e-8
    assert np.abs(class_activation_maps(model, photos, "conv", target=0, bins=bins, how="mean")).max() > 0


def test_batches_change_nothing_and_each_photo_may_have_its_own_class(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model, numbers = small("dense"), np.array([4, 0, 3, 0, 1])
    together = class_activation_maps(model, photos, "conv", target=numbers, bins=bins, how="grad_cam", batch=2)
    for row, number in enumerate(numbers.tolist()):
        alone = class_activation_maps(model, photos[row : row + 1], "conv", target=number, bins=bins, how="grad_cam")
        np.testing.assert_allclose(together[row], alone[0], rtol=1e-5, atol=1e-8)
    assert class_activation_maps(model, photos[:0], "conv", target=1, bins=bins, how="mean").shape == (0, 4, 5)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_backbone_has_maps_at_every_stage(name: str) -> None:
    size = BACKBONES[name].smallest
    network = build_network(Backbone(name=name, width=0.125), Classification(), outputs={"logits": 5}, size=size, seed=0)
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    inner = map_layers(network.full)[len(map_layers(network.full)) // 2]
    for layer in {*network.stages, network.last_conv, inner}:
        found = class_activation_maps(network.main, pixels, layer, target="expected_age", bins=np.arange(5.0), how="mean")
        assert found.shape == (2, *network.full.get_layer(layer).output.shape[1:3])
        assert np.isfinite(found).all() and np.abs(found).max() > 0, layer


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_layer_used_at_two_sizes_is_cut_at_the_inputs_own(precision: str) -> None:
    head = Regression(features="stages", input_sizes=(48,))
    network = build_network(Backbone(name="vgg16", width=0.125), head, outputs={"years": 1}, size=64, precision=precision, seed=0)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    found = class_activation_maps(network.main, pixels, "conv1_2", target="expected_age", bins=NO_BINS, how="mean")
    assert found.shape == (1, 64, 64)


def test_wrong_layers_and_targets_are_refused(small: Small, photos: np.ndarray, bins: np.ndarray) -> None:
    model = small("dense")
    with pytest.raises(UserError, match=r"'convv'.*'conv'\?.*conv, scaled"):
        class_activation_maps(model, photos, "convv", target=0, bins=bins, how="mean")
    with pytest.raises(UserError, match="'dense'"):
        class_activation_maps(model, photos, "dense", target=0, bins=bins, how="mean")
    with pytest.raises(UserError, match=r"0 to 4.* 5"):
        class_activation_maps(model, photos, "conv", target=5, bins=bins, how="mean")
    with pytest.raises(UserError, match="5 photos"):
        class_activation_maps(model, photos, "conv", target=np.array([1, 2]), bins=bins, how="mean")
    for target in ("predicted_class", 0):
        with pytest.raises(UserError, match="expected_age"):
            class_activation_maps(small("pooled", outputs=1), photos, "conv", target=target, bins=NO_BINS, how="mean")
