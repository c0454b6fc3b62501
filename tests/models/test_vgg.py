"""VGG-16 against keras-vggface 0.6 on Keras 2.3.1: drawn weights, written as the published file, read by our loader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.models.build import Network, build_network
from agerepro.models.layers import channels_at
from agerepro.models.pretrained import PRETRAINED, pretrained_weights
from agerepro.models.vgg import BLOCKS
from agerepro.models.weights import (
    assign_published,
    check_weight_file,
    load_published,
    read_keras_h5,
    read_published,
    read_weights,
    weights_as_arrays,
)

VGGFACE = Backbone(name="vgg16", weights="vggface", dense=(16,))
MEANS_1, MEANS_2 = (129.1863, 104.7624, 93.5940), (131.0912, 103.8827, 91.4953)  # red, green, blue; VGGFace 1 and 2
LAYERS = ("preprocess", "conv1_1", "pool1", "pool2", "pool3", "pool4", "conv5_3", "pool5", "flatten")


@pytest.fixture(scope="module")
def network(vgg16_folder: Path) -> Network:
    network = build_network(VGGFACE, Classification(), outputs={"logits": 4}, size=224, seed=0)
    load_published(VGGFACE, network, folder=vgg16_folder)
    return network


@pytest.fixture(scope="module")
def seen(network: Network, vgg16_oracle: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each layer gives for the reference's two pictures."""
    probe = keras.Model(network.full.inputs[0], [network.full.get_layer(name).output for name in LAYERS])
    return dict(zip(LAYERS, probe.predict(vgg16_oracle["images"], verbose=0), strict=True))


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """The reference's tolerance: 3e-5 in relative L2 and 3e-4 at the worst place; its noise is 2e-6 and 2e-5, a mistake 6e-4 at least."""
    theirs = theirs.astype(np.float64)
    assert relative(ours, theirs) < 3e-5
    assert np.abs(ours - theirs).max() / np.sqrt(np.mean(theirs**2)) < 3e-4


def test_preprocessing_equals_keras_vggface(seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray]) -> None:
    assert np.abs(seen["preprocess"][:, ::7, ::7] - vgg16_oracle["preprocessed_every_7th_pixel"]).max() < 2e-5


def test_first_convolution_equals_keras_vggface(seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray]) -> None:
    patch = vgg16_oracle["first_conv_patch_image0"]
    rows, columns = np.argwhere(np.isclose(seen["conv1_1"][0, :, :, 0], patch[0, 0, 0], rtol=1e-5))[0]
    assert_same(seen["conv1_1"][0, rows : rows + 8, columns : columns + 8, :8], patch)
    assert_same(seen["conv1_1"].mean((1, 2)), vgg16_oracle["first_conv_gap"])
    assert_same(seen["conv1_1"].max((1, 2)), vgg16_oracle["first_conv_gmp"])


@pytest.mark.parametrize("layer", ["pool1", "pool2", "pool3", "pool4", "conv5_3"])
def test_stages_equal_keras_vggface(layer: str, seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray]) -> None:
    assert_same(seen[layer].mean((1, 2)), vgg16_oracle[f"stage_gap_{layer}"])
    assert_same(seen[layer].max((1, 2)), vgg16_oracle[f"stage_gmp_{layer}"])


def test_last_map_equals_keras_vggface(seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray]) -> None:
    assert_same(seen["pool5"][0, ..., ::4], vgg16_oracle["last_map_image0_every_4th_channel"])
    assert_same(seen["pool5"].mean((1, 2)), vgg16_oracle["last_map_gap"])
    assert_same(seen["pool5"].max((1, 2)), vgg16_oracle["last_map_gmp"])


def test_whole_last_map_equals_keras_vggface_by_random_projections(
    seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray], generator_of: Any
) -> None:
    size = 7 * 7 * 512
    projection = generator_of("vggface_vgg16/projection/last_map").standard_normal((8, size))
    ours = seen["pool5"].reshape(2, size).astype(np.float64) @ projection.T / np.sqrt(size)
    assert np.abs(ours - vgg16_oracle["last_map_projection"]).max() < 1e-4


