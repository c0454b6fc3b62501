"""VGGFace2: one folder an identity under train/ and test/, with optional boxes; it has people and no ages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.datasets.layout import IS_A_FOLDER, Layout, below, list_folder, native_folder, nested
from agerepro.datasets.photos import BOX, Photos, SkippedItem, photos_of
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

SPLITS = ("train", "test")
PERSON = re.compile(r"n\d{6}")
PHOTO = re.compile(r"\d{4}_\d{2}\.jpg")
BOX_FOLDERS = ("bb_landmark", "meta/bb_landmark")
BOX_COLUMNS = ["NAME_ID", "X", "Y", "W", "H"]


def read(root: Path) -> Photos:
    """The photos of VGGFace2 under `root`; subjects are folder names (n000002), ages unknown, boxes in pixels where given.

    Boxes come from bb_landmark/loose_bb_<split>.csv. UserError when there is no identity folder or a box file is of another
    shape.
    """
    folder = native_folder("vggface2", root, LAYOUTS["vggface2"])
    photos = photos_of(*_listed(folder, root))
    tables = [place / f"loose_bb_{split}.csv" for split in SPLITS for name in BOX_FOLDERS if (place := nested(folder, name)) is not None]
    files = [path for path in tables if path.exists()]
    boxes = [_boxes(path, path.stem.removeprefix("loose_bb_")) for path in files]
    if not boxes:
        return photos
    table = photos.table.drop(columns=BOX).merge(pd.concat(boxes), on="photo", how="left")
    return Photos(
        table=coerce(table, PHOTOS), skipped=photos.skipped, label_files=tuple(path.relative_to(root).as_posix() for path in files)
    )


def _listed(folder: Path, root: Path) -> tuple[list[dict[str, Any]], list[SkippedItem]]:
    rows: list[dict[str, Any]] = []
    skipped: list[SkippedItem] = []
    for split, place in _split_folders(folder).items():
        prefix = below(place, root)
        people = list_folder(place, prefix)
        skipped += people.skipped
        skipped += [SkippedItem(prefix + name, "it is a file, not the folder of a person") for name in people.files]
        for person in people.folders:
            if not PERSON.fullmatch(person):
                skipped.append(SkippedItem(prefix + person, "the name is not of the form n000002"))
                continue
            photos = list_folder(place / person, f"{prefix}{person}/")
            skipped += photos.skipped
            skipped += [SkippedItem(f"{prefix}{person}/{name}", IS_A_FOLDER) for name in photos.folders]
            for name in photos.files:
                path = f"{prefix}{person}/{name}"
                if PHOTO.fullmatch(name):
                    rows.append({"photo": f"vggface2/{split}/{person}/{name}", "path": path, "subject": person, "split": split})
                else:
                    skipped.append(SkippedItem(path, "the name is not of the form 0001_01.jpg"))
    return rows, skipped


def _split_folders(folder: Path) -> dict[str, Path]:
    places = {split: nested(folder, split) for split in SPLITS}
    return {split: place for split, place in places.items() if place is not None}


def _has_people(folder: Path) -> bool:
    return any(PERSON.fullmatch(name) for place in _split_folders(folder).values() for name in list_folder(place).folders)


def _boxes(path: Path, split: str) -> pd.DataFrame:
    try:
        rows = pd.read_csv(path)
        if list(rows.columns) != BOX_COLUMNS:
            raise UserError(f"{path} has the columns {', '.join(map(str, rows.columns))}; expected {', '.join(BOX_COLUMNS)}.")
        corner_and_size = rows[["X", "Y", "W", "H"]].astype("float64")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise UserError(f"{path} is not a table of boxes: {error}") from None
    left, top, width, height = (corner_and_size[name] for name in "XYWH")
    boxes = pd.DataFrame(
        {
            "photo": f"vggface2/{split}/" + rows["NAME_ID"].astype(str) + ".jpg",
            "left": left,
            "top": top,
            "right": left + width,
            "bottom": top + height,
        }
    )
    return boxes.drop_duplicates("photo")


LAYOUTS = {"vggface2": Layout((".", "VGGFace2", "data"), _has_people, "folders train/n000002 or test/n000001")}
