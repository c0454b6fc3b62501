"""VGGFace2: one folder an identity under train/ and test/, with optional boxes; it has people and no ages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.datasets.layout import below, names_in, native_folder
from agerepro.datasets.photos import Photos, SkippedItem, photos_of
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

SPLITS = ("train", "test")
PERSON = re.compile(r"n\d{6}")
PHOTO = re.compile(r"\d{4}_\d{2}\.jpg")
NESTINGS = (".", "VGGFace2", "vggface2", "data")
BOX_FOLDERS = ("bb_landmark", "meta/bb_landmark")
BOX_COLUMNS = ["NAME_ID", "X", "Y", "W", "H"]


def read(root: Path) -> Photos:
    """The photos of VGGFace2 under `root`; subjects are folder names (n000002), ages unknown, boxes in pixels where given.

    Boxes come from bb_landmark/loose_bb_<split>.csv. UserError when there is no identity folder or a box file is of another
    shape.
    """
    home = native_folder("vggface2", root, NESTINGS, _has_people, "folders train/n000002 or test/n000001")
    photos = photos_of(*_listed(home, below(home, root)))
    boxes = [_boxes(path, split) for split in SPLITS for place in BOX_FOLDERS if (path := home / place / f"loose_bb_{split}.csv").exists()]
    if not boxes:
        return photos
    table = photos.table.drop(columns=["left", "top", "right", "bottom"]).merge(pd.concat(boxes), on="photo", how="left")
    return Photos(table=coerce(table, PHOTOS), skipped=photos.skipped)


def _has_people(folder: Path) -> bool:
    return any(PERSON.fullmatch(name) for split in SPLITS if (folder / split).is_dir() for name in names_in(folder / split))


def _listed(home: Path, prefix: str) -> tuple[list[dict[str, Any]], list[SkippedItem]]:
    rows: list[dict[str, Any]] = []
    skipped: list[SkippedItem] = []
    for split in (split for split in SPLITS if (home / split).is_dir()):
        for person in names_in(home / split):
            if not PERSON.fullmatch(person):
                skipped.append(SkippedItem(f"{prefix}{split}/{person}", "the name is not of the form n000002"))
                continue
            for name in names_in(home / split / person):
                place = f"{split}/{person}/{name}"
                if PHOTO.fullmatch(name):
                    rows.append({"photo": f"vggface2/{place}", "path": prefix + place, "subject": person, "split": split})
                else:
                    skipped.append(SkippedItem(prefix + place, "the name is not of the form 0001_01.jpg"))
    return rows, skipped


def _boxes(path: Path, split: str) -> pd.DataFrame:
    try:
        found = pd.read_csv(path)
        if list(found.columns) != BOX_COLUMNS:
            raise UserError(f"{path} has the columns {', '.join(map(str, found.columns))}; expected {', '.join(BOX_COLUMNS)}.")
        corner_and_size = found[["X", "Y", "W", "H"]].astype("float64")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise UserError(f"{path} is not a table of boxes: {error}") from None
    left, top, width, height = (corner_and_size[name] for name in "XYWH")
    boxes = pd.DataFrame(
        {
            "photo": f"vggface2/{split}/" + found["NAME_ID"].astype(str) + ".jpg",
            "left": left,
            "top": top,
            "right": left + width,
            "bottom": top + height,
        }
    )
    return boxes.drop_duplicates("photo")
