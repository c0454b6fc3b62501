"""AlexNet with batch norm against NumPy in float64, written from the published net's description alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.models.alexnet import SMALLEST
from agerepro.models.build import Network, build_network
from agerepro.models.layers import BatchNorm
from agerepro.models.pretrained import PRETRAINED, check_side
from agerepro.models.weights import load_strict, variables_by_name

# AlexNet_cvgj/deploy.prototxt: (outputs, kernel, stride, padding, groups, max-pool behind)
PUBLISHED = ((96, 11, 4, 0, 1, True), (256, 5, 1, 2, 2, True), (384, 3, 1, 1, 1, False), (384, 3, 1, 1, 2, False), (256, 3, 1, 1, 2, True))
EPSILON = 1e-5  # caffe.proto's default
PLAIN = (127.5, 64.0)  # the mean and divisor before a network without published weights
Tensors = dict[str, np.ndarray]


def convolution(maps: np.ndarray, kernel: np.ndarray, *, stride: int, padding: int, groups: int) -> np.ndarray:
    """A sum over the window, of each group of channels by itself."""
    padded = np.pad(maps, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    parts = zip(np.split(windows, groups, axis=3), np.split(kernel, groups, axis=3), strict=True)
    return np.concatenate([np.einsum("nhwcyx,yxco->nhwo", window, part, optimize=True) for window, part in parts], axis=3)


def max_pool(maps: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(4, 5))


def by_numpy(photos: np.ndarray, tensors: Tensors) -> dict[str, np.ndarray]:
    """Maps and vectors by layer."""
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def norm(x: np.ndarray, layer: str) -> np.ndarray:
        return (x - weights[f"{layer}_bn/moving_mean"]) / np.sqrt(weights[f"{layer}_bn/moving_variance"] + EPSILON)

    x = norm((photos.astype(np.float64) - PLAIN[0]) / PLAIN[1], "data") * weights["data_scale/gamma"] + weights["data_scale/beta"]
    seen = {}
    for n, (_, _, stride, padding, groups, pooled) in enumerate(PUBLISHED, start=1):
        x = convolution(x, weights[f"conv{n}/kernel"], stride=stride, padding=padding, groups=groups) + weights[f"conv{n}/bias"]
        x = seen[f"conv{n}_relu"] = np.maximum(norm(x, f"conv{n}"), 0)
        x = max_pool(x) if pooled else x
    x = x.reshape(len(x), -1)
    for layer in ("fc6", "fc7"):
        x = seen[f"{layer}_relu"] = np.maximum(norm(x @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"], layer), 0)
    return seen


def drawn(network: Network) -> Tensors:
    """Every tensor of the backbone by its kind: nothing is 0 or 1, so nothing can be left out unnoticed."""
    rng = np.random.default_rng(0)
    rules: dict[str, Any] = {
        "kernel": lambda shape: rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1])),
        "gamma": lambda shape: 1 + 0.1 * rng.normal(size=shape),
        "moving_variance": lambda shape: np.exp(0.2 * rng.normal(size=shape)),
    }
    other = lambda shape: 0.1 * rng.normal(size=shape)  # noqa: E731
    shapes = {name: tuple(variable.shape) for name, variable in variables_by_name(network.backbone).items()}
    return {name: rules.get(name.split("/")[1], other)(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("size", [SMALLEST, 227])
def test_every_layer_equals_numpy(size: int) -> None:
    network = build_network(Backbone(name="alexnet", width=0.125), Classification(), outputs={"logits": 3}, size=size, seed=0)
    tensors = drawn(network)
    load_strict(network.backbone, tensors, source="the test")
    photos = np.random.default_rng(1).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    expected = by_numpy(photos, tensors)
    probe = keras.Model(network.full.inputs[0], [network.full.get_layer(layer).output for layer in expected])
    for (layer, theirs), ours in zip(expected.items(), probe(photos), strict=True):
        assert theirs.shape == tuple(ours.shape) and theirs.std() > 0.05, layer
        assert np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(theirs), layer
    np.testing.assert_array_equal(network.backbone(photos), probe(photos)[-1])


def test_layers_and_parameters_are_the_published_ones() -> None:
    network = build_network(Backbone(name="alexnet"), Classification(), outputs={"logits": 1000}, size=227, seed=0)
    for n, (channels, kernel, stride, padding, groups, _) in enumerate(PUBLISHED, start=1):
        layer = network.full.get_layer(f"conv{n}")
        assert (layer.filters, layer.kernel_size, layer.strides, layer.groups) == (channels, (kernel,) * 2, (stride,) * 2, groups)
        assert layer.use_bias and layer.padding == ("valid" if padding == 0 else "same") and padding in (0, kernel // 2)
    norms = [layer for layer in network.full.layers if isinstance(layer, BatchNorm)]
    assert [layer.name for layer in norms] == [f"{name}_bn" for name in ("data", *(f"conv{n}" for n in range(1, 6)), "fc6", "fc7")]
    assert {(layer.epsilon, layer.momentum, layer.center, layer.scale) for layer in norms} == {(EPSILON, 0.9, False, False)}
    assert [network.full.get_layer(f"pool{n}").output.shape[1] for n in (1, 2, 5)] == [27, 13, 6]  # Caffe's, which rounds up
    trained = sum(int(np.prod(weight.shape)) for weight in network.full.trainable_weights)
    assert trained == 60_965_224 + 6  # Krizhevsky et al. 2012 ("60 million"), and the scale of the input's three channels
    assert network.backbone.count_params() == PRETRAINED["imagenet", "alexnet"].parameters
    assert network.stages == tuple(f"conv{n}_relu" for n in range(1, 6)) and network.last_conv == "conv5_relu"


def test_smaller_inputs_and_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match=f"alexnet.*{SMALLEST} pixels"):
        build_network(Backbone(name="alexnet", width=0.125), Classification(), outputs={"logits": 3}, size=SMALLEST - 1, seed=0)
    with pytest.raises(UserError, match=r"alexnet has no published weights 'vggface'.*imagenet, none"):
        build_network(Backbone(name="alexnet", weights="vggface"), Classification(), outputs={"logits": 3}, size=227, seed=0)
    with pytest.raises(UserError, match=r"'imagenet' fit alexnet at width 1 only"):
        build_network(Backbone(name="alexnet", weights="imagenet", width=0.5), Classification(), outputs={"logits": 3}, size=227, seed=0)


def test_published_weights_fit_pictures_whose_maps_are_those_of_the_published_net() -> None:
    def maps(size: int, rounding: Callable[[float], int]) -> list[int]:
        """Sides of the first convolution's map and behind each max-pool; Caffe rounds the latter up, Keras down."""
        sides = [(size - 11) // 4 + 1]
        for _ in range(3):
            sides.append(rounding((sides[-1] - 3) / 2) + 1)
        return sides

    fitting = PRETRAINED["imagenet", "alexnet"].sides
    assert list(fitting) == [size for size in range(67, 500) if maps(size, math.floor) == maps(size, math.ceil) == maps(227, math.ceil)]
    check_side("imagenet", "alexnet", 227)
    with pytest.raises(UserError, match=r"alexnet fit pictures of 227 to 230 pixels, not 224"):
        check_side("imagenet", "alexnet", 224)
    check_side("imagenet", "vgg16", 64)
