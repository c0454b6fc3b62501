"""WIKI: celebrities' photos with dates of birth and years of the photo, from wiki.mat."""

from __future__ import annotations

from pathlib import Path

from agerepro.datasets.imdb_wiki import read_cleaned
from agerepro.datasets.reading import Photos


def read(root: Path) -> Photos:
    """The photos of WIKI under `root` that pass the cleaning; ages are whole years at mid-year. UserError as `read_cleaned`."""
    return read_cleaned("wiki", root)
