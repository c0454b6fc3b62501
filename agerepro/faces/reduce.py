"""Large photos made smaller before a face is looked for: crops need no more pixels, and detection takes time with each."""

from __future__ import annotations

import cv2
import numpy as np

LARGEST_SIDE = 2048  # pixels; it bounds memory, too: 2 x 64 photos of at most 12 MiB are under way


def reduced(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """The photo (height, width, 3), its longer side at most LARGEST_SIDE, and how many times larger it was; no side becomes 0."""
    longer = max(photo.shape[:2])
    if longer <= LARGEST_SIDE:
        return photo, 1.0
    shrink = LARGEST_SIDE / longer
    if min(photo.shape[:2]) * shrink < 1:  # a strip: OpenCV refuses a side that rounds to 0
        height, width = (max(1, round(side * shrink)) for side in photo.shape[:2])
        return cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), longer / LARGEST_SIDE
    return cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), longer / LARGEST_SIDE
