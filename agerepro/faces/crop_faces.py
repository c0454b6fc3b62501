"""The stored crop of a photo and the facts about it: by the source's box, or by what the detector sees."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from agerepro.experiment.schema import Faces
from agerepro.faces.align import VIEW, VIEW_SHARE, Box, box_crop, five_points_crop, leveling, overlap, second_box, second_look, turned_box
from agerepro.faces.detect import Detection

# JPEG, as PNG takes four times the space (and reading time on a network disk) for differences of one grey level in 255. No
# colour subsampling, so that skin keeps its texture. Encoder and quality fixed: equal pixels give equal bytes.
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
SIDES = ("left", "top", "right", "bottom")
BY_SOURCE = "box of the source"  # why a face is taken although no detector has seen it

Detect = Callable[..., list[list[Detection]]]
Spread = Callable[..., Iterable[Any]]  # map, or a thread pool's


@dataclass(frozen=True)
class Cropped:
    """JPEG bytes, empty where nothing was cropped, and the columns of the faces table except photo and image."""

    image: bytes
    facts: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """The face chosen in a photo: as first seen, its box in the photo turned by `rotation`, and what to say about it."""

    face: Detection
    box: Box
    score: float
    degrees: float
    rotation: np.ndarray
    reason: str = ""


def nothing(status: str, reason: str, *, found: int = 0) -> Cropped:
    """A row without an image."""
    return Cropped(b"", {"status": status, "reason": reason, "found": found})


def crop_boxed(photo: np.ndarray, box: Box, settings: Faces) -> Cropped:
    """Crop by the box that the source brings; no detector looks, so `found` is 0."""
    pixels = box_crop(photo, box, margin=settings.margin, border=settings.border, size=settings.size)
    facts = {"status": "ok", "reason": BY_SOURCE, "found": 0, **dict(zip(SIDES, box)), "rotation": 0.0, "margin": settings.margin}
    return Cropped(encode(pixels), facts)


def crop_detected(
    photos: Sequence[np.ndarray], boxes: Sequence[Box | None], settings: Faces, *, detect: Detect, spread: Spread
) -> list[Cropped]:
    """One crop a photo, by the detector; a photo's box, when it has one, says which of several faces is meant.

    `detect` is Detector.detect; `spread` maps a function over lists, in threads if it likes.
    """
    seen = detect(photos, smallest_face=settings.smallest_face)
    found = [_levelled(_choose(faces, box, settings)) for faces, box in zip(seen, boxes)]
    if settings.passes == 2 and settings.align == "eyes_level":
        found = _second_pass(photos, found, detect=detect, spread=spread)
    return list(spread(functools.partial(_finish, settings), photos, seen, found))


def encode(pixels: np.ndarray) -> bytes:
    """JPEG bytes, quality 95 without colour subsampling, of RGB uint8 pixels."""
    done, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), JPEG)
    if not done:
        raise RuntimeError(f"OpenCV could not encode a crop of {pixels.shape}.")
    return content.tobytes()


def _choose(faces: list[Detection], box: Box | None, settings: Faces) -> Detection | None:
    if box is not None and (settings.several == "labelled" or settings.boxes == "source_first"):
        best = max(faces, key=lambda face: overlap(face.box, box), default=None)
        return best if best is not None and overlap(best.box, box) > 0 else None
    return max(faces, key=lambda face: face.area, default=None)


def _levelled(face: Detection | None) -> Found | None:
    if face is None:
        return None
    degrees, rotation = leveling(face.landmarks)
    return Found(face, turned_box(face.box, rotation), face.score, round(degrees, 3), rotation)


def _second_pass(photos: Sequence[np.ndarray], found: Sequence[Found | None], *, detect: Detect, spread: Spread) -> list[Found | None]:
    """The same faces with the boxes that the detector sees once the eyes are level."""
    photos, firsts = [photo for photo, one in zip(photos, found) if one is not None], [one for one in found if one is not None]
    looks = list(spread(lambda photo, first: second_look(photo, first.box, first.rotation), photos, firsts))
    seen = detect([pixels for pixels, _ in looks], smallest_face=round(VIEW * VIEW_SHARE / 2))
    seconds = iter([_refined(first, second_box(faces, matrix)) for first, faces, (_, matrix) in zip(firsts, seen, looks)])
    return [None if one is None else next(seconds) for one in found]


def _refined(first: Found, second: Detection | None) -> Found:
    if second is None:
        return dataclasses.replace(first, reason="second pass saw no face")
    return dataclasses.replace(first, box=second.box, score=second.score)


def _finish(settings: Faces, photo: np.ndarray, seen: list[Detection], found: Found | None) -> Cropped:
    if found is None:
        reason = "no face found" if not seen else "no face where the source's box is"
        if settings.no_face == "drop":
            return nothing("dropped", reason, found=len(seen))
        height, width = photo.shape[:2]
        whole = box_crop(photo, (0, 0, width, height), margin=0.0, border=settings.border, size=settings.size)
        return Cropped(encode(whole), {"status": "no_face", "reason": f"{reason}: whole image", "found": len(seen)})
    landmarks = found.face.landmarks
    facts: dict[str, Any] = {
        "status": "ok",
        "reason": found.reason,
        "found": len(seen),
        "score": found.score,
        "margin": settings.margin,
        "rotation": found.degrees,
    }
    for name, (x, y) in zip(POINTS, landmarks.tolist()):
        facts |= {f"{name}_x": x, f"{name}_y": y}
    if settings.align == "five_points":
        pixels = five_points_crop(photo, landmarks, margin=settings.margin, border=settings.border, size=settings.size)
        return Cropped(encode(pixels), {**facts, **dict(zip(SIDES, found.face.box))})
    pixels = box_crop(photo, found.box, margin=settings.margin, border=settings.border, size=settings.size, rotation=found.rotation)
    return Cropped(encode(pixels), {**facts, **dict(zip(SIDES, found.box))})


def scaled(cropped: Cropped, factor: float) -> Cropped:
    """The same crop with its coordinates in pixels of a photo that is `factor` times larger."""
    if factor == 1:
        return cropped
    coordinates = {*SIDES, *(f"{name}_{axis}" for name in POINTS for axis in "xy")}
    facts = {name: round(value * factor, 2) if name in coordinates else value for name, value in cropped.facts.items()}
    return Cropped(cropped.image, facts)


def scaled_box(box: Box, factor: float) -> Box:
    """The box in a photo that is `factor` times larger."""
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor
