"""Fixtures of the faces tests: pixels of a portrait, photos tables of files in a folder, a detector that costs nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.faces import crops
from agerepro.faces.decode import decode
from tests.faces.rectangles import Rectangles

SIDES = ("left", "top", "right", "bottom")


@pytest.fixture(scope="session")
def portrait(portraits: list[Path]) -> np.ndarray:
    """Pixels of one portrait."""
    return decode(portraits[0].read_bytes())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Rectangles:
    """The detector of this test: white rectangles are faces."""
    stand_in = Rectangles()
    monkeypatch.setattr(crops, "detector", lambda: stand_in)
    return stand_in


@pytest.fixture(scope="session")
def photos_of() -> Callable[..., pd.DataFrame]:
    """A photos table (the columns that alignment reads) of paths, without or with one box for all."""

    def build(paths: list[str], box: tuple[float, ...] | None = None) -> pd.DataFrame:
        columns = dict(zip(SIDES, box or [float("nan")] * 4))
        return pd.DataFrame({"photo": [f"toy/{path}" for path in paths], "path": paths, **columns})

    return build


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Bytes of a picture in any format that Pillow writes."""

    def encode(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        content = io.BytesIO()
        image.save(content, kind, **options)
        return content.getvalue()

    return encode


@pytest.fixture(scope="session")
def heif_writer() -> None:
    """Lets Pillow, and so `encoded`, write HEIC."""
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
