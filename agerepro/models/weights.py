"""Weights as arrays by name: saved, loaded, read from published files, handed from stage to stage."""

from __future__ import annotations

import itertools
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import h5py
import keras
import numpy as np

from agerepro.config import schema
from agerepro.errors import UserError
from agerepro.io import atomic_write
from agerepro.models.build import Network
from agerepro.models.caffe_file import read_caffe, read_layers
from agerepro.models.dlib_file import check_dlib_file, read_dlib_file
from agerepro.models.heads import HIDDEN
from agerepro.models.pretrained import (
    PRETRAINED,
    DenseWeights,
    PretrainedWeights,
    check_digest,
    digest,
    find_weights,
    pretrained_weights,
)
from agerepro.models.safetensors_file import keras_layout, layer_of, read_header, read_safetensors

TransferPart = Literal["backbone", "dense", "all"]  # the backbone alone; also the dense layers before the last; all layers


@dataclass(frozen=True)
class TransferReport:
    """Names (`layer/variable`) of what was copied, of what keeps its own (fresh) values, and of what the source had beyond it."""

    copied: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class LoadedWeights:
    """What was read from a published file: provenance, and its tensors by our names (`layer/variable`).

    parameters: numbers in `tensors` and `dense`; not_used: names in the file that were left out because PRETRAINED says so, or because no
    dense layers were asked for. tensors: the backbone's; dense: of our dense layers, where they were.
    """

    source: str
    file: str
    sha256: str
    parameters: int
    licence: str
    not_used: tuple[str, ...]
    tensors: dict[str, np.ndarray] = field(repr=False, compare=False)
    dense: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)


def variables_by_name(model: keras.Model) -> dict[str, keras.Variable]:
    """`layer/variable` -> Keras variable, in the order of the layers; the names are the same in every process."""
    return {f"{layer.name}/{_tail(layer, variable)}": variable for layer in model.layers for variable in layer.weights}


def weights_as_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """`layer/variable` -> a copy of its values, dtype as stored (float32)."""
    return {name: np.array(np.asarray(variable)) for name, variable in variables_by_name(model).items()}


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write an `.npz` whole or not at all; equal arrays give equal bytes, in whatever order they come."""
    if path.suffix != ".npz":
        raise ValueError(f"{path.name} must end in .npz.")
    members: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    return atomic_write(path, lambda temporary: np.savez(temporary, **members))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote, each array checked by its CRC; UserError when absent or damaged."""
    try:
        with path.open("rb") as file:  # ours to close: np.load leaves a damaged file open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one array without a name")
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}): remove it, and `agerepro run` makes it anew.") from None


def load_strict(model: keras.Model, arrays: dict[str, np.ndarray], *, source: str) -> None:
    """Set every weight of `model` by name, after a full check: UserError listing all that is missing, left over or misshaped."""
    variables = variables_by_name(model)
    if wrong := differences(variables, arrays):
        raise UserError(f"The weights in {source} do not fit {model.name}: {'; '.join(wrong)}.")
    for name, variable in variables.items():
        variable.assign(arrays[name])


def load_matching(source_weights: dict[str, np.ndarray], network: Network, *, part: TransferPart) -> TransferReport:
    """Copy an earlier network's weights (`weights_as_arrays` of its `full`) into `network`.

    part: `backbone` copies the backbone, all of it or a UserError. `dense` also copies the dense layers before the last one, `all` the
    last one too, each of them only where name and shapes agree. What is not copied keeps the values it has.
    Whether two last layers of one shape mean the same classes is for the caller to know.
    """
    variables, backbone = variables_by_name(network.full), variables_by_name(network.backbone)
    source_backbone = {name: array for name, array in source_weights.items() if name in backbone}
    if wrong := differences(backbone, source_backbone):
        raise UserError(f"The earlier stage's weights do not fit the backbone of {network.full.name}: {'; '.join(wrong)}.")
    layers = {_layer(name) for name in backbone} | set(_layers_to_copy(network, part))
    fitting = _whole_layers([name for name in variables if _layer(name) in layers], variables, source_weights)
    for name in fitting:
        variables[name].assign(source_weights[name])
    return TransferReport(
        copied=tuple(fitting),
        fresh=tuple(name for name in variables if name not in fitting),
        unused=tuple(name for name in source_weights if name not in fitting),
    )


def load_published(backbone: schema.Backbone, network: Network, *, folder: Path | None) -> LoadedWeights:
    """`read_published`, then `assign_published`."""
    loaded = read_published(backbone, folder=folder)
    assign_published(loaded, network)
    return loaded


