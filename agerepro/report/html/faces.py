"""Small pictures of the tested faces, from the store that the run was trained on."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from agerepro.faces.align_dataset import store_folder
from agerepro.faces.store import FaceStore
from agerepro.report.html.loaded import Loaded
from agerepro.tables import FACES, read_table

SIDE = 96  # pixels; a smaller crop stays as it is
QUALITY = 72
MIME = "image/webp"


def store_of(run: Loaded) -> Path | None:
    """The folder of the face store that holds the run's crops; None where it is gone."""
    folder = store_folder(run.photos, run.experiment.faces, run.runs / "faces")
    return folder if (folder.parent / "faces.csv").is_file() else None


def thumbnails(folder: Path, photos: list[str]) -> dict[str, str]:
    """Base64 of a WebP picture by photo, for those of `photos` that have a crop in the store at `folder`."""
    faces = read_table(folder.parent / "faces.csv", FACES)
    keys = dict(zip(faces["photo"], faces["image"]))
    store = FaceStore(folder)
    found = {photo: keys[photo] for photo in photos if keys.get(photo, "") in store}
    return {photo: thumbnail(image) for photo, key in found.items() if (image := store.read(key))}


def thumbnail(image: bytes) -> str:
    """A crop's JPEG or PNG bytes as base64 of a WebP picture, at most SIDE pixels wide and high; equal bytes for equal pixels."""
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=6)
    return base64.b64encode(out.getvalue()).decode()
