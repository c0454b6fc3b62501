"""The data sets by name: their readers, imported when first used, and their cards."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from agerepro.datasets.card import Card, read_card
from agerepro.errors import UserError, near

if TYPE_CHECKING:
    from agerepro.datasets.reading import Photos

READERS = {
    "imdb": "agerepro.datasets.imdb",
    "wiki": "agerepro.datasets.wiki",
    "agedb": "agerepro.datasets.agedb",
    "fgnet": "agerepro.datasets.fgnet",
    "adience": "agerepro.datasets.adience",
    "vggface2": "agerepro.datasets.vggface2",
    "congress": "agerepro.datasets.congress",
}
GROUPED = ("adience",)  # readers that take a policy for the labels of age groups


def names() -> tuple[str, ...]:
    """The names of all data sets, which are also the names of their folders under --data."""
    return tuple(READERS)


def card(name: str) -> Card:
    """The card of a data set. UserError with the near name when there is no such set."""
    return read_card(_known(name))


def read(name: str, data: Path, *, group_labels: str = "exact") -> Photos:
    """The photos of the data set in `data/<name>`.

    group_labels: which labels count in a set of age groups whose labels are untidy (`GROUPED`); others do not care.

    UserError when the name is unknown, the folder is missing, or it does not hold the native layout; the last two say how to
    get the data.
    """
    module = import_module(READERS[_known(name)])
    root = folder_of(name, data)
    if not root.is_dir():
        raise UserError(f"The folder {root} does not exist. {read_card(name).how_to_get}")
    photos: Photos = module.read(root, labels=group_labels) if name in GROUPED else module.read(root)
    return photos


def folder_of(name: str, data: Path) -> Path:
    """Where the data set is looked for: `data/<name>`, or `data` itself when that is called so (`fgnet`, `congress-portraits`)."""
    if not (data / name).is_dir() and data.is_dir() and data.resolve().name.partition("-")[0].lower() == name:
        return data
    return data / name


def _known(name: str) -> str:
    if name not in READERS:
        raise UserError(f"There is no data set {name!r}.{near(name, READERS)}")
    return name
