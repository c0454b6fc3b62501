"""Published weights read by tensor name and put into a network's trunk, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agerepro.errors import UserError
from agerepro.experiment import schema
from agerepro.files import digest_of_file
from agerepro.models.dlib_file import read_dlib_file
from agerepro.models.keras_h5 import read_keras_h5
from agerepro.models.network import Network
from agerepro.models.sources import Source, find_weights, source_of
from agerepro.models.transfer import assign_all


@dataclass(frozen=True)
class LoadedWeights:
    """What was read from a published file: provenance, and the trunk's tensors by our names (`layer/variable`).

    parameters: numbers in `tensors`; not_used: names in the file that were left out because SOURCES says so.
    """

    source: str
    file: str
    sha256: str
    parameters: int
    licence: str
    not_used: tuple[str, ...]
    tensors: dict[str, np.ndarray] = field(repr=False, compare=False)


def read_published(backbone: schema.Backbone, *, folder: Path | None) -> LoadedWeights:
    """The published weights that `backbone.weights` names, found, fetched if need be, and read; no network is touched.

    folder: where the user keeps weight files; None looks in the usual places only. Raises UserError when they cannot be had.
    """
    published = source_of(backbone.weights, backbone.name)
    path = find_weights(backbone.weights, backbone.name, folder=folder)
    return read_weights(path, published, source=backbone.weights)


def read_weights(path: Path, published: Source, *, source: str) -> LoadedWeights:
    """One published file by our tensor names, without the layers that `published` says we have no use for."""
    if path.suffix == ".dat":
        everything = read_dlib_file(path)
        tensors = {name: array for name, array in everything.items() if _layer(name) not in published.not_used}
        left_out = tuple(name for name in everything if name not in tensors)
    else:
        stored, left_out = read_keras_h5(path, not_used=published.not_used)
        tensors = _by_our_names(stored, path)
    return LoadedWeights(
        source=source,
        file=path.name,
        sha256=digest_of_file(path),
        parameters=sum(array.size for array in tensors.values()),
        licence=published.licence,
        not_used=left_out,
        tensors=tensors,
    )


def load_published(backbone: schema.Backbone, network: Network, *, folder: Path | None) -> LoadedWeights:
    """`read_published`, then every trunk weight set by name; UserError listing all that is missing, left over or misshaped."""
    loaded = read_published(backbone, folder=folder)
    assign_all(network.trunk, loaded.tensors, source=loaded.file)
    return loaded


def our_name(stored: str) -> str:
    """The name in our networks of a tensor stored by Keras 2: `conv1/7x7_s2/bn/gamma:0` -> `conv1_7x7_s2_bn/gamma`.

    Keras 3 allows no slash in layer names.
    """
    layer, _, variable = stored.removesuffix(":0").rpartition("/")
    return f"{layer.replace('/', '_')}/{variable}"


def _by_our_names(stored: dict[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    named = {our_name(name): array for name, array in stored.items()}
    if len(named) != len(stored):
        raise UserError(f"{path} holds two tensors for one name: {', '.join(_twice(our_name(name) for name in stored))}.")
    return named


def _twice(names: Iterable[str]) -> list[str]:
    names = sorted(names)
    return [name for name, following in zip(names, names[1:], strict=False) if name == following]


def _layer(name: str) -> str:
    return name.split("/", 1)[0]
