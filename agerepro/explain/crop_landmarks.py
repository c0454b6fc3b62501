"""A photo's five landmarks in the pixels of its crop."""

from __future__ import annotations

import numpy as np

from agerepro.experiment.schema import Faces
from agerepro.faces.align import MEAN_FACE, Box, apply, box_matrix, compose, leveling, similarity, with_margin


def crop_matrix(landmarks: np.ndarray, box: Box, faces: Faces, *, photo_shape: tuple[int, int], size: int) -> np.ndarray:
    """The 2x3 matrix from the upright photo to its crop of `size` pixels a side, for a face that the detector found.

    landmarks (5, 2) and box: as in the faces table, the box in the photo turned by `rotation`; faces: the settings of the crop;
    photo_shape: height and width of the upright photo, where `border: clip` ends the crop; size: of the crop as the network sees
    it, which need not be the stored one. Coordinates are continuous: pixel i covers i..i+1. Exact but for photos over 2,048
    pixels, which were reduced before they were cut: there within half a reduced pixel.
    """
    if faces.align == "five_points":
        return similarity(landmarks, (MEAN_FACE + faces.margin) / (1 + 2 * faces.margin) * size)
    _, rotation = leveling(landmarks)
    return compose(box_matrix(with_margin(box, faces.margin, shape=photo_shape, border=faces.border), size), rotation)


def landmarks_in_crop(landmarks: np.ndarray, box: Box, faces: Faces, *, photo_shape: tuple[int, int], size: int) -> np.ndarray:
    """The landmarks (5, 2) of the faces table, in its order, in pixels of the crop; arguments as in `crop_matrix`."""
    return apply(crop_matrix(landmarks, box, faces, photo_shape=photo_shape, size=size), landmarks)
