"""A network as three Keras models over the same layers: whole, trunk, classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from agerepro.errors import UserError
from agerepro.experiment import schema
from agerepro.models.body import BackboneKind, Body, Making
from agerepro.models.dlib_resnet import DLIB_RESNET
from agerepro.models.initialise import he_normal
from agerepro.models.preprocess import PLAIN, PREPROCESSING, Preprocess
from agerepro.models.sources import source_of
from agerepro.models.vgg16 import VGG16

BACKBONES: dict[str, BackboneKind] = {"vgg16": VGG16, "dlib_resnet": DLIB_RESNET}
LOGITS, YEARS = "logits", "years"  # the last layer of a Classes head and of a Value head


@dataclass(frozen=True)
class Network:
    """Three models that share their layers, so that training one trains all.

    full: (n, size, size, 3) RGB values 0..255, uint8 or float -> (n, outputs) float32 logits, or (n, 1) float32 years.
    trunk: the same input -> what the classifier takes in; its weights are what published files hold and stages hand on.
    classifier: the trunk's output -> the same as `full`.
    """

    full: keras.Model
    trunk: keras.Model
    classifier: keras.Model
    output: str  # name of the last layer: LOGITS or YEARS
    stages: tuple[str, ...]  # names of the layers whose outputs end the backbone's five stages, in `full`
    last_map: str  # name of the layer that gives the last map, for class activation maps


def build_network(
    backbone: schema.Backbone, head: schema.Classes | schema.Value, *, outputs: int, size: int, precision: str = "float32", seed: int
) -> Network:
    """A flat network with fresh weights that depend on `seed` and layer names only.

    outputs: number of classes (1 for a Value head); size: side of the input in pixels; precision: a Keras dtype policy, for all
    layers but the preprocessing and the last one, which compute in float32. The softmax is left to losses and decoding.
    Raises UserError for an input too small for the backbone, weights that the backbone does not have, or a width that no
    published weights fit.
    """
    kind = _kind(backbone, size)
    if isinstance(head, schema.Value) and outputs != 1:
        raise UserError(f"A value head has one output, not {outputs}.")
    pixels = keras.Input((size, size, 3), name="pixels")
    prepared = _preprocess(backbone)(pixels)
    body = kind.build(prepared, Making(backbone.width, precision, seed))
    features = _stage_features(body, precision) if isinstance(head, schema.Value) and head.features == "stages" else body.output
    layers = _head_layers(backbone, head, outputs, precision, seed, flat=len(features.shape) == 2)
    full = keras.Model(pixels, _chain(layers, features), name=backbone.name)
    trunk = keras.Model(pixels, features, name=f"{backbone.name}_trunk")
    entry = keras.Input(tuple(features.shape[1:]), dtype=features.dtype, name="features")
    classifier = keras.Model(entry, _chain(layers, entry), name=f"{backbone.name}_classifier")
    return Network(full, trunk, classifier, output=layers[-1].name, stages=body.stages, last_map=body.last_map)


def _kind(backbone: schema.Backbone, size: int) -> BackboneKind:
    kind = BACKBONES[backbone.name]
    if size < kind.smallest:
        raise UserError(f"{backbone.name} needs an input of at least {kind.smallest} pixels, not {size}: raise augment.size.")
    return kind


def _preprocess(backbone: schema.Backbone) -> Preprocess:
    if backbone.weights == "none":
        chosen = PLAIN
    else:
        source_of(backbone.weights, backbone.name)
        if backbone.width != 1:
            raise UserError(f"The published weights {backbone.weights!r} fit {backbone.name} at width 1 only, not {backbone.width}: "
                            "set backbone.width to 1 or backbone.weights to none.")
        chosen = PREPROCESSING[backbone.weights, backbone.name]
    return Preprocess(chosen.order, chosen.means, chosen.divisor, name="preprocess")


def _stage_features(body: Body, precision: str) -> Any:
    pooled = []
    for name, stage in zip(body.stages, body.maps, strict=True):
        pooled.append(keras.layers.GlobalAveragePooling2D(dtype=precision, name=f"{name}_mean")(stage))
        pooled.append(keras.layers.GlobalMaxPooling2D(dtype=precision, name=f"{name}_max")(stage))
    return keras.layers.Concatenate(dtype=precision, name="stage_features")(pooled)


def _head_layers(
    backbone: schema.Backbone, head: schema.Classes | schema.Value, outputs: int, precision: str, seed: int, *, flat: bool
) -> list[keras.layers.Layer]:
    layers: list[keras.layers.Layer] = [] if flat else [keras.layers.Flatten(dtype=precision, name="flatten")]
    for n, units in enumerate(backbone.dense, start=1):
        name = f"dense{n}"
        layers.append(keras.layers.Dense(units, activation="relu", kernel_initializer=he_normal(seed, name), dtype=precision, name=name))
    name = YEARS if isinstance(head, schema.Value) else LOGITS
    layers.append(keras.layers.Dense(outputs, kernel_initializer=he_normal(seed, name), dtype="float32", name=name))
    return layers


def _chain(layers: list[keras.layers.Layer], x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x
