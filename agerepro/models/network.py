"""A network as three Keras models over the same layers: whole, trunk, classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.errors import UserError
from agerepro.experiment import schema
from agerepro.models.body import BackboneKind, Body, Making
from agerepro.models.dlib_resnet import DLIB_RESNET
from agerepro.models.initialise import he_normal
from agerepro.models.preprocess import PLAIN, PREPROCESSING, Preprocess
from agerepro.models.resnet50 import RESNET50
from agerepro.models.senet50 import SENET50
from agerepro.models.sources import source_of
from agerepro.models.spread import Spread
from agerepro.models.vgg16 import VGG16

BACKBONES: dict[str, BackboneKind] = {"vgg16": VGG16, "resnet50": RESNET50, "senet50": SENET50, "dlib_resnet": DLIB_RESNET}
POOLINGS: dict[str, Callable[..., keras.layers.Layer]] = {
    "mean": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "spread": Spread,
}
LOGITS, YEARS = "logits", "years"  # the last layer of a Classes head and of a Value head


@dataclass(frozen=True)
class Part:
    """`count` neighbouring features, all of one input side (pixels) and one statistic over space."""

    side: int
    statistic: str
    count: int


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
    parts: tuple[Part, ...]  # what the columns of the trunk's output are, for a Value head on stages; else empty


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
    body = kind.build(prepared, Making(backbone.width, precision, seed, backbone.frozen_batch_norm))
    features = _value_features(prepared, body, kind, head, precision) if isinstance(head, schema.Value) else body.output
    layers = _head_layers(backbone, head, outputs, precision, seed, flat=len(features.shape) == 2)
    full = keras.Model(pixels, _chain(layers, features), name=backbone.name)
    trunk = keras.Model(pixels, features, name=f"{backbone.name}_trunk")
    entry = keras.Input(tuple(features.shape[1:]), dtype=features.dtype, name="features")
    classifier = keras.Model(entry, _chain(layers, entry), name=f"{backbone.name}_classifier")
    parts = _parts(body, head, size) if isinstance(head, schema.Value) and head.features == "stages" else ()
    return Network(full, trunk, classifier, output=layers[-1].name, stages=body.stages, last_map=body.last_map, parts=parts)


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
            raise UserError(
                f"The published weights {backbone.weights!r} fit {backbone.name} at width 1 only, not {backbone.width}: "
                "set backbone.width to 1 or backbone.weights to none."
            )
        chosen = PREPROCESSING[backbone.weights, backbone.name]
    return Preprocess(chosen.order, chosen.means, chosen.divisor, name="preprocess")


def _value_features(prepared: Any, body: Body, kind: BackboneKind, head: schema.Value, precision: str) -> Any:
    """What a value head sees: the features of the input, and of the input resized to every further side, all by the same layers."""
    found = [_features_of(body.output, body.maps, body, head, precision, at="")]
    whole = keras.Model(prepared, [body.output, *body.maps])
    for side in head.also_at:
        if side < kind.smallest:
            raise UserError(f"The backbone needs an input of at least {kind.smallest} pixels: raise {side} in head.value.also_at.")
        resize = keras.layers.Resizing(side, side, antialias=True, dtype="float32", name=f"resized_{side}")
        # Its own default is training=True, which Keras 3.15 hands on to every later layer of a model called without `training`.
        resized = resize(prepared, training=False)
        # `call` runs the other size through the same layers; calling the model itself would refuse the size.
        output, *maps = whole.call(resized)
        found.append(_features_of(output, maps, body, head, precision, at=f"_at_{side}"))
    return found[0] if len(found) == 1 else keras.layers.Concatenate(dtype=precision, name="features_of_sizes")(found)


def _parts(body: Body, head: schema.Value, size: int) -> tuple[Part, ...]:
    """In the order in which `_value_features` puts the features side by side."""
    return tuple(
        Part(side, statistic, int(found.shape[-1]))
        for side in (size, *head.also_at)
        for found in body.maps
        for statistic in head.statistics
    )


def _features_of(output: Any, maps: Sequence[Any], body: Body, head: schema.Value, precision: str, *, at: str) -> Any:
    if head.features == "last":
        # Maps of different sizes can stand beside each other as vectors only.
        return output if len(output.shape) == 2 or not head.also_at else keras.layers.Flatten(dtype=precision, name=f"flat{at}")(output)
    pooled = [
        POOLINGS[one](dtype=precision, name=f"{stage}_{one}{at}")(found)
        for stage, found in zip(body.stages, maps, strict=True)
        for one in head.statistics
    ]
    return keras.layers.Concatenate(dtype=precision, name=f"stage_features{at}")(pooled)


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
