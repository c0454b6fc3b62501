"""The photos that a user names by file and folder, and what in the folders is no photo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agerepro.errors import UserError

# Of the formats that faces/decode.py reads.
ENDINGS = (".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class PhotoFiles:
    """Paths to look at, in order, each once; and the files in folders that were left aside by their ending."""

    photos: tuple[Path, ...]
    aside: tuple[Path, ...]


def photo_files(places: Sequence[Path]) -> PhotoFiles:
    """Files as named, whatever they are called, and all pictures below the folders, sorted; hidden files are passed over.

    Links to folders are not followed. Raises UserError for a place that does not exist, and when no photo is left.
    """
    photos: dict[Path, None] = {}
    aside: list[Path] = []
    for place in places:
        if place.is_dir():
            for path in _files_below(place):
                if path.suffix.lower() in ENDINGS:
                    photos[path] = None
                else:
                    aside.append(path)
        elif os.path.lexists(place):
            photos[place] = None
        else:
            raise UserError(f"There is no photo or folder {place}. Name files, or folders with pictures in them.")
    if not photos:
        raise UserError(
            f"No picture lies in {', '.join(map(str, places))} ({len(aside)} other files). Pictures end in {', '.join(ENDINGS)}."
        )
    return PhotoFiles(tuple(photos), tuple(aside))


def _files_below(folder: Path) -> list[Path]:
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(where) / name for name in sorted(names) if not name.startswith(".")]
    return found
