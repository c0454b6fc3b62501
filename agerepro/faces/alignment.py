"""From detected landmarks or a given box to an aligned square face crop."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from agerepro.config.schema import Faces
from agerepro.faces.detection import Detection

Box = tuple[float, float, float, float]
Border = Literal["clip", "repeat"]
Detect = Callable[..., list[list[Detection]]]
Spread = Callable[..., Iterable[Any]]  # map, or a thread pool's

# Mean positions of dlib's 68-point face inside its bounding square (dlib/image_transforms/interpolation.h, points 17 to 67):
# the centres of the six points around either eye, the nose tip (point 30), the corners of the mouth (48, 54). dlib's own
# five-point template has eye corners and the nose base, which MTCNN does not give; both lie on the same mean face.
MEAN_FACE = np.array([[0.225492, 0.215991], [0.754762, 0.215991], [0.490127, 0.515625], [0.254149, 0.780233], [0.726104, 0.780233]])

VIEW = 160  # pixels; the rotated neighbourhood that the second pass looks at
VIEW_SHARE = 0.5  # of the view that the first pass's box takes
LARGEST_PATCH = 4096  # pixels; bounds memory where a box reaches far out of its photo
# JPEG, as PNG takes four times the space (and reading time on a network disk) for differences of one grey level in 255. No
# colour subsampling, so that skin keeps its texture. Encoder and quality fixed: equal pixels give equal bytes.
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
SIDES = ("left", "top", "right", "bottom")
BY_SOURCE = "box of the source"  # why a face is taken although no detector has seen it
WHOLE = "whole image"


@dataclass(frozen=True)
class Cropped:
    """JPEG bytes, empty where nothing was cropped, and the columns of the faces table except photo and image."""

    image: bytes
    facts: dict[str, Any]


@dataclass(frozen=True)
class AlignedFace:
    """The face chosen in a photo: as first detected, and its box and score in the photo turned by `rotation` (2x3) by `degrees`."""

    detection: Detection
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


def crop_whole(photo: np.ndarray, settings: Faces, *, status: str = "ok", reason: str = WHOLE, found: int = 0) -> Cropped:
    """The whole picture, stretched to a square with `border: clip`, and as the middle of one with `repeat`."""
    height, width = photo.shape[:2]
    pixels = box_crop(photo, (0, 0, width, height), margin=0.0, border=settings.border, size=settings.size)
    return Cropped(encode(pixels), {"status": status, "reason": reason, "found": found})


def crop_detected(
    photos: Sequence[np.ndarray], boxes: Sequence[Box | None], settings: Faces, *, detect: Detect, spread: Spread
) -> list[Cropped]:
    """One crop a photo, by the detector; a photo's box, when it has one, says which of several faces is meant.

    `detect` is Detector.detect; `spread` maps a function over lists, in threads if it likes.
    """
    detections = detect(photos, smallest_face=settings.smallest_face)
    faces = [_level(_choose(candidates, box, settings)) for candidates, box in zip(detections, boxes)]
    if settings.passes == 2 and settings.align == "eyes_level":
        faces = _second_pass(photos, faces, detect=detect, spread=spread)
    return list(spread(functools.partial(_crop, settings), photos, detections, faces))


def encode(pixels: np.ndarray) -> bytes:
    """JPEG bytes, quality 95 without colour subsampling, of RGB uint8 pixels."""
    encoded, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), JPEG)
    if not encoded:
        raise RuntimeError(f"OpenCV could not encode a crop of {pixels.shape}.")
    return content.tobytes()


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


def eye_rotation(landmarks: np.ndarray) -> tuple[float, np.ndarray]:
    """Degrees, counter-clockwise, that turn the eyes level, and the 2x3 matrix that does it about their midpoint."""
    across = landmarks[1] - landmarks[0]
    angle = math.atan2(across[1], across[0])
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = landmarks[:2].mean(axis=0)
    return math.degrees(angle), np.array([[cos, sin, x - cos * x - sin * y], [-sin, cos, y + sin * x - cos * y]])


def second_look(photo: np.ndarray, box: Box, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The neighbourhood of a box in the rotated photo, (160, 160, 3), and the matrix from the rotated photo to it."""
    left, top, right, bottom = box
    half = max(right - left, bottom - top) / VIEW_SHARE / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    matrix = box_matrix((x - half, y - half, x + half, y + half), VIEW)
    return warp_crop(photo, compose(matrix, rotation), VIEW, outside="black"), matrix


