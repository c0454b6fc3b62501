"""Regions of an aligned face crop, from five landmarks, and how much of a map lies in each; NumPy only.

No paper says where a nose ends: the shapes are ours, drawn in units of the face. Sideways the unit is the distance of the eyes,
down it is the distance from the eyes to the mouth; 0, 0 is between the eyes. By anthropometric means the chin then lies near 1.75,
the hairline near -1, the crown near -1.75, the sides of the face near -1.1 and 1.1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from agerepro.errors import UserError

REGIONS = ("eyes", "nose", "mouth", "forehead", "cheeks", "hair", "background")  # "cheeks" is the rest of the face, with the chin
EYES, NOSE, MOUTH, FOREHEAD, CHEEKS, HAIR, BACKGROUND = range(len(REGIONS))
Energy = Literal["absolute", "positive"]

EYE = (0.40, 0.30)  # half axes of an ellipse about either eye, with its brow
NOSE_HALF = (0.14, 0.30)  # half widths of the nose between the eyes and at its wings
WINGS_BELOW_TIP = 0.16  # of the nose, which ends there
MOUTH_REACH = (1.25, 0.24)  # half axes: times half of the mouth's width, and down
FACE = (0.35, 1.15, 1.40)  # of the ellipse from hairline to chin: its centre's height, half axes
HEAD = (0.05, 1.35, 1.90)  # of the ellipse about the hair, likewise
BROWS = -0.30  # the forehead is what of the face lies above
HAIR_ENDS = 1.00  # beside the face; below are neck and shoulders
NARROWEST = 0.6  # the least unit sideways, in units down: the eyes of a face in profile all but coincide


def usable(landmarks: np.ndarray) -> np.ndarray:
    """Whether regions can be drawn, (...,) bool of (..., 5, 2): all landmarks known, the mouth below the eyes."""
    _, _, down = _frame(landmarks)
    return np.isfinite(landmarks).all(axis=(-2, -1)) & (down > 0)


def face_regions(landmarks: np.ndarray, size: int) -> np.ndarray:
    """The number in REGIONS of every pixel of a crop, (size, size) uint8; each belongs to one region, the first that fits.

    landmarks: (5, 2) in pixels of the crop: left eye, right eye, nose tip, left and right corner of the mouth. Raises UserError
    for landmarks that are not `usable`.
    """
    if not usable(landmarks):
        raise UserError("Regions need five known landmarks with the mouth below the eyes: leave out the photos where `usable` is false.")
    centres = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    across, down = np.moveaxis(_in_face(centres, landmarks), -1, 0)
    points = _in_face(landmarks, landmarks)
    masks = (
        _ellipse(across, down, points[0], EYE) | _ellipse(across, down, points[1], EYE),
        _nose(across, down, points[2]),
        _ellipse(across, down, points[3:].mean(axis=0), (abs(points[4, 0] - points[3, 0]) / 2 * MOUTH_REACH[0], MOUTH_REACH[1])),
        _ellipse(across, down, np.array([0, FACE[0]]), FACE[1:]) & (down < BROWS),
        _ellipse(across, down, np.array([0, FACE[0]]), FACE[1:]),
        _ellipse(across, down, np.array([0, HEAD[0]]), HEAD[1:]) & (down < HAIR_ENDS),
    )
    return np.select(masks, range(BACKGROUND), default=BACKGROUND).astype(np.uint8)


def energy_shares(maps: np.ndarray, regions: np.ndarray, *, energy: Energy) -> np.ndarray:
    """The share of each map that lies in each region: (n, s, s) maps and regions -> (n, 7), rows sum to 1; NaN for an empty map.

    energy: `absolute` counts what speaks for and against alike, `positive` only what speaks for.
    """
    values = np.abs(maps) if energy == "absolute" else np.maximum(maps, 0)
    inside = _sums(np.asarray(values, np.float64), regions)
    total = inside.sum(axis=1, keepdims=True)
    return np.divide(inside, total, out=np.full(inside.shape, np.nan), where=total > 0)


def area_shares(regions: np.ndarray) -> np.ndarray:
    """The share of the crop that each region takes: (n, s, s) -> (n, 7), rows sum to 1."""
    return _sums(np.ones(regions.shape), regions) / regions[0].size


def relative_energy(shares: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Energy a pixel beside the crop's mean: (n, 7) twice -> (n, 7); 1 is even, NaN for a region outside the crop."""
    return np.divide(shares, areas, out=np.full(shares.shape, np.nan), where=areas > 0)


def _sums(values: np.ndarray, regions: np.ndarray) -> np.ndarray:
    return np.stack([np.where(regions == number, values, 0).sum(axis=(1, 2)) for number in range(len(REGIONS))], axis=1)


def _frame(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vector along the eyes (..., 2), their distance, and how far below them the mouth is, at a right angle (...,)."""
    along = landmarks[..., 1, :] - landmarks[..., 0, :]
    distance = np.hypot(along[..., 0], along[..., 1])
    along = np.divide(along, distance[..., None], out=np.full(along.shape, np.nan), where=distance[..., None] > 0)
    to_mouth = landmarks[..., 3:, :].mean(axis=-2) - landmarks[..., :2, :].mean(axis=-2)
    return along, distance, to_mouth[..., 1] * along[..., 0] - to_mouth[..., 0] * along[..., 1]


def _in_face(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Points (..., 2) in units of the face."""
    along, distance, down = _frame(landmarks)
    offset = points - landmarks[:2].mean(axis=0)
    sideways = offset @ along / max(float(distance), NARROWEST * float(down))
    return np.stack([sideways, offset @ np.array([-along[1], along[0]]) / down], axis=-1)


def _ellipse(across: np.ndarray, down: np.ndarray, centre: np.ndarray, half: tuple[float, ...]) -> np.ndarray:
    return ((across - centre[0]) / half[0]) ** 2 + ((down - centre[1]) / half[1]) ** 2 <= 1


def _nose(across: np.ndarray, down: np.ndarray, tip: np.ndarray) -> np.ndarray:
    """A wedge from between the eyes to the wings, along the line to the tip."""
    end = tip[1] + WINGS_BELOW_TIP
    share = np.clip(down / end, 0, 1)
    half = NOSE_HALF[0] + (NOSE_HALF[1] - NOSE_HALF[0]) * share
    return (np.abs(across - tip[0] * share) <= half) & (down >= 0) & (down <= end)
