"""Mean maps and mean faces by age group, after every crop's landmarks were laid on the same places."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from agerepro.explain.cam import resize
from agerepro.explain.regions import ALL, face_regions, in_order, usable
from agerepro.faces.alignment import similarity

SIDE = 112  # pixels of a mean face, and of the regions on it
MAP_SIDE = 56  # pixels of a mean map, which has far fewer places


@dataclass(frozen=True)
class MeanMaps:
    """By age group, "all" first: energy a pixel beside the crop's mean (MAP_SIDE, MAP_SIDE), mean face (SIDE, SIDE, 3) uint8, photos.

    regions: (SIDE, SIDE) the numbers of explain.regions.REGIONS at the mean landmarks.
    """

    energy: dict[str, np.ndarray]
    faces: dict[str, np.ndarray]
    photos: dict[str, int]
    regions: np.ndarray


def mean_maps(maps: np.ndarray, images: np.ndarray, landmarks: np.ndarray, groups: np.ndarray) -> MeanMaps | None:
    """Means over the photos with usable landmarks and maps that are not empty; None where there is none.

    maps (n, h, w) signed, counted without sign; images (n, s, s, 3); landmarks (n, 5, 2) in shares of the side; groups (n,). Each
    crop is turned, scaled and shifted so that its landmarks come nearest to the mean of all; places that fewer than half of
    the crops reach are NaN, and white in the mean faces.
    """
    energy = np.abs(maps).mean(axis=(1, 2))
    rows = np.flatnonzero(usable(landmarks) & (energy > 0))
    if not len(rows):
        return None
    mean = landmarks[rows].mean(axis=0)
    energy_maps = resize(np.abs(maps[rows]), MAP_SIDE)
    energy_maps /= energy_maps.mean(axis=(1, 2), keepdims=True)
    groups = groups[rows]
    parts = {ALL: np.ones(len(rows), bool)} | {name: groups == name for name in in_order(groups)}
    means, faces = {name: _Mean() for name in parts}, {name: _Mean() for name in parts}
    for place, row in enumerate(rows):  # one by one: all faces as float32 would take four times the room of the crops
        heat = _align(energy_maps[place], landmarks[row], mean, MAP_SIDE)
        face = _align(images[row].astype(np.float32), landmarks[row], mean, SIDE)
        for name, part in parts.items():
            if part[place]:
                means[name].add(heat)
                faces[name].add(face)
    return MeanMaps(
        {name: means[name].value() for name in parts},
        {name: np.nan_to_num(faces[name].value(), nan=255).round().astype(np.uint8) for name in parts},
        {name: int(part.sum()) for name, part in parts.items()},
        face_regions(mean * SIDE, SIDE),
    )


class _Mean:
    """The mean of pictures, NaN where fewer than half of them reach."""

    def __init__(self) -> None:
        self.count = 0
        self.total: np.ndarray | np.float32 = np.float32(0)
        self.reached: np.ndarray | int = 0

    def add(self, picture: np.ndarray) -> None:
        known = np.isfinite(picture)
        self.count += 1
        self.total = self.total + np.where(known, picture, np.float32(0))
        self.reached = self.reached + known.astype(np.int64)

    def value(self) -> np.ndarray:
        total, reached = np.asarray(self.total), np.asarray(self.reached)
        return np.divide(total, reached, out=np.full(total.shape, np.nan), where=2 * reached > self.count)


def _align(picture: np.ndarray, landmarks: np.ndarray, mean: np.ndarray, side: int) -> np.ndarray:
    """(side, side, ...) float32 with the landmarks at the mean ones, both in shares of the side; NaN outside the picture."""
    matrix = similarity(landmarks * picture.shape[0], mean * side)
    # OpenCV counts from pixel centres, the landmarks from corners.
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    moved = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), matrix, (side, side), flags=cv2.INTER_NEAREST)
    moved[inside == 0] = np.nan
    return moved