def second_box(detections: list[Detection], view: np.ndarray) -> Detection | None:
    """The second pass's face where the first pass's lies, in pixels of the rotated photo; None when nothing is there."""
    expected = (VIEW * (1 - VIEW_SHARE) / 2, VIEW * (1 - VIEW_SHARE) / 2, VIEW * (1 + VIEW_SHARE) / 2, VIEW * (1 + VIEW_SHARE) / 2)
    best = max(detections, key=lambda face: iou(face.box, expected), default=None)
    if best is None or iou(best.box, expected) < 0.25:
        return None
    back = cv2.invertAffineTransform(view)
    corners = apply(back, np.array(best.box).reshape(2, 2)).round(2).ravel()
    return Detection((float(corners[0]), float(corners[1]), float(corners[2]), float(corners[3])), best.score, apply(back, best.landmarks))


def rotate_box(box: Box, rotation: np.ndarray) -> Box:
    """A box of the same size whose centre is carried along by the rotation."""
    left, top, right, bottom = box
    ((x, y),) = apply(rotation, np.array([[(left + right) / 2, (top + bottom) / 2]]))
    half = (right - left) / 2, (bottom - top) / 2
    return round(x - half[0], 2), round(y - half[1], 2), round(x + half[0], 2), round(y + half[1], 2)


def with_margin(box: Box, margin: float, *, shape: tuple[int, ...], border: Border) -> Box:
    """The region to crop: the box made square about its centre, plus `margin` of its side on each side, in whole pixels.

    Square first, so that a face keeps its proportions, which change with age; koenig2019 and liu2020 name the margin but not
    this step. With `clip` the region then ends at the photo's edges, as liu2020 says, and may no longer be square.
    """
    left, top, right, bottom = box
    half = max(right - left, bottom - top) * (0.5 + margin)
    x, y = (left + right) / 2, (top + bottom) / 2
    region = [math.floor(v + 0.5) for v in (x - half, y - half, x + half, y + half)]
    if border == "clip":
        height, width = shape[:2]
        region = [
            min(max(region[0], 0), width - 1),
            min(max(region[1], 0), height - 1),
            min(max(region[2], 1), width),
            min(max(region[3], 1), height),
        ]
    return region[0], region[1], max(region[2], region[0] + 1), max(region[3], region[1] + 1)


def box_crop(photo: np.ndarray, box: Box, *, margin: float, border: Border, size: int, rotation: np.ndarray | None = None) -> np.ndarray:
    """Crop (size, size, 3) of a box with margin; `box` is in the photo as turned by `rotation` (none: as it is).

    Inside the photo's frame, corners that the rotation leaves empty repeat the photo's edge with either border.
    """
    region = with_margin(box, margin, shape=photo.shape, border=border)
    matrix = box_matrix(region, size)
    return warp_crop(photo, matrix if rotation is None else compose(matrix, rotation), size, outside="edge")


def five_points_crop(photo: np.ndarray, landmarks: np.ndarray, *, margin: float, border: Border, size: int) -> np.ndarray:
    """Chip (size, size, 3) with the landmarks nearest to dlib's mean face, `margin` being dlib's padding.

    dlib's recognition network was trained at 150 pixels, padding 0.25. Outside the photo: black with `clip`, as dlib does.
    """
    matrix = similarity(landmarks, (MEAN_FACE + margin) / (1 + 2 * margin) * size)
    return warp_crop(photo, matrix, size, outside="black" if border == "clip" else "edge")


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 2x3 matrix of the rotation, scale and shift that brings (n, 2) source nearest to target in squares [Umeyama 1991].

    In the plane, with points as complex numbers, that is the regression of target on source.
    """
    s, t = source @ [1, 1j], target @ [1, 1j]
    centred = s - s.mean()
    turn = np.vdot(centred, t - t.mean()) / np.vdot(centred, centred).real
    shift = t.mean() - turn * s.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def box_matrix(box: Box, size: int) -> np.ndarray:
    """The 2x3 matrix that stretches a box to the square 0..size."""
    left, top, right, bottom = box
    across, down = size / (right - left), size / (bottom - top)
    return np.array([[across, 0, -left * across], [0, down, -top * down]])


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The 2x3 matrix that does `first`, then `second`."""
    return second @ np.vstack([first, [0, 0, 1]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) moved by a 2x3 matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def iou(first: Box, second: Box) -> float:
    """Shared area of two boxes over the area of both together, 0 to 1."""
    shared = max(0.0, min(first[2], second[2]) - max(first[0], second[0])) * max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - shared
    return shared / union if union > 0 else 0.0


def warp_crop(photo: np.ndarray, matrix: np.ndarray, size: int, *, outside: Literal["edge", "black"]) -> np.ndarray:
    """The photo seen through a 2x3 matrix, (size, size, 3).

    A patch at the photo's own resolution first, then shrunk by area averaging: a warp alone would alias. Where the matrix
    only cuts at whole pixels, the patch is an exact copy.
    """
    scales = np.hypot(matrix[:, 0], matrix[:, 1])
    width, height = (min(max(size, round(size / scale)), LARGEST_PATCH) for scale in scales)
    to_patch = np.diag([width / size, height / size]) @ matrix
    corners = apply(cv2.invertAffineTransform(to_patch), np.array([[0, 0], [width, 0], [0, height], [width, height]], float))
    # Only the part of the photo that is needed, with a rim for interpolation: OpenCV cannot warp sides over 32,767.
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 2, 0, np.array(photo.shape[1::-1]) - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 2, low + 1, photo.shape[1::-1])
    part = photo[low[1] : high[1], low[0] : high[0]]
    to_patch = compose(to_patch, np.array([[1, 0, low[0]], [0, 1, low[1]]], float))
    # OpenCV counts from pixel centres.
    to_patch[:, 2] += to_patch[:, :2] @ [0.5, 0.5] - 0.5
    border = cv2.BORDER_REPLICATE if outside == "edge" else cv2.BORDER_CONSTANT
    patch = cv2.warpAffine(part, to_patch, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    return patch if (width, height) == (size, size) else cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA)


