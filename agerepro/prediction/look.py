"""Photo files -> the crops of their faces; a file that cannot be read is a reason, never an error."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from agerepro.experiment.schema import Faces
from agerepro.faces.crop_faces import Detect
from agerepro.faces.decode import Unreadable, decode
from agerepro.prediction.crops import Crop, Which, crops_of

BATCH = 16  # photos in memory together; one of 89 megapixels takes a quarter GiB
THREADS = 4


@dataclass(frozen=True)
class Looked:
    """What became of a photo: crops (one without an image where faces are dropped), or why it could not be read."""

    path: Path
    crops: tuple[Crop, ...] = ()
    unreadable: str = ""


def look(
    photos: Sequence[Path], settings: Faces, *, which: Which, detect: Detect, on_progress: Callable[[int, int], object]
) -> list[Looked]:
    """One result a photo, in order. `on_progress(done, total)` is called after every batch."""
    found: list[Looked] = []
    with ThreadPoolExecutor(THREADS) as pool, warnings.catch_warnings():
        # Pillow warns of pictures that `decode` refuses by its own limit.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for at in range(0, len(photos), BATCH):
            paths = photos[at : at + BATCH]
            read = list(pool.map(_read, paths))
            pixels = [one for one in read if not isinstance(one, str)]
            crops = iter(crops_of(pixels, settings, which=which, detect=detect, spread=pool.map) if pixels else [])
            for path, one in zip(paths, read):
                found.append(Looked(path, unreadable=one) if isinstance(one, str) else Looked(path, tuple(next(crops))))
            on_progress(len(found), len(photos))
    return found


def _read(path: Path) -> np.ndarray | str:
    """Upright RGB pixels, or why there are none."""
    try:
        return decode(path.read_bytes())
    except Unreadable as error:
        return error.reason
    except OSError as error:
        return f"cannot be read: {error.strerror}"
