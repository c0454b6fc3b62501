"""Pictures of where the network looked on each face: the face as the network saw it, and its map laid over it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from agerepro.diagnosis.wish import EXPECTED, Wish, aim_of, layer_of
from agerepro.explain.maps import Kind, maps_of
from agerepro.explain.overlay import laid_over
from agerepro.explain.targets import Target
from agerepro.files import write_bytes
from agerepro.inputs.sources import PLAIN, Faces
from agerepro.prediction.estimates import Row
from agerepro.prediction.outputs import JpegPixels
from agerepro.training.restore import Restored

SIDE = 336  # pixels of either picture
GAP = 12
BATCH = 16
KINDS = {"mean": "Class activation maps", "grad_cam": "Grad-CAM maps", "sensitivity": "Sensitivity maps"}


def with_maps(
    restored: Restored, rows: Sequence[Row], folder: Path, *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> list[Row]:
    """Write a PNG for every row with a face, and return the rows with its path as `map`.

    The map speaks of what the row says: the expected age, or the predicted group. Over several folds it is the mean of theirs, and
    it is of the crop itself, not of its mirror image. Raises UserError, before anything is computed, where the run has no such map.
    """
    explainable(restored, how)
    shown = [number for number, row in enumerate(rows) if row.image]
    found = list(rows)
    for number, picture in zip(shown, _pictures(restored, [rows[at] for at in shown], how=how, folds=folds, on_progress=on_progress)):
        path = folder / f"{number + 1:04d}-{Path(rows[number].values['photo']).stem}.png"
        write_bytes(path, picture)
        found[number] = replace(rows[number], values=rows[number].values | {"map": str(path)})
    return found


def explainable(restored: Restored, how: Kind) -> tuple[str, str]:
    """What maps of this kind speak of in words, and the layer they are of; UserError where this run has none."""
    wish = Wish(how=how)
    aim = aim_of(wish, restored.experiment)
    return "the expected age" if aim == EXPECTED else "the predicted group", layer_of(wish, restored.network.last_map)


def maps_in_words(restored: Restored, how: Kind, folder: Path) -> str:
    """What the pictures show, for the person who asked."""
    of, layer = explainable(restored, how)
    return f"{KINDS[how]} of {of}, at {layer}, each by its own strongest place: {folder}"


def _pictures(
    restored: Restored, rows: Sequence[Row], *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> Iterator[bytes]:
    """A PNG for each row, in order."""
    if not rows:
        return
    experiment, (_, layer) = restored.experiment, explainable(restored, how)
    faces = Faces(JpegPixels([row.image for row in rows], experiment.faces.size), [""] * len(rows), experiment.augment, ())
    batches = [np.arange(at, min(at + BATCH, len(rows))) for at in range(0, len(rows), BATCH)]
    heat, done = [np.zeros((1, 1, 1), np.float32) for _ in batches], 0  # sums over folds: only the shape of a map is drawn, not its scale
    for fold in folds:
        restored.fill(fold, seed=experiment.seeds[0])
        for number, here in enumerate(batches):
            target, images = _target(restored, [rows[at] for at in here.tolist()]), faces.batch(here, PLAIN)
            found = maps_of(restored.network.full, images, layer, target=target, bins=restored.bins, how=how)
            heat[number] = heat[number] + found
            done += len(here)
            on_progress(done, len(rows) * len(folds))
    for here, together in zip(batches, heat):
        for face, one in zip(faces.batch(here, PLAIN), together):
            yield _picture(np.clip(face, 0, 255).astype(np.uint8), one)


def _target(restored: Restored, rows: Sequence[Row]) -> Target:
    """Of age groups the one that the row names, also where a single fold would name another."""
    if not restored.labels:
        return "expected_age"
    return np.array([row.posterior.argmax() for row in rows if row.posterior is not None])


def _picture(face: np.ndarray, heat: np.ndarray) -> bytes:
    sheet = Image.new("RGB", (2 * SIDE + GAP, SIDE), "white")
    sheet.paste(Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.LANCZOS), (0, 0))
    sheet.paste(Image.fromarray(laid_over(face, heat, SIDE)), (SIDE + GAP, 0))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
