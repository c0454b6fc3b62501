"""FG-NET: names like 001A02.JPG, person 001 at age 2; a letter tells two photos of a person at one age apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agerepro.datasets.layout import Layout, names_match, photos_by_name
from agerepro.datasets.photos import Photos

# The original archive has 14 names in .jpg, one `001a02.JPG` and 28 with a letter a or b: case is ignored throughout.
NAME = re.compile(r"(\d{3})A(\d{2})[a-z]?\.jpe?g", re.IGNORECASE)
FORM = "001A02.JPG"
LAYOUTS = {"fgnet": Layout((".", "images", "FGNET/images", "FGNET", "FG-NET/images", "FG-NET"), names_match(NAME), f"photos named {FORM}")}


def read(root: Path) -> Photos:
    """The photos of FG-NET under `root`; ages are whole years, subjects three digits. UserError where there are none."""
    return photos_by_name("fgnet", root, LAYOUTS["fgnet"], NAME, _labels, form=FORM)


def _labels(match: re.Match[str]) -> dict[str, Any]:
    return {"subject": match[1], "age": float(match[2])}
