"""The square crop of one face: eyes level with a margin, or five points laid on dlib's mean face.

All coordinates are continuous: pixel i covers i..i+1. A crop is described by the 2x3 matrix that leads from the photo to the
crop, so that rotating, cutting and resizing touch the pixels once.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from agerepro.faces.detect import Detection

Box = tuple[float, float, float, float]
Border = Literal["clip", "repeat"]

# Mean positions of dlib's 68-point face inside its bounding square (dlib/image_transforms/interpolation.h, points 17 to 67):
# the centres of the six points around either eye, the nose tip (point 30), the corners of the mouth (48, 54). dlib's own
# five-point template has eye corners and the nose base, which MTCNN does not give; both lie on the same mean face.
MEAN_FACE = np.array([[0.225492, 0.215991], [0.754762, 0.215991], [0.490127, 0.515625], [0.254149, 0.780233], [0.726104, 0.780233]])

VIEW = 160  # pixels; the rotated neighbourhood that the second pass looks at
VIEW_SHARE = 0.5  # of the view that the first pass's box takes
LARGEST_PATCH = 4096  # pixels; bounds memory where a box reaches far out of its photo


def leveling(landmarks: np.ndarray) -> tuple[float, np.ndarray]:
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
    return cut(photo, compose(matrix, rotation), VIEW, outside="black"), matrix


def second_box(seen: list[Detection], view: np.ndarray) -> Detection | None:
    """What the second pass found where the first pass's face lies, in pixels of the rotated photo; None when nothing is there."""
    expected = (VIEW * (1 - VIEW_SHARE) / 2, VIEW * (1 - VIEW_SHARE) / 2, VIEW * (1 + VIEW_SHARE) / 2, VIEW * (1 + VIEW_SHARE) / 2)
    best = max(seen, key=lambda face: overlap(face.box, expected), default=None)
    if best is None or overlap(best.box, expected) < 0.25:
        return None
    back = cv2.invertAffineTransform(view)
    corners = apply(back, np.array(best.box).reshape(2, 2)).round(2).ravel()
    return Detection((float(corners[0]), float(corners[1]), float(corners[2]), float(corners[3])), best.score, apply(back, best.landmarks))


def turned_box(box: Box, rotation: np.ndarray) -> Box:
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
    return cut(photo, matrix if rotation is None else compose(matrix, rotation), size, outside="edge")


def five_points_crop(photo: np.ndarray, landmarks: np.ndarray, *, margin: float, border: Border, size: int) -> np.ndarray:
    """Chip (size, size, 3) with the landmarks nearest to dlib's mean face, `margin` being dlib's padding.

    dlib's recognition network was trained at 150 pixels, padding 0.25. Outside the photo: black with `clip`, as dlib does.
    """
    matrix = similarity(landmarks, (MEAN_FACE + margin) / (1 + 2 * margin) * size)
    return cut(photo, matrix, size, outside="black" if border == "clip" else "edge")


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


def overlap(one: Box, other: Box) -> float:
    """Shared area of two boxes over the area of both together, 0 to 1."""
    shared = max(0.0, min(one[2], other[2]) - max(one[0], other[0])) * max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / both if both > 0 else 0.0


def cut(photo: np.ndarray, matrix: np.ndarray, size: int, *, outside: Literal["edge", "black"]) -> np.ndarray:
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
