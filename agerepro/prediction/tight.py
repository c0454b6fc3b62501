"""Whether a photo was cut close around its face before, so that the run's margin is not there to be cut."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from agerepro.experiment.schema import Faces
from agerepro.faces.align import MEAN_FACE, apply, similarity, with_margin
from agerepro.faces.crop_faces import POINTS, SIDES

# Ours. On 547 head-and-shoulder portraits of 225 x 275 pixels (`congress`) nobody is warned of, with five points at a margin of
# 0.25 and with level eyes at 0.2 or 0.4; with 0.05 in place of 0.15, 233 were at 0.4.
LARGEST_FACE = 0.5  # share of the picture that the face's box takes
SIDES_OUT = 3
BEYOND = 0.15  # of the crop's side: less than this outside the picture does not count as a side


def tight(facts: dict[str, Any], settings: Faces, *, shape: tuple[int, ...]) -> tuple[str, ...]:
    """At most one warning. facts: the columns of a FACES row, in pixels of a photo of this shape; none without a face."""
    if facts["status"] != "ok":
        return ()
    height, width = shape[:2]
    left, top, right, bottom = (float(facts[side]) for side in SIDES)
    share = (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0)) / (width * height)
    region = _region(facts, settings)
    side = max(region[2] - region[0], region[3] - region[1])
    beyond = np.array([-region[0], -region[1], region[2] - width, region[3] - height]) / side
    out = int((beyond > BEYOND).sum())
    if share >= LARGEST_FACE:
        return (f"seems to be a tight crop already: the face takes {share:.0%} of the picture",)
    if out >= SIDES_OUT:
        return (f"seems to be a tight crop already: the crop reaches out of the picture on {out} sides",)
    return ()


def _region(facts: dict[str, Any], settings: Faces) -> tuple[float, ...]:
    """Left, top, right and bottom of what the run's crop shows, whether the photo has it or not."""
    if settings.align == "five_points":
        points = np.array([[facts[f"{name}_x"], facts[f"{name}_y"]] for name in POINTS])
        matrix = similarity(points, (MEAN_FACE + settings.margin) / (1 + 2 * settings.margin))
        corners = apply(cv2.invertAffineTransform(matrix), np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float))
        return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    left, top, right, bottom = (float(facts[side]) for side in SIDES)
    return with_margin((left, top, right, bottom), settings.margin, shape=(0, 0), border="repeat")
