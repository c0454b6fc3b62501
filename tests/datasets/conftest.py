"""Fixtures of the data set tests: .mat files in the structure of the published ones, and tiny JPEGs."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

# Born 27 September 1937, photographed in 1971: 33 (a row of the published WIKI table). Passes every step of the cleaning.
GOOD = {
    "dob": 707745.0, "photo_taken": 1971, "full_path": "41/10003541_1937-09-27_1971.jpg", "gender": 1.0, "name": "Jan Doe",
    "face_location": [11.5, 21.0, 60.0, 80.25], "face_score": 3.5, "second_face_score": np.nan, "celeb_id": 1.0,
}  # fmt: skip
CELLS = ("full_path", "name", "face_location")


def cell(values: list[Any]) -> np.ndarray:
    """A 1 x n MATLAB cell."""
    array = np.empty((1, len(values)), object)
    for i, value in enumerate(values):
        array[0, i] = np.array([value]) if isinstance(value, list) else value
    return array


@pytest.fixture
def mat_struct() -> Callable[..., dict[str, Any]]:
    """`mat_struct({"gender": nan}, {})`: the struct of one row a dict, each a good row with these changes."""

    def build(*changes: dict[str, Any], celeb_names: list[str] | None = None) -> dict[str, Any]:
        rows = [GOOD | change for change in changes]
        fields = [name for name in GOOD if name != "celeb_id" or celeb_names is not None]
        struct = {name: cell([row[name] for row in rows]) if name in CELLS else np.array([[row[name] for row in rows]]) for name in fields}
        struct["photo_taken"] = struct["photo_taken"].astype(np.uint16)
        return struct if celeb_names is None else struct | {"celeb_names": cell(celeb_names)}

    return build


@pytest.fixture
def save_mat() -> Callable[[Path, str, dict[str, Any]], Path]:
    """`save_mat(path, "wiki", struct)` writes a 1x1 struct of that name, as MATLAB before 7.3."""

    def save(path: Path, name: str, struct: dict[str, Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {name: struct})
        return path

    return save


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """`jpeg(seed)`: the bytes of a noisy 24 x 16 picture; options go to Pillow's encoder."""

    def encode(seed: int, **options: Any) -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def touch() -> Callable[..., Path]:
    """`touch(folder, "a.jpg", "b/c.jpg")` makes empty files, since readers never open photos."""

    def make(folder: Path, *names: str) -> Path:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        return folder

    return make
