"""Networks: three models over the same layers, repeatable weights, one training step, saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from agerepro.config.learning import Classification, LayerFeatures, Regression
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.models.build import BACKBONES, Network, build_network
from agerepro.models.heads import belongs_to_head
from agerepro.models.layers import layer_seed
from agerepro.models.weights import weights_as_arrays

Slim = Callable[..., Network]
PHOTOS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def outputs_of(model: keras.Model, photos: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(photos)))


@pytest.mark.parametrize(
    "backbone",
    [
        Backbone(name="vgg16", width=0.125, dense=(8,)),
        Backbone(name="vgg16_bn", width=0.125),
        Backbone(name="resnet50", width=0.125),
        Backbone(name="resnet50_v1_5", width=0.125),
        Backbone(name="senet50", width=0.125),
        Backbone(name="dlib_resnet", width=0.25),
        Backbone(name="alexnet", width=0.125),
    ],
)
@pytest.mark.parametrize("head", [Classification(), Regression(), Regression(features="stages")])
def test_the_whole_is_the_head_on_the_backbone(backbone: Backbone, head: Classification | Regression) -> None:
    size, outputs = max(32, BACKBONES[backbone.name].smallest), (7 if isinstance(head, Classification) else 1)
    name = "logits" if isinstance(head, Classification) else "years"
    network = build_network(backbone, head, outputs={name: outputs}, size=size, seed=0)
    photos = np.random.default_rng(1).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    whole = outputs_of(network.main, photos)
    assert whole.shape == (2, outputs) and whole.std() > 0
    for model, seen in ((network.full, photos), (network.head, outputs_of(network.backbone, photos))):
        answers = model(seen)
        assert list(answers) == [name] == list(network.outputs)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(answers[name]), whole)
    assert len(network.stages) == 5 and all(network.full.get_layer(name) for name in (*network.stages, network.last_conv))


@pytest.mark.parametrize(
    "backbone", [Backbone(name="vgg16", width=0.125), Backbone(name="senet50", width=0.125), Backbone(name="dlib_resnet", width=0.25)]
)
@pytest.mark.parametrize("features", ["last", "stages"])
def test_a_further_size_is_seen_by_the_same_layers(backbone: Backbone, features: str) -> None:
    side, further = 128, 104
    head = Regression(features=features)
    both = build_network(backbone, Regression(features=features, input_sizes=(further,)), outputs={"years": 1}, size=side, seed=0)
    large = build_network(backbone, head, outputs={"years": 1}, size=side, seed=0)
    small = build_network(backbone, head, outputs={"years": 1}, size=further, seed=0)
    assert set(weights_as_arrays(both.backbone)) == set(weights_as_arrays(large.backbone))
    # A smooth picture, in decimals: nothing is rounded, whether it is resized before the preprocessing or after it.
    ramp = np.linspace(40, 200, side)
    photos = np.stack([np.stack([ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], 0 * ramp + ramp[:, None]], axis=-1)])
    resized = keras.ops.image.resize(photos, (further, further), antialias=True)
    seen = np.concatenate([outputs_of(large.backbone, photos).ravel(), outputs_of(small.backbone, resized).ravel()])
    np.testing.assert_allclose(outputs_of(both.backbone, photos)[0], seen, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(both.head(outputs_of(both.backbone, photos))["years"]), outputs_of(both.main, photos)
    )


def test_a_further_size_too_small_for_the_backbone_is_refused() -> None:
    with pytest.raises(UserError, match=r"103 .*100 .*head\.regression\.input_sizes"):
        build_network(Backbone(name="dlib_resnet", width=0.25), Regression(input_sizes=(100,)), outputs={"years": 1}, size=150, seed=0)


def test_a_backbone_with_fully_connected_layers_takes_no_further_size() -> None:
    with pytest.raises(UserError, match=r"fully connected .*head\.regression\.input_sizes"):
        build_network(Backbone(name="alexnet", width=0.125), Regression(input_sizes=(99,)), outputs={"years": 1}, size=67, seed=0)


def test_statistics_of_the_stages_come_in_their_order() -> None:
    slim, photos = Backbone(name="vgg16", width=0.125), PHOTOS.astype(np.float32)
    features = {}
    for statistics in (("mean",), ("max",), ("std",), ("mean", "max", "std")):
        head = Regression(features="stages", statistics=statistics)
        features[statistics] = outputs_of(build_network(slim, head, outputs={"years": 1}, size=32, seed=0).backbone, photos)
    first = 8  # channels of the first stage at width 1/8
    together = np.concatenate([features[(statistic,)][:, :first] for statistic in ("mean", "max", "std")], axis=1)
    np.testing.assert_allclose(features["mean", "max", "std"][:, : 3 * first], together, rtol=1e-6)


def test_backbone_and_head_share_their_variables_with_the_whole(slim: Slim) -> None:
    network = slim()
    assert {id(w) for w in network.full.weights} == {id(w) for w in network.backbone.weights + network.head.weights}
    assert len(network.full.weights) == len(network.backbone.weights) + len(network.head.weights) == 26 + 4


def test_dropout_stands_behind_each_dense_layer_and_is_seen_in_training_alone() -> None:
    plain, dropping = (
        build_network(
            Backbone(name="vgg16", width=0.125, dense=(64, 32), dropout=rate), Classification(), outputs={"logits": 5}, size=32, seed=0
        )
        for rate in (0.0, 0.5)
    )
    hidden = [layer.name for layer in plain.head.layers][1:]
    assert hidden == ["flatten", "dense1", "dense2", "logits"]
    assert [layer.name for layer in dropping.head.layers][1:] == ["flatten", "dense1", "dropout1", "dense2", "dropout2", "logits"]
    assert {variable.path for variable in plain.full.variables} == set(weights_as_arrays(plain.full))  # as before there was dropout
    for name, array in weights_as_arrays(plain.full).items():
        np.testing.assert_array_equal(weights_as_arrays(dropping.full)[name], array)
    np.testing.assert_array_equal(outputs_of(dropping.main, PHOTOS), outputs_of(plain.main, PHOTOS))
    trained = [np.asarray(dropping.main(PHOTOS, training=True)) for _ in range(2)]
    assert not np.array_equal(*trained) and not np.array_equal(trained[0], outputs_of(plain.main, PHOTOS))


def test_uint8_and_float_photos_give_the_same(slim: Slim) -> None:
    whole = slim().main
    expected = outputs_of(whole, PHOTOS)
    np.testing.assert_array_equal(outputs_of(whole, PHOTOS.astype(np.float32)), expected)
    np.testing.assert_array_equal(outputs_of(whole, keras.ops.convert_to_tensor(PHOTOS)), expected)
    np.testing.assert_allclose(whole.predict(PHOTOS, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_weights_depend_on_seed_and_layer_name_only(slim: Slim) -> None:
    keras.utils.set_random_seed(1)
    first = weights_as_arrays(slim(outputs=5).full)
    keras.utils.set_random_seed(2)
    second, other_seed = weights_as_arrays(slim(outputs=9).full), weights_as_arrays(slim(seed=1).full)
    for name in first:
        if not name.startswith("logits"):
            np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        if name.endswith("kernel"):
            assert not np.array_equal(first[name], other_seed[name]), name
    assert not np.array_equal(first["conv4_2/kernel"], first["conv4_3/kernel"])  # one shape, two names


def test_layer_seed_is_the_same_in_every_process() -> None:
    assert layer_seed(0, "logits") == 524868712  # first 4 bytes of SHA-256 of "0/logits", little-endian, halved


def test_the_head_is_he_normal_without_bias() -> None:
    network = build_network(Backbone(name="vgg16", width=0.5, dense=(2000,)), Classification(), outputs={"logits": 100}, size=32, seed=0)
    weights = weights_as_arrays(network.head)
    for layer, fan_in in (("dense1", 256), ("logits", 2000)):
        assert weights[f"{layer}/kernel"].std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.01)
        assert not weights[f"{layer}/bias"].any()


def test_mixed_precision_computes_inside_and_ends_in_float32(slim: Slim) -> None:
    network = slim(precision="mixed_bfloat16")
    assert network.full.get_layer("preprocess").compute_dtype == network.full.get_layer("logits").compute_dtype == "float32"
    assert network.full.get_layer("conv3_1").compute_dtype == network.full.get_layer("dense1").compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in network.full.weights} == {"float32"}
    mixed = outputs_of(network.main, PHOTOS)
    assert mixed.dtype == np.float32
    plain = outputs_of(slim().main, PHOTOS)
    assert 0 < np.abs(mixed - plain).max() < 0.1 * plain.std()


def test_a_slim_network_learns_in_some_steps(slim: Slim) -> None:
    model = slim().main
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    classes = np.array([0, 3, 4])
    before = model.train_on_batch(PHOTOS, classes)
    for _ in range(5):
        after = model.train_on_batch(PHOTOS, classes)
    assert float(after) < float(before)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15's own saving with NumPy 2.4
@pytest.mark.parametrize(
    ("backbone", "head"),
    [
        (Backbone(name="vgg16", width=0.125, dense=(8,), dropout=0.5), Classification()),
        (Backbone(name="dlib_resnet", width=0.25), Regression(features="stages")),
    ],
)
def test_a_saved_model_is_complete(backbone: Backbone, head: Classification | Regression, tmp_path: Path) -> None:
    network = build_network(backbone, head, outputs={"years": 1}, size=103, seed=0)
    network.full.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    photos = np.random.default_rng(1).integers(0, 256, (1, 103, 103, 3), dtype=np.uint8)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(again(photos)["years"]), outputs_of(network.main, photos))


@pytest.mark.parametrize(
    ("backbone", "size", "facts"),
    [
        (Backbone(name="vgg16"), 31, ("vgg16", "32", "31", "augment.size")),
        (Backbone(name="vgg16", weights="dlib"), 224, ("vgg16", "'dlib'")),
        (Backbone(name="resnet50", weights="vggface"), 224, ("resnet50", "vggface2, none")),
        (Backbone(name="senet50", weights="vggface2", width=0.25), 224, ("senet50", "width 1", "0.25")),
        (Backbone(name="vgg16", weights="vggface", width=0.5), 224, ("vgg16", "width 1", "0.5")),
    ],
)
def test_settings_that_do_not_fit_are_refused(backbone: Backbone, size: int, facts: tuple[str, ...]) -> None:
    with pytest.raises(UserError) as error:
        build_network(backbone, Classification(), outputs={"logits": 2}, size=size, seed=0)
    assert all(fact in str(error.value) for fact in facts), error.value


def test_several_outputs_see_the_same_features_each_by_a_layer_of_its_own() -> None:
    backbone = Backbone(name="vgg16", width=0.125, dense=(8,))
    network = build_network(backbone, Classification(), outputs={"logits": 5, "years": 1}, size=32, seed=0)
    answers = network.full(PHOTOS[:, :32, :32])
    assert {name: tuple(values.shape) for name, values in answers.items()} == {"logits": (len(PHOTOS), 5), "years": (len(PHOTOS), 1)}
    alone = build_network(backbone, Classification(), outputs={"logits": 5}, size=32, seed=0)
    np.testing.assert_array_equal(outputs_of(alone.main, PHOTOS[:, :32, :32]), keras.ops.convert_to_numpy(answers["logits"]))
    assert [layer.name for layer in network.head.layers if layer.weights] == ["dense1", "logits", "years"]


@pytest.mark.parametrize(
    ("backbone", "layer", "name"),
    [
        ("vgg16", "last_conv", "conv5_3"),
        ("vgg16", "first_conv", "conv1_1"),
        ("vgg16", "conv3_2", "conv3_2"),
        ("resnet50", "last_conv", None),
    ],
)
@pytest.mark.parametrize("pooling", ["max", "mean", "flatten"])
def test_features_of_a_layer_are_its_maps_pooled_over_space(backbone: str, layer: str, name: str | None, pooling: str) -> None:
    head = Regression(features=LayerFeatures(layer=layer, pooling=pooling))  # type: ignore[arg-type]
    network = build_network(Backbone(name=backbone, width=0.125), head, outputs={"years": 1}, size=64, seed=0)  # type: ignore[arg-type]
    photos = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    maps = outputs_of(keras.Model(network.full.input, network.full.get_layer(name or network.last_conv).output), photos)
    expected = {"max": maps.max(axis=(1, 2)), "mean": maps.mean(axis=(1, 2)), "flatten": maps.reshape(2, -1)}[pooling]
    np.testing.assert_allclose(outputs_of(network.backbone, photos), expected, rtol=1e-5, atol=1e-5)


def test_a_layer_that_is_not_there_is_told_with_its_neighbours() -> None:
    with pytest.raises(UserError, match=r"no layer 'conv5_4'.*Did you mean 'conv5_"):
        build_network(
            Backbone(name="vgg16", width=0.125), Regression(features=LayerFeatures(layer="conv5_4")), outputs={"years": 1}, size=32, seed=0
        )


@pytest.mark.parametrize("backbone", [Backbone(name="vgg16", width=0.125, dense=(8, 4)), Backbone(name="alexnet", width=0.0625)])
def test_what_belongs_to_the_head_is_told_by_names_also_where_the_backbone_has_dense_layers(backbone: Backbone) -> None:
    network = build_network(backbone, Classification(), outputs={"logits": 3}, size=67, seed=0)
    of_head = {layer.name for layer in network.full.layers if layer.weights and belongs_to_head(layer.name, network.outputs)}
    assert of_head == {layer.name for layer in network.head.layers if layer.weights}