def test_flattening_is_channels_last(seen: dict[str, np.ndarray], vgg16_oracle: dict[str, np.ndarray]) -> None:
    assert_same(seen["flatten"][:, :1000], vgg16_oracle["last_map_flat_first1000"])


def test_red_and_blue_exchanged_is_noticed(network: Network, vgg16_oracle: dict[str, np.ndarray]) -> None:
    mistaken = network.backbone.predict(vgg16_oracle["images"][..., ::-1], verbose=0)
    assert relative(mistaken[0, ..., ::4], vgg16_oracle["last_map_image0_every_4th_channel"]) > 0.1


def test_means_of_the_other_version_are_noticed(network: Network, vgg16_oracle: dict[str, np.ndarray]) -> None:
    mistaken = network.backbone.predict(vgg16_oracle["images"] + np.subtract(MEANS_1, MEANS_2).astype(np.float32), verbose=0)
    assert 5e-3 < relative(mistaken[0, ..., ::4], vgg16_oracle["last_map_image0_every_4th_channel"]) < 0.1


def test_parameters_are_those_of_keras_vggface_and_of_the_thesis() -> None:
    backbone = Backbone(name="vgg16", dense=(512, 256))
    network = build_network(backbone, Classification(), outputs={"logits": 100}, size=224, seed=0)
    assert network.backbone.count_params() == 14_714_688  # keras-vggface without top, counted by building it
    assert network.full.count_params() - 100 == 27_717_184  # koenig2019's count fits 100 outputs without bias; ours have one


@pytest.mark.parametrize(("width", "channels"), [(1.0, [64, 128, 256, 512, 512]), (0.125, [8, 16, 32, 64, 64]), (0.01, [8] * 5)])
def test_width_scales_channels_in_steps_of_eight(width: float, channels: list[int]) -> None:
    assert [channels_at(whole, width) for _, whole in BLOCKS] == channels


@pytest.mark.slow
def test_logits_from_the_file_with_a_top_equal_keras_vggface(
    tmp_path: Path, vgg16_layout: dict[str, Any], vgg16_oracle: dict[str, np.ndarray], draw: Any, write_h5: Any, seen: dict[str, np.ndarray]
) -> None:
    layers = vgg16_layout["variants"]["top"]["layers"]
    tensors = {name: draw(vgg16_layout["tensors"][name]) for _, names in layers for name in names}
    path = write_h5(tmp_path / vgg16_layout["published_files"]["top"], layers, tensors)
    loaded = read_weights(path, pretrained_weights("vggface", "vgg16"), source="vggface")
    assert loaded.parameters == 14_714_688
    assert sorted(loaded.not_used) == [f"fc{n}/{variable}:0" for n in (6, 7, 8) for variable in ("bias", "kernel")]
    stored, _ = read_keras_h5(path)
    check_weight_file(path, dense_weights="published")
    dense = read_weights(path, pretrained_weights("vggface", "vgg16"), source="vggface", dense_weights="published").dense
    x = seen["pool5"].reshape(2, -1)
    for layer, n in (("dense1", 6), ("dense2", 7)):
        x = np.maximum(x @ dense[f"{layer}/kernel"] + dense[f"{layer}/bias"], 0)
        assert_same(x[:, :64], vgg16_oracle[f"fc{n}_relu_first64"])
    assert_same(x @ stored["fc8/kernel:0"] + stored["fc8/bias:0"], vgg16_oracle["logits"])


IMAGENET = Backbone(name="vgg16", weights="imagenet")
KERAS_LAYERS = [
    f"block{block}_{layer}" for block, (n, _) in enumerate(BLOCKS, 1) for layer in (*(f"conv{m}" for m in range(1, n + 1)), "pool")
]


