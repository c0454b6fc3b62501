"""IMDB: celebrities' photos with dates of birth and years of the photo, from imdb.mat."""

from __future__ import annotations

from pathlib import Path

from agerepro.datasets.imdb_wiki import read_cleaned
from agerepro.datasets.reading import Photos


def read(root: Path) -> Photos:
    """The photos of IMDB under `root` that pass the cleaning; ages are whole years at mid-year. UserError as `read_cleaned`."""
    return read_cleaned("imdb", root)
