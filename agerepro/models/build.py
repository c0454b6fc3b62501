"""A network as three Keras models over the same layers: whole, backbone, head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.config import learning, schema
from agerepro.errors import UserError
from agerepro.models.alexnet import ALEXNET
from agerepro.models.dlib_resnet import DLIB_RESNET
from agerepro.models.heads import FeatureBlock, dense_layers, feature_blocks, head_features, output_layers, pooled_layer
from agerepro.models.layers import BackboneSpec, BuildConfig
from agerepro.models.preprocessing import PLAIN, PREPROCESSING, Preprocess
from agerepro.models.pretrained import pretrained_weights
from agerepro.models.resnet import RESNET50, SENET50
from agerepro.models.resnet_v1_5 import RESNET50_V1_5
from agerepro.models.vgg import VGG16, VGG16_BN

BACKBONES: dict[str, BackboneSpec] = {
    "vgg16": VGG16,
    "vgg16_bn": VGG16_BN,
    "resnet50": RESNET50,
    "resnet50_v1_5": RESNET50_V1_5,
    "senet50": SENET50,
    "dlib_resnet": DLIB_RESNET,
    "alexnet": ALEXNET,
}


@dataclass(frozen=True)
class Network:
    """Three models that share their layers, so that training one trains all.

    full: (n, size, size, 3) RGB values 0..255, uint8 or float -> {output: (n, width) float32}, logits or years.
    backbone: the same input -> what the head takes in; its weights are what published files hold and stages hand on.
    head: the backbone's output -> the same as `full`.
    main: as `full`, but gives the first output alone, as a tensor: for maps and for other programs.
    """

    full: keras.Model
    backbone: keras.Model
    head: keras.Model
    main: keras.Model
    outputs: tuple[str, ...]  # names of the last layers
    stages: tuple[str, ...]  # names of the layers whose outputs end the backbone's five stages, in `full`
    last_conv: str  # name of the layer that gives the last map, for class activation maps
    blocks: tuple[FeatureBlock, ...]  # what the columns of the backbone's output are, for a regression head on stages; else empty


def build_network(
    backbone: schema.Backbone,
    head: learning.Head,
    *,
    outputs: Mapping[str, int],
    size: int,
    precision: str = "float32",
    seed: int,
) -> Network:
    """A flat network with fresh weights that depend on `seed` and layer names only.

    outputs: widths of the last layers by name, for instance the number of classes of `logits`; size: side of the input in pixels;
    precision: a Keras dtype policy, for all layers but the preprocessing and the last ones, which compute in float32. The softmax is left
    to losses and decoding.
    Raises UserError for an input too small for the backbone, weights that the backbone does not have, or a width that no
    published weights fit.
    """
    spec = _backbone_spec(backbone, size)
    pixels = keras.Input((size, size, 3), name="pixels")
    prepared = _preprocess(backbone)(pixels)
    body = spec.build(prepared, BuildConfig(backbone.width, precision, seed, backbone.frozen_batch_norm))
    features = head_features(prepared, body, spec, head, precision)
    hidden, last = dense_layers(backbone, precision, seed, flat=len(features.shape) == 2), output_layers(outputs, seed)
    results = _branched(hidden, last, features)
    full = keras.Model(pixels, results, name=backbone.name)
    backbone_model = keras.Model(pixels, features, name=f"{backbone.name}_backbone")
    head_input = keras.Input(tuple(features.shape[1:]), dtype=features.dtype, name="features")
    head_model = keras.Model(head_input, _branched(hidden, last, head_input), name=f"{backbone.name}_head")
    return Network(
        full,
        backbone_model,
        head_model,
        main=keras.Model(pixels, next(iter(results.values())), name=f"{backbone.name}_main"),
        outputs=tuple(outputs),
        stages=body.stages,
        last_conv=body.last_conv,
        blocks=feature_blocks(body, head, size),
    )


def build_layer_features(
    backbone: schema.Backbone, layers: Sequence[learning.LayerFeatures], *, size: int, precision: str = "float32"
) -> tuple[keras.Model, tuple[int, ...]]:
    """(n, size, size, 3) RGB values 0..255 -> (n, d) features of several layers side by side; and how many columns each of them has.

    The weights are fresh; layers beyond the last that is asked for are left out. UserError as `build_network`, and for a layer that the
    backbone does not have.
    """
    spec = _backbone_spec(backbone, size)
    pixels = keras.Input((size, size, 3), name="pixels")
    prepared = _preprocess(backbone)(pixels)
    body = spec.build(prepared, BuildConfig(backbone.width, precision, 0, backbone.frozen_batch_norm))
    outputs = [pooled_layer(prepared, body, features, precision) for features in layers]
    joined = outputs[0] if len(outputs) == 1 else keras.layers.Concatenate(dtype=precision, name="features_of_layers")(outputs)
    return keras.Model(pixels, joined, name=f"{backbone.name}_features"), tuple(int(output.shape[-1]) for output in outputs)


def _backbone_spec(backbone: schema.Backbone, size: int) -> BackboneSpec:
    spec = BACKBONES[backbone.name]
    if size < spec.smallest:
        raise UserError(f"{backbone.name} needs an input of at least {spec.smallest} pixels, not {size}: raise augment.size.")
    return spec


def _preprocess(backbone: schema.Backbone) -> Preprocess:
    if backbone.weights == "none":
        preprocessing = PLAIN
    else:
        pretrained_weights(backbone.weights, backbone.name)
        if backbone.width != 1:
            raise UserError(
                f"The published weights {backbone.weights!r} fit {backbone.name} at width 1 only, not {backbone.width}: "
                "set backbone.width to 1 or backbone.weights to none."
            )
        preprocessing = PREPROCESSING[backbone.weights, backbone.name]
    return Preprocess(preprocessing.order, preprocessing.means, preprocessing.divisor, name="preprocess")


def _branched(hidden: Sequence[keras.layers.Layer], last: Mapping[str, keras.layers.Layer], x: Any) -> dict[str, Any]:
    for layer in hidden:
        x = layer(x)
    return {name: layer(x) for name, layer in last.items()}
