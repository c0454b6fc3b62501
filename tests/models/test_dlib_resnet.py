"""dlib's network against dlib 20.0.1 with the real file (skipped where the package with the file is not installed)."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification, Regression
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.models.build import Network, build_network
from agerepro.models.dlib_file import DESCRIPTOR, block_names, read_dlib_file
from agerepro.models.weights import load_published, variables_by_name

DLIB = Backbone(name="dlib_resnet", weights="dlib")
LAYER = {"conv1_raw": "conv1", "conv1": "conv1_relu", "maxpool": "pool1"} | {name: f"{name}_relu" for name, _, _ in block_names()}
MEANS = np.array([122.782, 117.001, 104.298], np.float32)


@pytest.fixture(scope="module")
def network(dlib_path: Path) -> Network:
    network = build_network(DLIB, Regression(features="stages"), outputs={"years": 1}, size=150, seed=0)
    load_published(DLIB, network, folder=None)
    return network


@pytest.fixture(scope="module")
def pooled(network: Network) -> keras.Model:
    """Chips -> the 256 pooled features."""
    mean = keras.layers.GlobalAveragePooling2D()(network.full.get_layer(network.last_conv).output)
    return keras.Model(network.full.inputs[0], mean)


@pytest.fixture(scope="module")
def matrix(dlib_path: Path) -> np.ndarray:
    return read_dlib_file(dlib_path)[DESCRIPTOR]


def test_pooled_features_equal_dlib(pooled: keras.Model, dlib_oracle: dict[str, np.ndarray]) -> None:
    ours, theirs = pooled.predict(dlib_oracle["chips"], verbose=0), dlib_oracle["pooled256"]
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 1e-5


def test_descriptors_equal_dlib(pooled: keras.Model, matrix: np.ndarray, dlib_oracle: dict[str, np.ndarray]) -> None:
    ours = pooled.predict(dlib_oracle["chips"], verbose=0) @ matrix
    assert np.abs(ours - dlib_oracle["descriptors"]).max() < 1e-5  # 30 times the noise; the weakest mistake is 2.5e-4


def test_every_block_equals_dlib(network: Network, dlib_oracle: dict[str, np.ndarray]) -> None:
    probe = keras.Model(network.full.inputs[0], [network.full.get_layer(layer).output for layer in LAYER.values()])
    seen = dict(zip(LAYER, probe.predict(dlib_oracle["chips"][:1], verbose=0), strict=True))
    assert np.abs(seen["conv1_raw"][0, :, :, 0] - dlib_oracle["chip0_conv1_raw_channel0"]).max() < 1e-5
    for stage, maps in seen.items():
        theirs = dlib_oracle[f"chip0_gap_{stage}"]
        assert np.linalg.norm(maps[0].mean((0, 1)) - theirs) / np.linalg.norm(theirs) < 1e-5, stage


@pytest.mark.parametrize(
    ("mistake", "chips"),
    [("blue for red", lambda chips: chips[..., ::-1]), ("255 for 256", lambda chips: MEANS + (chips - MEANS) * np.float32(256 / 255))],
)
def test_a_mistake_in_preprocessing_is_noticed(mistake, chips, pooled, matrix, dlib_oracle) -> None:
    ours = pooled.predict(chips(dlib_oracle["chips"]), verbose=0) @ matrix
    assert np.abs(ours - dlib_oracle["descriptors"]).max() > 1e-4, mistake


def test_biases_left_out_are_noticed(dlib_path: Path, matrix: np.ndarray, dlib_oracle: dict[str, np.ndarray]) -> None:
    network = build_network(DLIB, Classification(), outputs={"logits": 2}, size=150, seed=0)
    load_published(DLIB, network, folder=None)
    for name, variable in variables_by_name(network.backbone).items():
        if name.endswith("/bias"):
            variable.assign(np.zeros(variable.shape))
    ours = network.backbone.predict(dlib_oracle["chips"], verbose=0) @ matrix
    assert np.abs(ours - dlib_oracle["descriptors"]).max() > 1e-4


def test_stage_features_are_means_and_maxima_of_five_stages(network: Network, dlib_oracle: dict[str, np.ndarray]) -> None:
    maps = [network.full.get_layer(stage).output for stage in network.stages]
    features, *stages = keras.Model(network.full.inputs[0], [network.backbone.outputs[0], *maps]).predict(
        dlib_oracle["chips"][:1], verbose=0
    )
    assert features.shape == (1, 2 * (32 + 64 + 128 + 256 + 256))
    expected = np.concatenate([pooled for stage in stages for pooled in (stage[0].mean((0, 1)), stage[0].max((0, 1)))])
    np.testing.assert_allclose(features[0], expected, rtol=1e-5, atol=1e-6)


def test_parameters_are_those_of_the_file() -> None:
    network = build_network(Backbone(name="dlib_resnet"), Classification(), outputs={"logits": 2}, size=150, seed=0)
    assert network.backbone.count_params() == 5_614_592 - 256 * 128  # the file's, less the descriptor's matrix
    assert len(network.stages) == 5 and network.last_conv == "level0_block0_relu"
    assert all(weight.trainable for weight in network.backbone.weights)


def test_too_small_an_input_names_the_smallest() -> None:
    backbone = Backbone(name="dlib_resnet")
    with pytest.raises(UserError, match="at least 103 pixels, not 102"):
        build_network(backbone, Classification(), outputs={"logits": 2}, size=102, seed=0)
    assert build_network(backbone, Classification(), outputs={"logits": 2}, size=103, seed=0).full.output_shape == (None, 2)
