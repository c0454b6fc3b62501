"""Weights handed from one stage's network to the next one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np

from agerepro.errors import UserError
from agerepro.models.arrays import variables_by_name
from agerepro.models.network import Network

Part = Literal["trunk", "dense", "all"]


@dataclass(frozen=True)
class Transfer:
    """Names (`layer/variable`) of what was copied, of what keeps its own (fresh) values, and of what the source had beyond it."""

    copied: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


def differences(variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray]) -> list[str]:
    """One text for each tensor that is missing among `arrays`, left over, or of another shape; empty when they fit."""
    found = [f"{name} is missing" for name in variables if name not in arrays]
    found += [f"{name} is left over" for name in arrays if name not in variables]
    found += [
        f"{name} is {_shape(arrays[name])}, not {_shape(variable)}"
        for name, variable in variables.items()
        if name in arrays and tuple(arrays[name].shape) != tuple(variable.shape)
    ]
    return found


def assign_all(model: keras.Model, arrays: dict[str, np.ndarray], *, source: str) -> None:
    """Set every weight of `model` by name, after a full check: UserError listing all that is missing, left over or misshaped."""
    variables = variables_by_name(model)
    if wrong := differences(variables, arrays):
        raise UserError(f"The weights in {source} do not fit {model.name}: {'; '.join(wrong)}.")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def copy_matching(source_weights: dict[str, np.ndarray], network: Network, *, part: Part) -> Transfer:
    """Copy an earlier network's weights (`weights_as_arrays` of its `full`) into `network`.

    part: `trunk` copies the trunk, all of it or a UserError. `dense` also copies the dense layers before the last one, `all` the
    last one too, each of them only where name and shapes agree. What is not copied keeps the values it has.
    Whether two last layers of one shape mean the same classes is for the caller to know.
    """
    whole, trunk = variables_by_name(network.full), variables_by_name(network.trunk)
    present = {name: array for name, array in source_weights.items() if name in trunk}
    if wrong := differences(trunk, present):
        raise UserError(f"The earlier stage's weights do not fit the trunk of {network.full.name}: {'; '.join(wrong)}.")
    wanted = [*trunk, *(name for layer in _layers_to_copy(network, part) for name in whole if name.startswith(f"{layer}/"))]
    fitting = _whole_layers(wanted, whole, source_weights)
    for name in fitting:
        whole[name].assign(source_weights[name])
    return Transfer(
        copied=tuple(fitting),
        fresh=tuple(name for name in whole if name not in fitting),
        unused=tuple(name for name in source_weights if name not in fitting),
    )


def _layers_to_copy(network: Network, part: Part) -> list[str]:
    if part == "trunk":
        return []
    layers = [layer.name for layer in network.classifier.layers if layer.weights]
    return layers if part == "all" else [name for name in layers if name != network.output]


def _whole_layers(wanted: list[str], variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray]) -> list[str]:
    """The wanted names of layers all of whose tensors fit: a kernel never comes without its bias."""
    unfit = {name.split("/", 1)[0] for name in wanted if name not in arrays or tuple(arrays[name].shape) != tuple(variables[name].shape)}
    return [name for name in wanted if name.split("/", 1)[0] not in unfit]


def _shape(array: np.ndarray | keras.Variable) -> str:
    return "x".join(str(size) for size in array.shape) or "a single number"
