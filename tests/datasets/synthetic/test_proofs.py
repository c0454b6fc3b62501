"""Proofs on many pictures: a real detector finds these faces, and their age can be read even when they are small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.render import Drawn, render
from agerepro.datasets.synthetic.scene import MIXES, draw_scene

pytestmark = pytest.mark.slow


def photograph(count: int, size: int, oldest: float) -> tuple[list[Drawn], np.ndarray]:
    """Pictures of as many people with every data set's nuisance in turn, and their ages, evenly from 0 to `oldest`."""
    pictures, ages = [], []
    for number in range(count):
        rng = np.random.default_rng([5, number])
        person, age = draw_person(3, number), float(rng.uniform(0, oldest))
        pictures.append(render(person, age, draw_scene(MIXES[list(MIXES)[number % len(MIXES)]], person, age, rng), size))
        ages.append(age)
    return pictures, np.array(ages)


@pytest.mark.filterwarnings("ignore")  # TensorFlow's and mtcnn's own
@pytest.mark.parametrize("size", [160, 256])
def test_mtcnn_finds_the_faces_and_their_eyes(size: int) -> None:
    from mtcnn import MTCNN

    pictures, _ = photograph(300, size, 71)
    detector, errors = MTCNN(), []
    for start in range(0, len(pictures), 20):
        batch = pictures[start : start + 20]
        for drawn, found in zip(batch, detector.detect_faces([picture.image for picture in batch]), strict=True):
            if not found:
                continue
            face = max(found, key=lambda face: face["box"][2] * face["box"][3])
            if overlap(face["box"], drawn.box) < 0.4:
                continue
            between = np.linalg.norm(drawn.landmarks[1] - drawn.landmarks[0])
            points = face["keypoints"]
            eyes = [np.linalg.norm(np.array(points[eye]) - drawn.landmarks[n]) for n, eye in enumerate(("left_eye", "right_eye"))]
            errors.append(max(eyes) / between)
    assert len(errors) >= 0.95 * len(pictures)
    assert np.median(errors) < 0.06
    assert np.mean(np.array(errors) < 0.10) >= 0.95


def overlap(found: list[int], box: tuple[float, float, float, float]) -> float:
    """Intersection over union of a detector's (x, y, width, height) and a true (left, top, right, bottom)."""
    left, top, right, bottom = found[0], found[1], found[0] + found[2], found[1] + found[3]
    wide, high = min(right, box[2]) - max(left, box[0]), min(bottom, box[3]) - max(top, box[1])
    both = max(wide, 0) * max(high, 0)
    return both / ((right - left) * (bottom - top) + (box[2] - box[0]) * (box[3] - box[1]) - both)


def test_age_can_be_read_in_48_pixels() -> None:
    # The simplest reader there is: ridge regression on the pixels of the cropped face, on people it has not seen.
    pictures, ages = photograph(1200, 96, 85)
    rows = []
    for drawn in pictures:
        left, top, right, bottom = (round(value) for value in drawn.box)
        margin = round(0.2 * (bottom - top))
        crop = drawn.image[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin]
        rows.append(cv2.resize(crop, (48, 48), interpolation=cv2.INTER_AREA).astype(float).ravel() / 255)
    pixels = np.array(rows)
    train, test = np.arange(1200) < 900, np.arange(1200) >= 900
    centre, mean = pixels[train].mean(axis=0), ages[train].mean()
    kernel = (pixels - centre) @ (pixels[train] - centre).T
    weights = np.linalg.solve(kernel[train] + 300 * np.eye(900), ages[train] - mean)
    error = np.abs(kernel[test] @ weights + mean - ages[test]).mean()
    guess = np.abs(mean - ages[test]).mean()
    assert error < 0.5 * guess
