"""AgeDB: names like <number>_<Name>_<age>_<m|f>.jpg, the name in CamelCase without spaces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agerepro.datasets.layout import Layout, names_match, photos_by_name
from agerepro.datasets.photos import Photos

NAME = re.compile(r"\d+_(.+)_(\d{1,3})_([mf])\.jpe?g", re.IGNORECASE)
FORM = "<number>_<Name>_<age>_<m|f>.jpg"
LAYOUTS = {"agedb": Layout((".", "AgeDB"), names_match(NAME), f"photos named {FORM}")}


def read(root: Path) -> Photos:
    """The photos of AgeDB under `root`; ages are whole years, the subject is the name. UserError where there are none."""
    return photos_by_name("agedb", root, LAYOUTS["agedb"], NAME, _labels, form=FORM)


def _labels(match: re.Match[str]) -> dict[str, Any]:
    return {"subject": match[1], "age": float(match[2]), "gender": match[3].lower()}
