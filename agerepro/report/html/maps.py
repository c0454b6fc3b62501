"""The maps that `agerepro explain` left in a run folder, as small pictures to lay over the faces."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from agerepro.errors import UserError

LARGEST_SIDE = 28  # pixels: a map is smooth, and the browser enlarges it
MIME = "image/png"
# From weak to strong, Okabe and Ito's vermilion and blue in the middle; lightness grows along, so that it reads in grey, too.
WARM = ((0.0, (90, 30, 0)), (0.5, (213, 94, 0)), (1.0, (255, 222, 89)))
COLD = ((0.0, (0, 40, 80)), (0.5, (0, 114, 178)), (1.0, (140, 215, 255)))
_STEPS = 32


@dataclass(frozen=True)
class Maps:
    """Maps of one run: base64 of a PNG by photo, how they were made, regions-summary.csv (or None), and what was said of them."""

    pictures: dict[str, str]
    about: dict[str, str]
    signed: bool
    regions: pd.DataFrame | None
    told: str

    @property
    def sentence(self) -> str:
        """`Maps of 547 photos: grad_cam of the expected age at conv5_3, 7 x 7 places.`"""
        about = self.about
        of = f"{about.get('how', 'made')} of the {about.get('target', 'answer').replace('_', ' ')} at {about.get('layer', 'a layer')}"
        places = f", {about['places']} places" if "places" in about else ""
        return f"Maps of {len(self.pictures):,} photos: {of}{places}."


def read_maps(folder: Path, photos: set[str]) -> Maps | None:
    """The maps of these photos from RUN/explain; None where nobody has made any. UserError for a file of another shape."""
    path = folder / "explain" / "maps.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        if not {"photos", "maps"} <= set(file.files):
            raise UserError(f"{path} holds {', '.join(file.files)} and not photos and maps. Make it again with `agerepro explain`.")
        names, heat = [str(name) for name in file["photos"]], file["maps"].astype(np.float32)
    if heat.ndim != 3 or len(heat) != len(names):
        raise UserError(f"{path} holds maps of shape {heat.shape} for {len(names)} photos. Make it again with `agerepro explain`.")
    about, regions = folder / "explain" / "about.json", folder / "explain" / "regions-summary.csv"
    told_in = folder / "explain" / "explanation.txt"
    told = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    return Maps(
        {name: picture(one) for name, one in zip(names, heat) if name in photos},
        {key: str(value) for key, value in told.items()},
        bool((heat < 0).any()),
        pd.read_csv(regions) if regions.is_file() else None,
        told_in.read_text(encoding="utf-8") if told_in.is_file() else "",
    )


def picture(heat: np.ndarray) -> str:
    """A map (h, w) as base64 of a PNG with a palette: alpha and brightness grow with |value|, negative places are blue."""
    strongest = float(np.abs(heat).max())
    scaled = np.nan_to_num(heat / strongest if strongest else heat)
    small = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    steps = np.clip(np.rint(np.asarray(small) * _STEPS), -_STEPS, _STEPS).astype(int)
    indexed = Image.fromarray((steps + _STEPS).astype(np.uint8))
    indexed.putpalette(_PALETTE)
    out = io.BytesIO()
    indexed.save(out, "PNG", transparency=_ALPHA, optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _colour(level: float) -> bytes:
    stops = COLD if level < 0 else WARM
    places = [place for place, _ in stops]
    return bytes(round(float(np.interp(abs(level), places, [colour[channel] for _, colour in stops]))) for channel in range(3))


_LEVELS = [step / _STEPS for step in range(-_STEPS, _STEPS + 1)]
_PALETTE = b"".join(_colour(level) for level in _LEVELS)
_ALPHA = bytes(round(255 * min(1.0, 1.15 * abs(level))) for level in _LEVELS)