def imagenet_file(folder: Path, generator_of: Any, write_h5: Any) -> Path:
    """The published file without top as Keras 1 wrote it, its tensors drawn: `block1_conv1_W_1:0` in the group `block1_conv1`."""
    layers = [(name, [f"{name}_W_1:0", f"{name}_b_1:0"] if "conv" in name else []) for name in KERAS_LAYERS]
    tensors: dict[str, np.ndarray] = {}
    before = 3
    for name in KERAS_LAYERS:
        if "conv" in name:
            channels = BLOCKS[int(name[5]) - 1][1]
            kernel = generator_of(f"imagenet/{name}/kernel").standard_normal((3, 3, before, channels)) * np.sqrt(2 / (9 * before))
            tensors[f"{name}_W_1:0"] = (kernel / (64 if before == 3 else 1)).astype(np.float32)
            tensors[f"{name}_b_1:0"] = (0.05 * generator_of(f"imagenet/{name}/bias").standard_normal(channels)).astype(np.float32)
            before = channels
    return write_h5(folder / pretrained_weights("imagenet", "vgg16").files[0], layers, tensors)


def test_imagenets_file_gives_what_keras_makes_of_it(tmp_path: Path, generator_of: Any, write_h5: Any, any_digest: Any) -> None:
    """Keras's own network reads the file by the order of its layers, ours by their names."""
    path = imagenet_file(tmp_path, generator_of, write_h5)
    any_digest("imagenet", "vgg16")
    network = build_network(IMAGENET, Classification(), outputs={"logits": 4}, size=64, seed=0)
    check_weight_file(path)
    loaded = load_published(IMAGENET, network, folder=tmp_path)
    theirs = keras.applications.VGG16(include_top=False, weights=str(path), input_shape=(64, 64, 3))
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    expected = np.asarray(theirs(keras.applications.vgg16.preprocess_input(photos.astype(np.float32))))
    assert expected.std() > 0.1
    assert_same(np.asarray(network.backbone(photos)), expected)
    assert loaded.parameters == network.backbone.count_params() == 14_714_688 and loaded.not_used == ()


CLASSES = 3


