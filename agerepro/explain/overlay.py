"""A map laid over the face it is of: one look for figures and for one's own photos; NumPy and Pillow only."""

from __future__ import annotations

import numpy as np
from PIL import Image

from agerepro.explain.heat import upsampled

# Blue speaks against, orange for; told apart with any colour vision, and white is neither. From -1 to 1, evenly apart.
STOPS = ("#00345F", "#0072B2", "#8CD7FF", "#FFFFFF", "#FFB25A", "#D55E00", "#6E2600")
_RGB = np.array([[int(stop[at : at + 2], 16) for at in (1, 3, 5)] for stop in STOPS], float)
FADED = 0.75  # of the face's darkness is kept, so that dark hair is not taken for a strong map
STRONGEST = 0.85  # opacity of the strongest place


def laid_over(face: np.ndarray, heat: np.ndarray, side: int) -> np.ndarray:
    """The grey face (s, s, 3) uint8 under its map (h, w), at (side, side, 3) uint8 RGB; the stronger, the less of the face shows.

    The map is divided by its own largest absolute value and stretched; a map of zeros leaves the faded face.
    """
    strongest = float(np.abs(heat).max()) or 1.0
    level = upsampled(heat[None] / strongest, side)[0]
    large = Image.fromarray(np.ascontiguousarray(face)).resize((side, side), Image.Resampling.LANCZOS)
    grey = 255 - (255 - np.asarray(large, float).mean(axis=-1, keepdims=True)) * FADED
    opacity = np.clip(np.abs(level) * STRONGEST, 0, 1)[..., None]
    return np.rint(grey * (1 - opacity) + coloured(level) * opacity).astype(np.uint8)


def coloured(levels: np.ndarray) -> np.ndarray:
    """Levels in -1..1, of any shape, as RGB in 0..255 along a new last axis."""
    at = np.linspace(-1, 1, len(STOPS))
    return np.stack([np.interp(levels, at, _RGB[:, channel]) for channel in range(3)], axis=-1)
