"""What stands on a backbone: pooled features of one or several input sizes, dense layers, logits or years."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.config import learning, schema
from agerepro.errors import UserError, suggest
from agerepro.models.layers import BackboneOutput, BackboneSpec, Dropout, GlobalStdPooling2D, he_normal, layer_seed

POOLINGS: dict[str, Callable[..., keras.layers.Layer]] = {
    "mean": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "std": GlobalStdPooling2D,
}
HIDDEN = re.compile(r"dense\d+")  # names of the layers before them
DROPPED = re.compile(r"dropout\d+")  # and of those that drop their outputs
LOGITS, YEARS = "logits", "years"  # names of the last layer of a classification and of a regression head


@dataclass(frozen=True)
class FeatureBlock:
    """`count` neighbouring features, all of one input side (pixels) and one statistic over space."""

    side: int
    statistic: str
    count: int


def head_features(prepared: Any, body: BackboneOutput, spec: BackboneSpec, head: learning.Head, precision: str) -> Any:
    """What a head sees: the features of the input, and of the input resized to every further side, all by the same layers.

    Or those of one layer. UserError for a layer that the backbone does not have, and for sizes that it does not take.
    """
    if isinstance(head.features, learning.LayerFeatures):
        return pooled_layer(prepared, body, head.features, precision)
    features = [_features_of(body.output, body.maps, body, head, precision, suffix="")]
    whole = keras.Model(prepared, [body.output, *body.maps])
    if head.input_sizes and any(isinstance(layer, keras.layers.Flatten) for layer in whole.layers):
        raise UserError("The backbone has fully connected layers, which fit one input size: leave head.regression.input_sizes out.")
    for side in head.input_sizes:
        if side < spec.smallest:
            raise UserError(f"The backbone needs an input of at least {spec.smallest} pixels: raise {side} in head.regression.input_sizes.")
        resize = keras.layers.Resizing(side, side, antialias=True, dtype="float32", name=f"resized_{side}")
        # Its own default is training=True, which Keras 3.15 hands on to every later layer of a model called without `training`.
        resized = resize(prepared, training=False)
        # `call` runs the other size through the same layers; calling the model itself would refuse the size.
        output, *maps = whole.call(resized)
        features.append(_features_of(output, maps, body, head, precision, suffix=f"_at_{side}"))
    return features[0] if len(features) == 1 else keras.layers.Concatenate(dtype=precision, name="features_of_sizes")(features)


def pooled_layer(prepared: Any, body: BackboneOutput, features: learning.LayerFeatures, precision: str) -> Any:
    """(n, d) what one layer gives, pooled over space; koenig2019, section 4, takes the maximum of each map of the last convolution."""
    layers = keras.Model(prepared, body.output).layers
    names = {"last_conv": body.last_conv, "first_conv": next(layer.name for layer in layers if isinstance(layer, keras.layers.Conv2D))}
    name = names.get(features.layer, features.layer)
    outputs = {layer.name: layer.output for layer in layers if not isinstance(layer, keras.layers.InputLayer)}
    if name not in outputs:
        raise UserError(f"The backbone has no layer {name!r} to take features of.{suggest(name, [*names, *outputs])}")
    output = outputs[name]
    if len(output.shape) == 2:
        return output
    if features.pooling == "flatten":
        return keras.layers.Flatten(dtype=precision, name=f"{name}_flat")(output)
    return POOLINGS[features.pooling](dtype=precision, name=f"{name}_{features.pooling}")(output)


def feature_blocks(body: BackboneOutput, head: learning.Head, size: int) -> tuple[FeatureBlock, ...]:
    """In the order in which `head_features` puts the features of stages side by side; of other features none."""
    if head.features != "stages":
        return ()
    return tuple(
        FeatureBlock(side, statistic, int(stage_map.shape[-1]))
        for side in (size, *head.input_sizes)
        for stage_map in body.maps
        for statistic in head.statistics
    )


def _features_of(output: Any, maps: Sequence[Any], body: BackboneOutput, head: learning.Head, precision: str, *, suffix: str) -> Any:
    if head.features == "last":
        # Maps of different sizes can stand beside each other as vectors only.
        return (
            output
            if len(output.shape) == 2 or not head.input_sizes
            else keras.layers.Flatten(dtype=precision, name=f"flat{suffix}")(output)
        )
    pooled = [
        POOLINGS[statistic](dtype=precision, name=f"{stage}_{statistic}{suffix}")(stage_map)
        for stage, stage_map in zip(body.stages, maps, strict=True)
        for statistic in head.statistics
    ]
    return keras.layers.Concatenate(dtype=precision, name=f"stage_features{suffix}")(pooled)


def belongs_to_head(layer: str, outputs: Collection[str]) -> bool:
    """Whether the layer of that name stands after the backbone, which may have dense layers of its own; outputs: names of the last ones."""
    return layer in outputs or layer in ("flatten", "features") or any(names.fullmatch(layer) for names in (HIDDEN, DROPPED))


def dense_layers(backbone: schema.Backbone, precision: str, seed: int, *, flat: bool) -> list[keras.layers.Layer]:
    """The layers between the backbone and the outputs, in order: flatten where its output is a map, hidden dense layers, each with its
    dropout, if there is one, behind it."""
    layers: list[keras.layers.Layer] = [] if flat else [keras.layers.Flatten(dtype=precision, name="flatten")]
    for n, units in enumerate(backbone.dense, start=1):
        name = f"dense{n}"
        layers.append(keras.layers.Dense(units, activation="relu", kernel_initializer=he_normal(seed, name), dtype=precision, name=name))
        if backbone.dropout:
            name = f"dropout{n}"
            layers.append(Dropout(backbone.dropout, layer_seed(seed, name), dtype=precision, name=name))
    return layers


def output_layers(outputs: Mapping[str, int], seed: int) -> dict[str, keras.layers.Layer]:
    """The last layers by name, each linear on what the others see too, computed in float32; outputs: their widths."""
    return {
        name: keras.layers.Dense(width, kernel_initializer=he_normal(seed, name), dtype="float32", name=name)
        for name, width in outputs.items()
    }
