"""Faces with five landmarks in photos, by the three networks of MTCNN [Zhang et al. 2016], package mtcnn 1.0.0.

The networks and their weights are the package's; the way through them is ours, because the package answers "no face" for a
whole list when one file is bad, when its image pyramid shrinks a photo below 12 pixels, or when a list holds no candidate.
Every network is called with one fixed number of pictures, and each photo lies alone on its canvas: so what is found in a
photo does not depend on the photos beside it, and nothing is traced twice.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

# A photo lies in the corner of the smallest canvas that holds it; what is larger than the last is shrunk to it.
CANVASES = (160, 192, 256, 320, 448, 640)
CANVAS_PIXELS = 32 * 192 * 192  # of one call: 32 canvases of 192 pixels, fewer of larger ones, so memory stays bounded
PATCHES = {24: 256, 48: 64}  # patches per call of the second and third network, by their side in pixels
CELL, STRIDE = 12, 2  # the first network's window and step, pixels
PYRAMID = 0.709  # about the square root of one half
# Thresholds and overlaps are the package's defaults.
PROPOSAL_SCORE, REFINED_SCORE, FACE_SCORE = 0.6, 0.7, 0.8
LEVEL_OVERLAP, OVERLAP = 0.5, 0.7

Network = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Detection:
    """One face in pixels of the photo, where pixel 0 covers 0..1.

    box: left, top, right, bottom. landmarks (5, 2): x and y of the eye at smaller x, the other eye, the nose tip, the corner
    of the mouth at smaller x, the other corner. score: 0.8 to 1. Coordinates are rounded to 1/100 pixel, so that a table on
    disk holds exactly what a crop was made from.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: np.ndarray

    @property
    def area(self) -> float:
        """Square pixels."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


class Detector:
    """Loads the three networks once (some seconds, TensorFlow with it) and runs them on the CPU.

    On the CPU also where a GPU is present: crops must not depend on which machine made them more than they have to.
    """

    def __init__(self) -> None:
        self._propose, self._refine, self._confirm = _networks()

    def detect(self, images: Sequence[np.ndarray], *, smallest_face: int) -> list[list[Detection]]:
        """The faces of each photo, best score first; photos are RGB uint8 (height, width, 3) of any sizes.

        smallest_face: pixels of the photo; where a photo had to be shrunk to the largest canvas, faces below 12 pixels
        there stay unseen. Raises ValueError for anything that is not RGB uint8: other types give silently wrong boxes.
        """
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(f"A photo must be RGB uint8 (height, width, 3), not {image.dtype} {image.shape}.")
        detections: list[list[Detection]] = [[] for _ in images]
        by_canvas: dict[int, list[int]] = {}
        for number, image in enumerate(images):
            by_canvas.setdefault(_canvas_for(image), []).append(number)
        for side, numbers in sorted(by_canvas.items()):
            batch = max(1, CANVAS_PIXELS // side**2)
            for start in range(0, len(numbers), batch):
                chosen = numbers[start : start + batch]
                placed = [_place(images[number], side) for number in chosen]
                canvases = np.zeros((batch, side, side, 3), np.uint8)
                for canvas, (pixels, _) in zip(canvases, placed):
                    canvas[: pixels.shape[0], : pixels.shape[1]] = pixels
                # One size of pyramid a canvas: a shrunk photo is searched from the same smallest face as an unshrunk one.
                rows = self._faces(canvases, len(chosen), max(smallest_face, CELL))
                for position, (number, (_, scale)) in enumerate(zip(chosen, placed)):
                    detections[number] = [_detection(row, scale) for row in rows[rows[:, 0] == position]]
        return detections

    def _faces(self, canvases: np.ndarray, used: int, smallest_face: int) -> np.ndarray:
        """Rows of canvas, left, top, right, bottom, score, five x, five y; best score first."""
        rows = self._proposals(canvases, used, smallest_face)
        rows, boxes = self._patches(canvases, rows, 24)
        offsets, scores = self._in_pieces(self._refine, rows, 24)
        rows = _moved(boxes, offsets, scores[:, 1])
        rows = _squared(_suppress(rows[rows[:, 5] > REFINED_SCORE], OVERLAP, _over_union))

        rows, boxes = self._patches(canvases, rows, 48)
        offsets, points, scores = self._in_pieces(self._confirm, rows, 48)
        width, height = (boxes[:, 3] - boxes[:, 1] + 1)[:, None], (boxes[:, 4] - boxes[:, 2] + 1)[:, None]
        # Less 1 as the package does, plus 1/2: the networks count from pixel centres (seen by mirroring: without it, 1 pixel apart).
        points = np.hstack([boxes[:, 1:2] - 0.5 + width * points[:, :5], boxes[:, 2:3] - 0.5 + height * points[:, 5:]])
        rows = np.hstack([_moved(boxes, offsets, scores[:, 1]), points])
        return _suppress(rows[rows[:, 5] > FACE_SCORE], OVERLAP, _over_smaller)

    def _proposals(self, canvases: np.ndarray, used: int, smallest_face: int) -> np.ndarray:
        side = canvases.shape[1]
        proposals = [np.zeros((0, 6))]
        scale = CELL / smallest_face
        while (level := round(side * scale)) >= CELL:
            pixels = np.stack([cv2.resize(canvas, (level, level), interpolation=cv2.INTER_AREA) for canvas in canvases])
            offsets, scores = self._propose(pixels)
            number, y, x = np.nonzero(scores[:used, :, :, 1] > PROPOSAL_SCORE)
            corner = np.stack([x * STRIDE, y * STRIDE, x * STRIDE + CELL, y * STRIDE + CELL], axis=1)
            boxes = (corner + offsets[number, y, x] * CELL) * (side / level)
            rows = np.column_stack([number, boxes, scores[number, y, x, 1]])
            proposals.append(_suppress(rows, LEVEL_OVERLAP, _over_union))
            scale *= PYRAMID
        return _squared(_suppress(np.concatenate(proposals), OVERLAP, _over_union))

    @staticmethod
    def _patches(canvases: np.ndarray, rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (n, size, size, 3) of the rows' boxes, black outside the canvas, and the rows with whole-pixel boxes."""
        boxes = rows.copy()
        boxes[:, 1:5] = np.rint(boxes[:, 1:5])
        boxes[:, 3:5] = np.maximum(boxes[:, 3:5], boxes[:, 1:3] + 1)
        pictures = np.zeros((len(boxes), size, size, 3), np.uint8)
        side = canvases.shape[1]
        for picture, (number, *box) in zip(pictures, boxes[:, :5].astype(int)):
            left, top, right, bottom = box
            cut = canvases[number, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            if min(left, top) < 0 or max(right, bottom) > side:
                whole = np.zeros((bottom - top, right - left, 3), np.uint8)
                y, x = max(-top, 0), max(-left, 0)
                whole[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
                cut = whole
            shrinks = cut.shape[0] > size
            cv2.resize(cut, (size, size), dst=picture, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return pictures, boxes

    @staticmethod
    def _in_pieces(network: Network, pictures: np.ndarray, size: int) -> list[np.ndarray]:
        piece = PATCHES[size]
        missing = -len(pictures) % piece or (piece if len(pictures) == 0 else 0)
        padded = np.concatenate([pictures, np.zeros((missing, size, size, 3), np.uint8)])
        results = [network(padded[start : start + piece]) for start in range(0, len(padded), piece)]
        return [np.concatenate(parts)[: len(pictures)] for parts in zip(*results)]


@functools.cache
def detector() -> Detector:
    """The one detector of this process."""
    return Detector()


def weights_folder() -> Path:
    """Where the installed package keeps its weights. Absolute, because a bare name is looked up, and unpickled, in the
    current directory first."""
    package = importlib.util.find_spec("mtcnn")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("The package mtcnn is not installed.", name="mtcnn")
    return Path(package.submodule_search_locations[0]).resolve() / "assets" / "weights"


def _networks() -> list[Network]:
    import tensorflow as tf
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    def traced(model: Callable) -> Network:
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
        def run(pixels):  # type: ignore[no-untyped-def]
            return model((tf.cast(pixels, tf.float32) - 127.5) / 128.0)

        def call(pixels: np.ndarray) -> list[np.ndarray]:
            with tf.device("CPU:0"):
                return [np.asarray(value, np.float64) for value in run(tf.constant(pixels))]

        return call

    folder = weights_folder()
    with tf.device("CPU:0"):
        stages = [
            kind(weights=str(folder / f"{name}.lz4")) for name, kind in {"pnet": StagePNet, "rnet": StageRNet, "onet": StageONet}.items()
        ]
    return [traced(stage.model) for stage in stages]


def _canvas_for(image: np.ndarray) -> int:
    longer = max(image.shape[:2])
    return next((side for side in CANVASES if side >= longer), CANVASES[-1])


def _place(image: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The photo as it lies on the canvas, and by what x and y of the canvas must be multiplied to be the photo's."""
    height, width = image.shape[:2]
    if max(height, width) <= side:
        return image, np.ones(2)
    shrink = side / max(height, width)
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.array([width / size[0], height / size[1]])


def _detection(row: np.ndarray, scale: np.ndarray) -> Detection:
    box = row[1:5].reshape(2, 2) * scale
    landmarks = np.stack([row[6:11], row[11:16]], axis=1) * scale
    left, top, right, bottom = (round(float(value), 2) for value in box.ravel())
    return Detection((left, top, right, bottom), round(float(row[5]), 4), landmarks.round(2))


def _moved(boxes: np.ndarray, offsets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    sides = boxes[:, 3:5] - boxes[:, 1:3] + 1
    return np.column_stack([boxes[:, 0], boxes[:, 1:5] + offsets * np.hstack([sides, sides]), scores])


def _squared(rows: np.ndarray) -> np.ndarray:
    """The same rows with square boxes: same centre, longer side."""
    squared = rows.copy()
    centre = (rows[:, 1:3] + rows[:, 3:5]) / 2
    half = np.max(rows[:, 3:5] - rows[:, 1:3], axis=1, keepdims=True, initial=0) / 2
    squared[:, 1:3], squared[:, 3:5] = centre - half, centre + half
    return squared


def _suppress(rows: np.ndarray, overlap: float, measure: Callable) -> np.ndarray:
    """Per canvas, best score first, the rows that no better kept row overlaps by more than `overlap`."""
    survivors = []
    for number in np.unique(rows[:, 0]):
        own = rows[rows[:, 0] == number]
        own = own[np.argsort(-own[:, 5], kind="stable")]
        area = (own[:, 3] - own[:, 1]) * (own[:, 4] - own[:, 2])
        alive = np.ones(len(own), bool)
        for first in range(len(own)):
            if alive[first]:
                shared = np.prod(
                    np.maximum(0, np.minimum(own[first, 3:5], own[first + 1 :, 3:5]) - np.maximum(own[first, 1:3], own[first + 1 :, 1:3])),
                    axis=1,
                )
                alive[first + 1 :] &= ~(measure(shared, area[first], area[first + 1 :]) > overlap)
        survivors.append(own[alive])
    return np.concatenate(survivors) if survivors else rows


def _over_union(shared: np.ndarray, area: float, areas: np.ndarray) -> np.ndarray:
    return shared / (area + areas - shared)


def _over_smaller(shared: np.ndarray, area: float, areas: np.ndarray) -> np.ndarray:
    return shared / np.minimum(area, areas)
