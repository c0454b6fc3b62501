"""The crops of all faces in a photo, by the code and settings that cut the run's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from agerepro.experiment.schema import Faces
from agerepro.faces.crop_faces import Cropped, Detect, Spread, crop_detected, scaled
from agerepro.faces.detect import Detection
from agerepro.faces.reduce import reduced
from agerepro.prediction.tight import tight

Which = Literal["all", "largest"]


@dataclass(frozen=True)
class Crop:
    """A face's crop with its facts [FACES], coordinates in pixels of the upright photo, and what to warn about."""

    cropped: Cropped
    warnings: tuple[str, ...]


def crops_of(photos: Sequence[np.ndarray], settings: Faces, *, which: Which, detect: Detect, spread: Spread) -> list[list[Crop]]:
    """The crops of each photo's faces, largest first: the first is the one that a run of these settings takes.

    photos: RGB uint8 (height, width, 3) of any sizes. Where no face is found there is one crop, of what `settings.no_face` says:
    the whole photo (status `no_face`), or nothing (status `dropped`, no image). `detect` is Detector.detect; `spread` maps a
    function over lists, in threads if it likes.
    """
    smaller = [reduced(photo) for photo in photos]
    seen = detect([pixels for pixels, _ in smaller], smallest_face=settings.smallest_face)
    # Stable, so that of equal faces the one with the better score comes first, as in training.
    ranked = [sorted(faces, key=lambda face: -face.area)[: 1 if which == "largest" else None] for faces in seen]
    wanted: list[tuple[int, list[Detection]]] = [(n, [face]) for n, faces in enumerate(ranked) for face in faces]
    wanted += [(n, []) for n, faces in enumerate(ranked) if not faces]
    made = crop_detected(
        [smaller[n][0] for n, _ in wanted],
        [None] * len(wanted),
        settings,
        detect=_answering([faces for _, faces in wanted], detect),
        spread=spread,
    )
    crops: list[list[Crop]] = [[] for _ in photos]
    for (n, _), cropped in zip(wanted, made, strict=True):
        pixels, factor = smaller[n]
        warnings = tight(cropped.facts, settings, shape=pixels.shape)
        whole = dataclasses.replace(cropped, facts={**cropped.facts, "found": len(seen[n])})
        crops[n].append(Crop(scaled(whole, factor), warnings))
    return crops


def _answering(first: list[list[Detection]], detect: Detect) -> Detect:
    """A detector that has looked already: it gives `first` once, then looks itself, for the second pass."""
    known = [first]

    def answer(photos: Sequence[np.ndarray], **options: Any) -> list[list[Detection]]:
        return known.pop() if known else detect(photos, **options)

    return answer
