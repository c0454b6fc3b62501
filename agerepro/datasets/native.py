"""Where a data set's native layout lies under its folder, and the errors that say what was expected there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from agerepro.datasets.card import read_card
from agerepro.errors import UserError


def missing(dataset: str, root: Path, expected: str) -> UserError:
    """The error of a folder without the native layout: what was expected where, and the card's way to get it."""
    return UserError(f"{root} holds no {expected}. {read_card(dataset).how_to_get}")


def native_folder(dataset: str, root: Path, nestings: Iterable[str], holds: Callable[[Path], bool], expected: str) -> Path:
    """The first of the nestings (paths below `root`, "." for itself) that exists and `holds` the native layout.

    Raises UserError when there is none; `expected` describes what was looked for.
    """
    for nesting in nestings:
        folder = root / nesting
        if folder.is_dir() and holds(folder):
            return folder
    raise missing(dataset, root, expected)


def names_in(folder: Path) -> list[str]:
    """Sorted names in a folder, hidden ones left out. Raises UserError when the folder cannot be listed."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder} cannot be listed: {error.strerror}. Check that it is a folder that you may read.") from None


def below(folder: Path, root: Path) -> str:
    """The path from `root` to `folder` as a prefix for names in it: "" or "images/"."""
    relative = folder.relative_to(root).as_posix()
    return "" if relative == "." else f"{relative}/"
