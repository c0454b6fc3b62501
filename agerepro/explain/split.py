"""A model cut at one layer: from pixels to its map, and from the map to the output."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from agerepro.errors import UserError, near


@dataclass(frozen=True)
class Split:
    """Two graphs over a model's own layers.

    to_map: pixels (n, s, s, 3) -> map (n, h, w, c). from_map: [pixels, map] -> output. Paths that lead round the layer are
    computed from the pixels, so that the output as a function of the map alone is right inside a residual block, too; at a layer
    that everything passes, the pixels play no part.
    """

    to_map: keras.Function
    from_map: keras.Function


def split_at(model: keras.Model, layer: str) -> Split:
    """Cut `model` at the first use of a layer whose output is a map; UserError naming fitting layers for any other name.

    A layer that sees the input at several sizes (head.value.also_at) is cut at the first, the input's own.
    """
    fitting = map_layers(model)
    if layer not in fitting:
        raise UserError(f"{layer!r} is no layer of {model.name} that gives a map (height, width, channels).{near(layer, fitting)}")
    at = model.get_layer(layer).output
    return Split(to_map=keras.Function(model.input, at), from_map=keras.Function([model.input, at], model.output))


def map_layers(model: keras.Model) -> list[str]:
    """Names of the layers whose output is a map (n, h, w, c), from the input on; every convolution is among them."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [layer.name for layer in layers if len(getattr(layer.output, "shape", ())) == 4]
