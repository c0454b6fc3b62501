"""The map of every tested photo, under the network of the fold that did not see the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.diagnosis.fold_files import fold_digest, once
from agerepro.diagnosis.run_faces import RunFaces
from agerepro.diagnosis.wish import Aim, classes_for
from agerepro.explain.maps import Kind, maps_of
from agerepro.training.restore import Restored

BATCH = 32
Clock = Callable[[], float]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FoldMaps:
    """Maps (n, h, w) float32 of `photos`, each divided by its largest absolute value, which is `scale` (n,); `seconds` they took.

    Divided, since a probability's slope may be smaller than what float16 holds. A map of zeros stays, its scale 0.
    """

    photos: tuple[str, ...]
    maps: np.ndarray
    scale: np.ndarray
    seconds: float


def fold_maps(
    back: Restored,
    faces: RunFaces,
    tested: pd.DataFrame,
    *,
    how: Kind,
    aim: Aim,
    layer: str,
    folder: Path,
    clock: Clock,
    on_progress: Progress,
) -> FoldMaps:
    """Maps of the photos in `tested` (columns `fold`, `photo`), in its order of folds; a fold's maps are kept in `folder`.

    A stopped call goes on where it was. Raises UserError for a fold without weights, a wrong layer, or an age that is no class.
    """
    seed, parts, done = back.experiment.seeds[0], [], 0
    on_progress(0, len(tested))
    for fold, mine in tested.groupby("fold"):
        photos, number = list(mine["photo"]), int(str(fold))

        def make(photos: list[str] = photos, number: int = number) -> dict[str, np.ndarray]:
            began = clock()
            back.fill(number, seed=seed)
            images = faces.images(faces.rows(photos))
            target = classes_for(aim, back, images)
            maps = maps_of(back.network.full, images, layer, target=target, bins=back.bins, how=how, batch=BATCH)
            return {**divided(maps), "seconds": np.array(clock() - began)}

        parts.append((photos, once(folder / f"{number:03d}.npz", fold_digest(back, number, photos, how, aim, layer), make)))
        done += len(photos)
        on_progress(done, len(tested))
    return FoldMaps(
        tuple(photo for photos, _ in parts for photo in photos),
        np.concatenate([arrays["maps"] for _, arrays in parts]).astype(np.float32),
        np.concatenate([arrays["scale"] for _, arrays in parts]),
        float(sum(arrays["seconds"] for _, arrays in parts)),
    )


def divided(maps: np.ndarray) -> dict[str, np.ndarray]:
    """`maps` (n, h, w) float16 in -1..1 and what they were divided by, `scale` (n,) float32."""
    scale = np.abs(maps).max(axis=(1, 2))
    shares = np.divide(maps, scale[:, None, None], out=np.zeros_like(maps), where=scale[:, None, None] > 0)
    return {"maps": shares.astype(np.float16), "scale": scale.astype(np.float32)}