def assign_published(loaded: LoadedWeights, network: Network) -> TransferReport:
    """Set every weight of the backbone, and of the dense layers where the file's were read, by name; what was set and what stays fresh.

    UserError listing all that is missing, left over or misshaped, before anything is set.
    """
    variables, last = variables_by_name(network.full), set(network.outputs)
    own = variables_by_name(network.backbone)
    if loaded.dense:
        own |= {name: variable for name, variable in variables_by_name(network.head).items() if _layer(name) not in last}
    arrays = loaded.tensors | loaded.dense
    if wrong := differences(own, arrays):
        raise UserError(f"The weights in {loaded.file} do not fit {network.backbone.name}: {'; '.join(wrong)}.")
    for name, variable in own.items():
        variable.assign(arrays[name])
    return TransferReport(copied=tuple(own), fresh=tuple(name for name in variables if name not in own), unused=loaded.not_used)


def read_published(backbone: schema.Backbone, *, folder: Path | None) -> LoadedWeights:
    """The published weights that `backbone.weights` names, found, fetched if need be, and read; no network is touched.

    folder: where the user keeps weight files; None looks in the usual places only. Raises UserError when they cannot be had.
    """
    path = find_weights(backbone.weights, backbone.name, folder=folder, dense_weights=backbone.dense_weights)
    published = pretrained_weights(backbone.weights, backbone.name)
    return read_weights(path, published, source=backbone.weights, dense_weights=backbone.dense_weights)


def read_weights(path: Path, published: PretrainedWeights, *, source: str, dense_weights: DenseWeights = "fresh") -> LoadedWeights:
    """One published file by our tensor names, without the layers that `published` says we have no use for.

    dense_weights: whether its fully connected layers are read for our dense ones (`published`). UserError where its publisher prints
    another digest.
    """
    check_digest(path, published)
    if dense_weights == "published":
        ours = {layer: f"dense{n}" for n, layer in enumerate(published.dense, start=1)}
        published = replace(
            published,
            not_used=tuple(layer for layer in published.not_used if layer not in ours),
            layers={**published.layers, **ours},
        )
    if path.suffix == ".dat":
        stored = read_dlib_file(path)
        tensors = {name: array for name, array in stored.items() if _layer(name) not in published.not_used}
        unread = tuple(name for name in stored if name not in tensors)
    elif path.suffix == ".safetensors":
        stored, unread = read_safetensors(path, not_used=published.not_used)
        tensors = _by_name(keras_layout(stored, published.layers), path)
    else:
        read = read_caffe if path.suffix == ".caffemodel" else read_keras_h5
        stored, unread = read(path, not_used=published.not_used)
        tensors = _by_name(((our_name(name, published.layers), array) for name, array in stored.items()), path)
    dense = {name: array for name, array in tensors.items() if dense_weights == "published" and HIDDEN.fullmatch(_layer(name))}
    return LoadedWeights(
        source=source,
        file=path.name,
        sha256=digest(path, "sha256"),
        parameters=sum(array.size for array in tensors.values()),
        licence=published.licence,
        not_used=unread,
        tensors={name: array for name, array in tensors.items() if name not in dense},
        dense=dense,
    )


def check_weight_file(path: Path, *, dense_weights: DenseWeights = "fresh") -> None:
    """Return if a published weight file (Keras's `.h5`, `.safetensors`, Caffe's, dlib's `.dat`) is what its name says; else UserError.

    Names and shapes are looked at in the first three, header and size in the last, so a web page under the file's name, a download
    that broke off, and another network's file are noticed before anything starts. Loads no tensor, but reads the whole file where its
    publisher prints a digest. dense_weights: `published` where it has to have the network's dense layers as well.
    """
    if path.suffix == ".dat":
        check_dlib_file(path)
        return
    published = next((weights for weights in PRETRAINED.values() if path.name in weights.files), None)
    sizes = _stored_sizes(path)
    parameters = sum(size for layer, size in sizes if published is None or layer not in published.not_used)
    if parameters != (published.parameters if published else parameters) or not parameters:
        expected = f", not {published.parameters}" if published else ""
        raise UserError(f"{path} holds {parameters} parameters{expected}: it is another network's file. Remove it and fetch it again.")
    for layer, (inputs, units) in published.dense.items() if published and dense_weights == "published" else ():
        if (size := sum(size for name, size in sizes if name == layer)) != (inputs + 1) * units:
            raise UserError(f"{path} holds {size} parameters of {layer}, not {(inputs + 1) * units}. Remove it and fetch it again.")
    if published:
        check_digest(path, published)


def read_keras_h5(path: Path, *, not_used: Collection[str] = ()) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """(`weight name` as stored, e.g. "conv1_1/kernel:0" -> float32 array; the names left unread, in layers named in `not_used`).

    Read through the attributes `layer_names` and `weight_names`: a layer name with a slash is a nested group, so walking the tree
    would mix layers up. UserError when the file is damaged or holds no Keras weights.
    """
    tensors: dict[str, np.ndarray] = {}
    unread: list[str] = []
    with _keras_h5(path) as file:
        for layer, name, dataset in _stored_tensors(file):
            if layer in not_used:
                unread.append(name)
            else:
                tensors[name] = np.asarray(dataset, np.float32)
    return tensors, tuple(unread)


