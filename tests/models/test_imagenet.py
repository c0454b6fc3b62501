"""ResNet-50 (v1.5) and VGG-16 with batch norm against timm on PyTorch: drawn weights, written as the published file, read by our loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.models.build import Network, build_network
from agerepro.models.layers import BatchNorm
from agerepro.models.pretrained import PRETRAINED
from agerepro.models.weights import LoadedWeights, check_weight_file, load_published

STAGES = {  # our layers -> the reference's stages
    "resnet50_v1_5": {"maxpool": "maxpool", **{f"layer{n}_{last}_relu": f"layer{n}" for n, last in ((1, 2), (2, 3), (3, 5), (4, 2))}},
    "vgg16_bn": {f"pool{n}": f"block{n}" for n in range(1, 6)},
}
ORACLES = {"resnet50_v1_5": "resnet50_imagenet", "vgg16_bn": "vgg16_bn"}
LAST = {"resnet50_v1_5": "layer4_2_relu", "vgg16_bn": "pool5"}
TOP = {"resnet50_v1_5": "fc", "vgg16_bn": "classifier"}
COUNTED = {"resnet50_v1_5": 25_557_032, "vgg16_bn": 138_365_992}  # numbers that PyTorch counts as parameters, tops among them
TOLERANCE = (3e-5, 3e-4)  # relative L2 and worst place over rms; the reference's noise is 2e-6 and 2e-5


@dataclass(frozen=True)
class Case:
    """One net: the reference's numbers, our network with the reference's weights, and what each layer gives for its two pictures."""

    name: str
    rows: dict[str, dict[str, Any]]
    oracle: dict[str, np.ndarray]
    network: Network
    loaded: LoadedWeights
    seen: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=list(ORACLES))
def case(
    request: pytest.FixtureRequest, read_layout: Any, read_oracle: Any, tmp_path_factory: Any, draw: Any, write_safetensors: Any
) -> Iterator[Case]:
    name = request.param
    layout, oracle = read_layout(ORACLES[name]), read_oracle(ORACLES[name])
    rows = {row[0]: dict(zip(layout["state_dict_columns"], row, strict=True)) for row in layout["state_dict"]}
    tensors = {
        tensor: np.int64(0) if row["kind"] == "counter" else draw(row)
        for tensor, row in rows.items()
        if not tensor.startswith("classifier.")
    }
    published = PRETRAINED["imagenet", name]
    path = write_safetensors(tmp_path_factory.mktemp(name) / published.files[0], tensors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRETRAINED, ("imagenet", name), replace(published, digests={}))
        backbone = Backbone(name=name, weights="imagenet")
        network = build_network(backbone, Classification(), outputs={"logits": 3}, size=224, seed=0)
        check_weight_file(path)
        loaded = load_published(backbone, network, folder=path.parent)
    path.unlink()  # 100 MB
    first = "conv1" if name == "resnet50_v1_5" else "conv1_1"
    layers = dict.fromkeys(["preprocess", first, *STAGES[name], *network.stages])
    probe = keras.Model(network.full.inputs[0], [*(network.full.get_layer(layer).output for layer in layers), network.backbone.output])
    seen = dict(zip([*layers, "output"], probe.predict(oracle["images"], verbose=0), strict=True))
    yield Case(name, rows, oracle, network, loaded, {"first": seen[first], **seen})


def distance(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Relative L2, and the worst place over the root mean square."""
    theirs = theirs.astype(np.float64)
    return (
        float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)),
        float(np.abs(ours - theirs).max() / np.sqrt(np.mean(theirs**2))),
    )


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    relative, worst = distance(ours, theirs)
    assert relative < TOLERANCE[0] and worst < TOLERANCE[1], (relative, worst)


def test_preprocessing_equals_torchvision(case: Case) -> None:
    ours = case.seen["preprocess"][0].transpose(2, 0, 1)[:, ::7, ::7]
    assert np.abs(ours - case.oracle["preprocessed_every_7th_pixel_image0"]).max() < 1e-6


def test_first_convolution_equals_pytorch(case: Case) -> None:
    patch = case.oracle["first_conv_patch_image0"]
    ours = case.seen["first"][0].transpose(2, 0, 1)
    rows, columns = np.argwhere(np.isclose(ours[0], patch[0, 0, 0], rtol=1e-5))[0]
    assert_same(ours[:8, rows : rows + 8, columns : columns + 8], patch)
    assert_same(case.seen["first"].mean((1, 2)), case.oracle[f"stage_gap_{'conv1' if case.name == 'resnet50_v1_5' else 'features.0'}"])


