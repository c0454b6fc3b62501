"""How a data set's native folders and file names are found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agerepro.datasets.catalog import read_card
from agerepro.datasets.photos import Photos, SkippedItem, photos_of
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


def photos_by_name(
    dataset: str,
    root: Path,
    nestings: Iterable[str],
    pattern: re.Pattern[str],
    labels: Callable[[re.Match[str]], dict[str, Any]],
    *,
    form: str,
) -> Photos:
    """Photos whose names match `pattern` in the first nesting that has one; `labels` turns the match into columns.

    Keys do not depend on the nesting, so the same photos have the same keys wherever the archive was unpacked. Other names are
    skipped, and so is a name that differs from an earlier one in upper and lower case only: it is a copy of the same photo.
    `form` says in errors and reasons how a name looks. Raises UserError when no name fits.
    """

    def holds(folder: Path) -> bool:
        return any(pattern.fullmatch(name) for name in names_in(folder))

    folder = native_folder(dataset, root, nestings, holds, f"photos named {form}")
    prefix = below(folder, root)
    rows: list[dict[str, Any]] = []
    skipped: list[SkippedItem] = []
    seen: dict[str, str] = {}
    for name in names_in(folder):
        match = pattern.fullmatch(name)
        if match is None:
            skipped.append(SkippedItem(prefix + name, f"the name is not of the form {form}"))
        elif name.casefold() in seen:
            skipped.append(SkippedItem(prefix + name, f"the same name as {seen[name.casefold()]} but for upper and lower case"))
        else:
            seen[name.casefold()] = name
            rows.append({"photo": f"{dataset}/{name}", "path": prefix + name, **labels(match)})
    return photos_of(rows, skipped)