def our_name(stored: str, layers: Mapping[str, str] | None = None) -> str:
    """The name in our networks of a tensor stored by Keras 2 or 1: `conv1/7x7_s2/bn/gamma:0` -> `conv1_7x7_s2_bn/gamma`.

    Keras 3 allows no slash in layer names. Keras 1 named the tensors of `fc1` `fc1_W_1:0` (kernel) and `fc1_b_1:0`, as VGG-16's
    published file still does. layers: the file's names of layers -> ours, where they differ in more.
    """
    layer, slash, variable = stored.removesuffix(":0").rpartition("/")
    if not slash and (keras_1 := re.fullmatch(r"(.+)_([Wb])_\d+", variable)):
        layer, variable = keras_1[1], {"W": "kernel", "b": "bias"}[keras_1[2]]
    return f"{(layers or {}).get(layer, layer.replace('/', '_'))}/{variable}"


def differences(variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray]) -> list[str]:
    """One text for each tensor that is missing among `arrays`, left over, or of another shape; empty when they fit."""
    missing = [f"{name} is missing" for name in variables if name not in arrays]
    left_over = [f"{name} is left over" for name in arrays if name not in variables]
    misshaped = [
        f"{name} is {_shape(arrays[name])}, not {_shape(variable)}"
        for name, variable in variables.items()
        if name in arrays and tuple(arrays[name].shape) != tuple(variable.shape)
    ]
    return missing + left_over + misshaped


def _tail(layer: keras.layers.Layer, variable: keras.Variable) -> str:
    return variable.path.rsplit(f"{layer.name}/", 1)[-1]


def _shape(array: np.ndarray | keras.Variable) -> str:
    return "x".join(str(size) for size in array.shape) or "a single number"


def _layers_to_copy(network: Network, part: TransferPart) -> list[str]:
    if part == "backbone":
        return []
    layers = [layer.name for layer in network.head.layers if layer.weights]
    return layers if part == "all" else [name for name in layers if name not in network.outputs]


def _whole_layers(names: list[str], variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray]) -> list[str]:
    """Those of `names` whose layers fit with all their tensors: a kernel never comes without its bias."""
    unfit = {_layer(name) for name in names if name not in arrays or tuple(arrays[name].shape) != tuple(variables[name].shape)}
    return [name for name in names if _layer(name) not in unfit]


def _by_name(named: Iterable[tuple[str, np.ndarray]], path: Path) -> dict[str, np.ndarray]:
    pairs = list(named)
    tensors = dict(pairs)
    if len(tensors) != len(pairs):
        raise UserError(f"{path} holds two tensors for one name: {', '.join(_twice(name for name, _ in pairs))}.")
    return tensors


def _twice(names: Iterable[str]) -> list[str]:
    names = sorted(names)
    return [name for name, following in itertools.pairwise(names) if name == following]


def _layer(name: str) -> str:
    return name.split("/", 1)[0]


def _stored_sizes(path: Path) -> list[tuple[str, int]]:
    """(layer, how many numbers) of each tensor of an `.h5` or `.safetensors` file, of each layer of a `.caffemodel`."""
    if path.suffix == ".caffemodel":
        return [(layer.name, layer.size) for layer in read_layers(path)]
    if path.suffix == ".safetensors":
        return [(layer_of(name), stored.size) for name, stored in read_header(path).items()]
    with _keras_h5(path) as file:
        # By name: what stands twice counts once.
        sizes = {(layer, name): dataset.size for layer, name, dataset in _stored_tensors(file)}
    return [(layer, size) for (layer, _), size in sizes.items()]


@contextmanager
def _keras_h5(path: Path) -> Iterator[h5py.File]:
    """The opened file; whatever h5py raises while it is read becomes a UserError."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, KeyError, TypeError, ValueError) as error:  # what h5py raises for cut, foreign and incomplete files
        raise UserError(f"{path} is no weights file of Keras, or damaged ({error}): remove it and fetch it again.") from None


def _stored_tensors(file: h5py.File) -> Iterator[tuple[str, str, h5py.Dataset]]:
    """(layer, weight name, tensor, not read yet) in the file's order."""
    for layer in _names(file, "layer_names"):
        for name in _names(file[layer], "weight_names"):
            if not isinstance(dataset := file[layer][name], h5py.Dataset):
                raise ValueError(f"{name} is no tensor")
            yield layer, name, dataset


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, text or bytes; Keras splits one over 64 kB into `<attribute>0`, `<attribute>1`, ..."""
    if attribute in group.attrs:
        pieces = [attribute]
    else:
        pieces = list(itertools.takewhile(lambda piece: piece in group.attrs, (f"{attribute}{n}" for n in itertools.count())))
    if not pieces:
        raise KeyError(f"{group.name} has no attribute {attribute}")
    names = [name for piece in pieces for name in group.attrs[piece]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