def imagenet_file_with_top(folder: Path, generator_of: Any, write_h5: Any, *, side: int) -> Path:
    """As `imagenet_file`, with the three fully connected layers behind pictures of `side` pixels."""
    notop = imagenet_file(folder, generator_of, write_h5)
    tensors, _ = read_keras_h5(notop)
    notop.unlink()
    before = (side // 32) ** 2 * 512
    for name, units in (("fc1", 4096), ("fc2", 4096), ("predictions", CLASSES)):
        generator = generator_of(f"imagenet/{name}")
        tensors[f"{name}_W_1:0"] = generator.standard_normal((before, units), np.float32) * np.float32(np.sqrt(2 / before))
        tensors[f"{name}_b_1:0"] = np.float32(0.05) * generator.standard_normal(units, np.float32)
        before = units
    names = [*KERAS_LAYERS, "flatten", "fc1", "fc2", "predictions"]
    layers = [(name, [f"{name}_W_1:0", f"{name}_b_1:0"] if f"{name}_W_1:0" in tensors else []) for name in names]
    return write_h5(folder / pretrained_weights("imagenet", "vgg16").with_dense, layers, tensors)


def test_published_dense_layers_give_what_keras_makes_of_them(
    tmp_path: Path, generator_of: Any, write_h5: Any, any_digest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a last map of 2x2: Keras's network flattens it in its own order and reads the file by the order of its layers."""
    any_digest("imagenet", "vgg16")
    row = replace(pretrained_weights("imagenet", "vgg16"), dense={"fc1": (2048, 4096), "fc2": (4096, 4096)}, dense_sides=range(64, 96))
    monkeypatch.setitem(PRETRAINED, ("imagenet", "vgg16"), row)
    path = imagenet_file_with_top(tmp_path, generator_of, write_h5, side=64)
    check_weight_file(path, dense_weights="published")
    backbone = replace(IMAGENET, dense=(4096, 4096), dense_weights="published", dropout=0.5)
    network = build_network(backbone, Classification(), outputs={"logits": 4}, size=64, seed=0)
    fresh = weights_as_arrays(network.head)["logits/kernel"]
    loaded = read_published(backbone, folder=tmp_path)
    transfer = assign_published(loaded, network)
    assert transfer.copied[-4:] == ("dense1/kernel", "dense1/bias", "dense2/kernel", "dense2/bias") and len(transfer.copied) == 30
    assert transfer.fresh == ("logits/kernel", "logits/bias") and transfer.unused == ("predictions_W_1:0", "predictions_b_1:0")
    assert loaded.parameters == 14_714_688 + 2049 * 4096 + 4097 * 4096
    np.testing.assert_array_equal(weights_as_arrays(network.head)["logits/kernel"], fresh)

    theirs = keras.applications.VGG16(weights=str(path), input_shape=(64, 64, 3), classes=CLASSES)
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    prepared = keras.applications.vgg16.preprocess_input(photos.astype(np.float32))
    for our_layer, their_layer in (("dense1", "fc1"), ("dense2", "fc2")):
        expected = np.asarray(keras.Model(theirs.input, theirs.get_layer(their_layer).output)(prepared))
        assert expected.std() > 0.1
        assert_same(np.asarray(keras.Model(network.full.input, network.full.get_layer(our_layer).output)(photos)), expected)

    # By the same file without that setting the dense layers stay as they were drawn.
    other = build_network(replace(backbone, dense_weights="fresh"), Classification(), outputs={"logits": 4}, size=64, seed=0)
    drawn = weights_as_arrays(other.head)
    transfer = assign_published(read_published(replace(backbone, dense_weights="fresh"), folder=tmp_path), other)
    assert transfer.fresh[0] == "dense1/kernel" and len(transfer.copied) == 26
    for name, array in weights_as_arrays(other.head).items():
        np.testing.assert_array_equal(array, drawn[name])


def test_published_dense_layers_of_another_shape_are_refused_and_nothing_is_set(
    tmp_path: Path, write_h5: Any, vgg16_layout: dict[str, Any], vgg16_folder: Path
) -> None:
    stored, _ = read_keras_h5(vgg16_folder / vgg16_layout["published_files"]["notop"])
    layers = [*vgg16_layout["variants"]["notop"]["layers"]]
    for name, shape in (("fc6", (512, 8)), ("fc7", (8, 6)), ("fc8", (6, 2))):
        layers.append((name, [f"{name}/kernel:0", f"{name}/bias:0"]))
        stored |= {f"{name}/kernel:0": np.ones(shape, np.float32), f"{name}/bias:0": np.ones(shape[1], np.float32)}
    path = write_h5(tmp_path / vgg16_layout["published_files"]["top"], layers, stored)
    with pytest.raises(UserError, match=rf"{path.name} holds {9 * 513 - 513} parameters of fc6, not 102764544"):
        check_weight_file(path, dense_weights="published")
    backbone = replace(VGGFACE, dense=(8, 7), dense_weights="published")
    network = build_network(backbone, Classification(), outputs={"logits": 4}, size=32, seed=0)
    before = weights_as_arrays(network.full)
    with pytest.raises(UserError, match=r"dense2/kernel is 8x6, not 8x7; dense2/bias is 6, not 7\.$"):
        load_published(backbone, network, folder=tmp_path)
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name])
    backbone = replace(backbone, dense=(8, 6))
    network = build_network(backbone, Classification(), outputs={"logits": 4}, size=32, seed=0)
    assert load_published(backbone, network, folder=tmp_path).not_used == ("fc8/kernel:0", "fc8/bias:0")
    assert all((weights_as_arrays(network.full)[f"dense{n}/{variable}"] == 1).all() for n in (1, 2) for variable in ("kernel", "bias"))


def test_only_the_top_of_imagenets_file_is_left_out(tmp_path: Path, write_h5: Any, any_digest: Any) -> None:
    any_digest("imagenet", "vgg16")
    names = ("block1_conv1", "fc1", "fc2", "predictions", "fc3")
    layers = [(name, [f"{name}_W_1:0"]) for name in names]
    path = write_h5(tmp_path / "top.h5", layers, {f"{name}_W_1:0": np.ones(2) for name in names})
    loaded = read_weights(path, pretrained_weights("imagenet", "vgg16"), source="imagenet")
    assert loaded.not_used == ("fc1_W_1:0", "fc2_W_1:0", "predictions_W_1:0")
    assert list(loaded.tensors) == ["conv1_1/kernel", "fc3/kernel"]