def _choose(faces: list[Detection], box: Box | None, settings: Faces) -> Detection | None:
    if box is not None and (settings.multiple_faces == "labelled" or settings.boxes == "source_first"):
        best = max(faces, key=lambda face: iou(face.box, box), default=None)
        return best if best is not None and iou(best.box, box) > 0 else None
    return max(faces, key=lambda face: face.area, default=None)


def _level(face: Detection | None) -> AlignedFace | None:
    if face is None:
        return None
    degrees, rotation = eye_rotation(face.landmarks)
    return AlignedFace(face, rotate_box(face.box, rotation), face.score, round(degrees, 3), rotation)


def _second_pass(
    photos: Sequence[np.ndarray], faces: Sequence[AlignedFace | None], *, detect: Detect, spread: Spread
) -> list[AlignedFace | None]:
    """The same faces with the boxes that the detector sees once the eyes are level."""
    pairs = [(photo, face) for photo, face in zip(photos, faces) if face is not None]
    views = list(spread(lambda pair: second_look(pair[0], pair[1].box, pair[1].rotation), pairs))
    detections = detect([pixels for pixels, _ in views], smallest_face=round(VIEW * VIEW_SHARE / 2))
    refined = iter([_refine(face, second_box(candidates, matrix)) for (_, face), candidates, (_, matrix) in zip(pairs, detections, views)])
    return [None if face is None else next(refined) for face in faces]


def _refine(first: AlignedFace, second: Detection | None) -> AlignedFace:
    if second is None:
        return dataclasses.replace(first, reason="second pass saw no face")
    return dataclasses.replace(first, box=second.box, score=second.score)


def _crop(settings: Faces, photo: np.ndarray, detections: list[Detection], face: AlignedFace | None) -> Cropped:
    if face is None:
        reason = "no face found" if not detections else "no face where the source's box is"
        if settings.no_face == "drop":
            return nothing("dropped", reason, found=len(detections))
        return crop_whole(photo, settings, status="no_face", reason=f"{reason}: {WHOLE}", found=len(detections))
    landmarks = face.detection.landmarks
    facts: dict[str, Any] = {
        "status": "ok",
        "reason": face.reason,
        "found": len(detections),
        "score": face.score,
        "margin": settings.margin,
        "rotation": face.degrees,
    }
    for name, (x, y) in zip(POINTS, landmarks.tolist()):
        facts |= {f"{name}_x": x, f"{name}_y": y}
    if settings.align == "five_points":
        pixels = five_points_crop(photo, landmarks, margin=settings.margin, border=settings.border, size=settings.size)
        return Cropped(encode(pixels), {**facts, **dict(zip(SIDES, face.detection.box))})
    pixels = box_crop(photo, face.box, margin=settings.margin, border=settings.border, size=settings.size, rotation=face.rotation)
    return Cropped(encode(pixels), {**facts, **dict(zip(SIDES, face.box))})
