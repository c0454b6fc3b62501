"""How a data set's native folders and file names are found, however its archive was unpacked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from agerepro.datasets.catalog import read_card
from agerepro.datasets.photos import Photos, SkippedItem, photos_of
from agerepro.errors import UserError
from agerepro.io import printable

NOT_UTF8 = "the name is not UTF-8"
IS_A_FOLDER = "it is a folder, not a photo"
SEARCH_DEPTH, SEARCH_FOLDERS = 4, 1000  # how deep, and through how many folders of each depth, a search goes


@dataclass(frozen=True)
class Layout:
    """Where the native files of a data set lie below its folder.

    nestings: paths with /, "." for the folder itself, the likelier first. holds: whether the files lie directly in a folder.
    expected: what was looked for, in errors: "photos named 001A02.JPG".
    """

    nestings: tuple[str, ...]
    holds: Callable[[Path], bool]
    expected: str


@dataclass(frozen=True)
class Listing:
    """Sorted names in a folder, hidden ones left out; `skipped` are those that are not UTF-8, which no table can hold."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    skipped: tuple[SkippedItem, ...]


def list_folder(folder: Path, prefix: str = "") -> Listing:
    """What lies in a folder; `prefix` leads from the data set's folder to it. UserError when it cannot be listed."""
    files: list[str] = []
    folders: list[str] = []
    skipped: list[SkippedItem] = []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                if printable(entry.name) != entry.name:
                    skipped.append(SkippedItem(printable(prefix + entry.name), NOT_UTF8))
                else:
                    (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be listed: {error.strerror}. Check that it is a folder that you may read.") from None
    return Listing(tuple(files), tuple(folders), tuple(skipped))


def native_folder(dataset: str, root: Path, layout: Layout) -> Path:
    """The folder that holds the native files: the first of the layout's nestings below `root`, or below one of its folders.

    Folders may be written in upper or lower case. Raises UserError when there is none, and says where such files lie deeper down;
    also when several folders of `root` hold them.
    """
    if (folder := _first_nesting(root, layout)) is not None:
        return folder
    below_root = [root / name for name in list_folder(root).folders] if root.is_dir() else []
    deeper = [folder for start in below_root if (folder := _first_nesting(start, layout)) is not None]
    if len(deeper) > 1:
        places = ", ".join(map(str, deeper))
        raise UserError(f"{root} holds {layout.expected} in {len(deeper)} folders: {places}. Give the one to use, or move the others.")
    if not deeper:
        raise missing(dataset, root, layout.expected, hint=where_else(dataset, root, layout, place=root))
    return deeper[0]


def missing(dataset: str, root: Path, expected: str, *, hint: str = "") -> UserError:
    """The error of a folder without the native layout: what was expected where, and `hint`, else the card's way to get it."""
    return UserError(f"{root} holds no {expected}. {hint or read_card(dataset).how_to_get}")


def where_else(dataset: str, start: Path, layout: Layout, *, place: Path) -> str:
    """A sentence that names the folder nearest below `start` in which files named as the data set's lie; "" where none does.

    place: where they are looked for.
    """
    level = [start]
    for _ in range(SEARCH_DEPTH + 1):
        if (folder := next((folder for folder in level if _holds(layout, folder)), None)) is not None:
            return f"Files named like those of {dataset} lie in {folder}: give that folder, or move or link it to {place}."
        level = [folder / name for folder in level for name in folders_in(folder)][:SEARCH_FOLDERS]
    return ""


def nested(root: Path, nesting: str) -> Path | None:
    """The folder `nesting` (a path with /, "." for `root` itself) below `root`, in whatever case it is written; None without one."""
    folder = root
    for part in PurePosixPath(nesting).parts:
        if (folder / part).is_dir():
            folder /= part
            continue
        name = next((name for name in folders_in(folder) if name.casefold() == part.casefold()), None)
        if name is None:
            return None
        folder /= name
    return folder if folder.is_dir() else None


def folders_in(folder: Path) -> tuple[str, ...]:
    """Sorted names of the folders in a folder; none where it cannot be listed."""
    try:
        return list_folder(folder).folders
    except UserError:
        return ()


def below(folder: Path, root: Path) -> str:
    """The path from `root` to `folder` as a prefix for names in it: "" or "images/"."""
    relative = folder.relative_to(root).as_posix()
    return "" if relative == "." else f"{relative}/"


def names_match(pattern: re.Pattern[str]) -> Callable[[Path], bool]:
    """A test of a folder: whether one of its files bears a name of this form."""
    return lambda folder: any(pattern.fullmatch(name) for name in list_folder(folder).files)


def photos_by_name(
    dataset: str,
    root: Path,
    layout: Layout,
    pattern: re.Pattern[str],
    labels: Callable[[re.Match[str]], dict[str, Any]],
    *,
    form: str,
    parts: tuple[str, ...] = (),
) -> Photos:
    """Photos whose names match `pattern` in the native folder; `labels` turns the match into columns.

    Keys do not depend on the nesting, so the same photos have the same keys wherever the archive was unpacked. Other names are
    skipped, and so are folders, and a name that differs from an earlier one in upper and lower case only: it is a copy of the same
    photo. `form` says in reasons how a name looks; `parts` are folders in the native one over which its photos may be spread. Raises
    UserError when no name fits.
    """
    folder = native_folder(dataset, root, layout)
    spread = [place for part in parts if (place := nested(folder, part)) is not None]
    rows: list[dict[str, Any]] = []
    skipped: list[SkippedItem] = []
    earlier: dict[str, str] = {}
    for place in (folder, *spread):
        prefix = below(place, root)
        listing = list_folder(place, prefix)
        skipped += listing.skipped
        skipped += [SkippedItem(prefix + name, IS_A_FOLDER) for name in listing.folders if place / name not in spread]
        for name in listing.files:
            match = pattern.fullmatch(name)
            if match is None:
                skipped.append(SkippedItem(prefix + name, f"the name is not of the form {form}"))
            elif name.casefold() in earlier:
                skipped.append(SkippedItem(prefix + name, f"the same name as {earlier[name.casefold()]} but for upper and lower case"))
            else:
                earlier[name.casefold()] = name
                rows.append({"photo": f"{dataset}/{name}", "path": prefix + name, **labels(match)})
    return photos_of(rows, skipped)


def _first_nesting(root: Path, layout: Layout) -> Path | None:
    folders = (nested(root, nesting) for nesting in layout.nestings)
    return next((folder for folder in folders if folder is not None and layout.holds(folder)), None)


def _holds(layout: Layout, folder: Path) -> bool:
    try:
        return layout.holds(folder)
    except UserError:  # a folder that may not be read holds nothing for us
        return False
