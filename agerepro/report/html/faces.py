"""Small pictures of the tested faces, from the store that the run was trained on."""

from __future__ import annotations

import base64
import io

from PIL import Image

from agerepro.inputs.crops_of_run import CropsOfRun

SIDE = 96  # pixels; a smaller crop stays as it is
QUALITY = 72
MIME = "image/webp"


def thumbnails(crops: CropsOfRun, photos: list[str]) -> dict[str, str]:
    """Base64 of a WebP picture by photo, for those of `photos` that have a crop."""
    keys, store = dict(zip(crops.photos["photo"], crops.photos["image"])), crops.store()
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
