"""Proofs on many pictures: a real detector finds these faces, and their age can be read even when they are small."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.synthetic.camera import camera
from agerepro.synthetic.person import NUISANCE, Scene, draw_person, draw_scene
from agerepro.synthetic.renderer import Drawn, aim, contact_sheet, render

pytestmark = pytest.mark.slow


def photograph(count: int, size: int, oldest: float) -> tuple[list[Drawn], np.ndarray]:
    """Pictures of as many people with every data set's nuisance in turn, and their ages, evenly from 0 to `oldest`."""
    pictures, ages = [], []
    for number in range(count):
        rng = np.random.default_rng([5, number])
        person, age = draw_person(3, number), float(rng.uniform(0, oldest))
        pictures.append(render(person, age, draw_scene(NUISANCE[list(NUISANCE)[number % len(NUISANCE)]], person, age, rng), size))
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


@settings(max_examples=25, deadline=None)
@given(
    number=st.integers(0, 500), age=st.floats(0, 100), nuisance=st.sampled_from(sorted(NUISANCE)), size=st.sampled_from([24, 48, 97, 160])
)
def test_every_picture_is_whole_and_its_face_inside(number: int, age: float, nuisance: str, size: int) -> None:
    person = draw_person(1, number)
    scene = draw_scene(NUISANCE[nuisance], person, age, np.random.default_rng(number))
    drawn = render(person, age, scene, size)
    assert drawn.image.shape == (size, size, 3) and drawn.image.dtype == np.uint8
    assert drawn.image.std() > 8
    assert (drawn.landmarks > 0).all() and (drawn.landmarks < size - 1).all()
    left, top, right, bottom = drawn.box
    x, y = drawn.landmarks.T
    assert (left < x).all() and (x < right).all() and (top < y).all() and (y < bottom).all()
    (left_eye, right_eye, _, mouth_left, mouth_right) = drawn.landmarks
    assert left_eye[0] < right_eye[0] and mouth_left[0] < mouth_right[0]


def test_the_same_orders_give_the_same_pixels() -> None:
    scene = Scene(background=9, grain=0.02, yaw=7, film="sepia", glasses="round")
    first, again = (render(draw_person(0, 1), 40, scene, 64) for _ in range(2))
    assert np.array_equal(first.image, again.image)


def test_the_square_is_the_smallest_around_the_box() -> None:
    shot = aim(draw_person(0, 2), 33, Scene(yaw=-12, pitch=6, roll=9, shift=(0.03, -0.02)), 128)
    (left, top, right, bottom), box = shot.square(), shot.box
    assert right - left == pytest.approx(bottom - top) == pytest.approx(max(box[2] - box[0], box[3] - box[1]))
    assert (left + right, top + bottom) == pytest.approx((box[0] + box[2], box[1] + box[3]))


@pytest.mark.parametrize("age", [1, 10, 30, 70])
@pytest.mark.parametrize("turn", [(0, 0, 0), (14, 0, 0), (-14, 6, -10)])
def test_eyes_are_drawn_where_the_truth_says(age: int, turn: tuple[float, float, float]) -> None:
    # An independent way: give the person other eyes, and see where the picture changes.
    person = draw_person(0, 4)
    scene = Scene(yaw=turn[0], pitch=turn[1], roll=turn[2], smile=0)
    drawn = render(person, age, scene, 320)
    other = render(dataclasses.replace(person, eyes=(0.0, 1.0, 1.0)), age, scene, 320)
    changed = np.abs(drawn.image.astype(float) - other.image).sum(axis=2)
    between = np.linalg.norm(drawn.landmarks[1] - drawn.landmarks[0])
    rows, columns = np.mgrid[:320, :320]
    for x, y in drawn.landmarks[:2]:
        near = changed * (np.hypot(columns - x, rows - y) < 0.5 * between)
        found = np.array([(columns * near).sum(), (rows * near).sum()]) / near.sum()
        assert np.linalg.norm(found - (x, y)) < 0.06 * between


def test_points_go_where_the_camera_puts_the_paint() -> None:
    # An independent way: paint one dot on the canvas, expose it, and find it.
    size, scale, centre = 200, 50.0, (99.0, 90.0)
    lens = camera(Scene(yaw=15, pitch=-8, roll=12), scale, centre, (104.0, 86.0))
    for u, v in [(-0.45, 0.0), (0.45, 0.0), (0.0, 0.6), (0.3, 1.1), (-0.8, 0.3)]:
        canvas = np.zeros((size, size, 4), np.float32)
        place = (round((u * scale + centre[0]) * 16), round((v * scale + centre[1]) * 16))
        for channel in range(4):
            plane = np.zeros((size, size), np.uint8)
            cv2.circle(plane, place, 3 * 16, 255, -1, cv2.LINE_AA, 4)
            canvas[..., channel] = plane / 255
        seen = lens.expose(canvas, size)[..., 3]
        rows, columns = np.mgrid[:size, :size]
        found = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum()
        np.testing.assert_allclose(found, lens.project([(u, v)])[0], atol=0.6)


def test_a_person_resembles_itself_more_than_others() -> None:
    # Twelve people, two ages, even light: hair hidden by a mask, colours of the face in 12 x 12 pixels.
    def face(number: int, age: float) -> np.ndarray:
        drawn = render(draw_person(0, number), age, Scene(background=1), 96)
        left, top, right, bottom = (round(value) for value in drawn.box)
        return cv2.resize(drawn.image[top:bottom, left:right], (12, 12), interpolation=cv2.INTER_AREA).astype(float)

    young, older = ([face(number, age) for number in range(12)] for age in (24, 31))
    apart = np.array([[np.abs(a - b).mean() for b in older] for a in young])
    assert (apart.argmin(axis=1) == np.arange(12)).mean() >= 0.9


def test_second_people_are_drawn_behind() -> None:
    person, other = draw_person(0, 1), draw_person(0, 2)
    scene = Scene(background=3, shift=(-0.12, 0.0))
    alone = render(person, 30, scene, 96)
    both = render(person, 30, scene, 96, behind=(other, 40, dataclasses.replace(scene, shift=(0.31, -0.06), face_share=0.36)))
    changed = np.abs(alone.image.astype(int) - both.image).sum(axis=2) > 30
    assert changed[:, 70:].mean() > 0.3 > changed[:, :40].mean() + 0.2


def test_sheet_is_people_by_ages() -> None:
    picture = contact_sheet([1, 2], [5, 50, 80], size=40)
    assert picture.shape == (80, 120, 3) and picture.dtype == np.uint8
    assert contact_sheet([1], [5, 50, 80], size=40, columns=2).shape == (80, 80, 3)
    assert not np.array_equal(picture, contact_sheet([1, 2], [5, 50, 80], size=40, nuisance="fgnet"))
