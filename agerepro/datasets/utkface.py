"""UTKFace: names like 25_1_0_20170116174525125.jpg.chip.jpg, the age, the gender, the race and the time of collection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agerepro.datasets.layout import Layout, list_folder, nested, photos_by_name
from agerepro.datasets.photos import Photos

# Two names of the published archives lack a letter or a sign at the end and say their labels all the same: `...357jpg.chip.jpg` and
# `....pg.chip.jpg`; one has a blank before `.jpg`. Those that lack a label have only two numbers before the time, and are skipped.
NAME = re.compile(r"(\d{1,3})_([01])_[0-4]_\d{17} ?\.?\w*(?:\.chip)?\.jpg", re.IGNORECASE)
FORM = "[age]_[gender]_[race]_[date&time].jpg"
GENDERS = {"0": "m", "1": "f"}
PARTS = ("part1", "part2", "part3")  # of the photos in the wild


def read(root: Path) -> Photos:
    """The photos of UTKFace under `root`, cropped or in the wild; whole years, nobody known. UserError where there are none."""
    return photos_by_name("utkface", root, LAYOUTS["utkface"], NAME, _labels, form=FORM, parts=PARTS)


def _labels(match: re.Match[str]) -> dict[str, Any]:
    return {"age": float(match[1]), "gender": GENDERS[match[2]]}


def _holds(folder: Path) -> bool:
    places = (folder, *(place for part in PARTS if (place := nested(folder, part)) is not None))
    return any(NAME.fullmatch(name) for place in places for name in list_folder(place).files)


LAYOUTS = {"utkface": Layout((".", "UTKFace", "utkface_aligned_cropped/UTKFace", "UTKface_inthewild"), _holds, f"photos named {FORM}")}