def test_stages_equal_pytorch(case: Case) -> None:
    for layer, stage in STAGES[case.name].items():
        assert_same(case.seen[layer].mean((1, 2)), case.oracle[f"stage_gap_{stage}"])
        assert_same(case.seen[layer].max((1, 2)), case.oracle[f"stage_gmp_{stage}"])


def test_last_map_equals_pytorch(case: Case) -> None:
    ours = case.seen[LAST[case.name]]
    assert_same(ours[0].transpose(2, 0, 1)[::4], case.oracle["last_map_image0_every_4th_channel"])
    assert_same(ours.mean((1, 2)), case.oracle["last_map_gap"])
    assert_same(ours.max((1, 2)), case.oracle["last_map_gmp"])
    assert_same(ours.reshape(2, -1)[:, :1000], case.oracle["last_map_flat_first1000_nhwc"])


def test_whole_last_map_equals_pytorch_by_random_projections(case: Case, generator_of: Any) -> None:
    ours = case.seen[LAST[case.name]].reshape(2, -1).astype(np.float64)
    size = ours.shape[1]
    projection = generator_of(f"{ORACLES[case.name]}/projection/last_map").standard_normal((8, size))
    assert np.abs(ours @ projection.T / np.sqrt(size) - case.oracle["last_map_projection_nhwc"]).max() < 1e-4


def test_pooled_features_and_logits_of_resnet_equal_pytorch(case: Case, draw: Any) -> None:
    if case.name != "resnet50_v1_5":
        pytest.skip("VGG-16's output is a map; its classifier is in the slow test")
    assert_same(case.seen["output"], case.oracle["last_map_gap"])
    assert_same(case.seen["output"] @ draw(case.rows["fc.weight"]).T + draw(case.rows["fc.bias"]), case.oracle["logits"])


@pytest.mark.slow
def test_logits_of_vgg_equal_pytorch(case: Case, draw: Any) -> None:
    if case.name != "vgg16_bn":
        pytest.skip("ResNet-50's logits are in the fast test")
    x = case.seen["output"].transpose(0, 3, 1, 2).reshape(2, -1)  # PyTorch flattens channels first
    for layer in (0, 3, 6):
        x = x @ draw(case.rows[f"classifier.{layer}.weight"]).T + draw(case.rows[f"classifier.{layer}.bias"])
        x = x if layer == 6 else np.maximum(x, 0)
    assert_same(x, case.oracle["logits"])


def test_an_epsilon_off_by_ten_is_noticed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [layer for layer in case.network.backbone.layers if isinstance(layer, BatchNorm)]
    assert {layer.epsilon for layer in layers} == {1e-5} and {layer.momentum for layer in layers} == {0.9}
    for layer in layers:
        monkeypatch.setattr(layer, "epsilon", 1e-4)
    mistaken = keras.ops.convert_to_numpy(case.network.backbone(case.oracle["images"][:1]))
    pooled = mistaken if mistaken.ndim == 2 else mistaken.mean((1, 2))
    assert distance(pooled, case.oracle["last_map_gap"][:1])[0] > 10 * TOLERANCE[0]


def test_red_and_blue_exchanged_is_noticed(case: Case) -> None:
    mistaken = keras.ops.convert_to_numpy(case.network.backbone(case.oracle["images"][:1, ..., ::-1].astype(np.float32)))
    pooled = mistaken if mistaken.ndim == 2 else mistaken.mean((1, 2))
    assert distance(pooled, case.oracle["last_map_gap"][:1])[0] > 0.1


def test_all_of_the_file_but_its_top_is_used_and_counted(case: Case) -> None:
    published = PRETRAINED["imagenet", case.name]
    assert case.loaded.parameters == case.network.backbone.count_params() == published.parameters
    assert set(case.loaded.not_used) == ({"fc.weight", "fc.bias"} if case.name == "resnet50_v1_5" else set())
    trainable = sum(int(np.prod(weight.shape)) for weight in case.network.backbone.trainable_weights)
    top = sum(int(np.prod(row["shape"])) for name, row in case.rows.items() if name.split(".")[0] == TOP[case.name])
    assert trainable + top == COUNTED[case.name]
    assert trainable == {"resnet50_v1_5": 23_508_032, "vgg16_bn": 14_714_688 + 2 * 4224}[case.name]


def test_the_stages_are_told(case: Case) -> None:
    assert [case.seen[layer].shape[3] for layer in case.network.stages] == (
        [64, 256, 512, 1024, 2048] if case.name == "resnet50_v1_5" else [64, 128, 256, 512, 512]
    )
    assert case.network.last_conv == case.network.stages[-1]
