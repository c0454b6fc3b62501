"""Faces that cost nothing to find: white rectangles in photos, and what finds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from agerepro.faces.detection import Detection


class Rectangles:
    """Stands in for the detector: every white rectangle is a face with level eyes. Counts the photos it was shown."""

    def __init__(self) -> None:
        self.shown = 0

    def detect(self, images: Sequence[np.ndarray], *, smallest_face: int) -> list[list[Detection]]:
        """The faces of each image, from left to right and down."""
        self.shown += len(images)
        return [
            [self._face(*row[:4]) for row in cv2.connectedComponentsWithStats((image[..., 0] > 200).astype(np.uint8))[2][1:].tolist()]
            for image in images
        ]

    @staticmethod
    def _face(x: int, y: int, width: int, height: int) -> Detection:
        shares = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
        return Detection((x, y, x + width, y + height), 0.99, shares * [width, height] + [x, y])


def draw(path: Path, *boxes: tuple[int, int, int, int], size: tuple[int, int] = (100, 100), shade: int = 0) -> None:
    """Write a PNG of one shade with white rectangles: left, top, right, bottom."""
    pixels = np.full((*size, 3), shade, np.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "PNG")
