"""Geometry of the crops, against sums done by hand and least squares done another way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.faces.alignment import (
    MEAN_FACE,
    VIEW,
    apply,
    box_crop,
    box_matrix,
    compose,
    eye_rotation,
    five_points_crop,
    iou,
    rotate_box,
    second_box,
    second_look,
    similarity,
    warp_crop,
    with_margin,
)
from agerepro.faces.detection import Detection

PHOTO = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
FACE = np.array([[30.0, 40], [70, 40], [50, 60], [35, 80], [65, 80]])
NUMBERS = st.floats(-100, 100)


def test_margin_is_added_on_each_side_of_the_squared_box():
    # 20 x 40 about (20, 40): square 40; a quarter of 40 more on each side.
    assert with_margin((10, 20, 30, 60), 0.25, shape=(100, 100), border="repeat") == (-10, 10, 50, 70)
    assert with_margin((10, 20, 30, 60), 0.0, shape=(100, 100), border="clip") == (0, 20, 40, 60)
    # 40 % of 50 is 20.
    assert with_margin((30, 30, 80, 80), 0.4, shape=(200, 200), border="clip") == (10, 10, 100, 100)


def test_clip_ends_at_the_edges_of_the_photo():
    assert with_margin((10, 20, 30, 60), 0.25, shape=(65, 45), border="clip") == (0, 10, 45, 65)
    assert with_margin((500, 500, 600, 600), 0.0, shape=(65, 45), border="clip") == (44, 64, 45, 65)  # never empty


def test_crop_at_its_own_size_is_an_exact_copy():
    assert np.array_equal(box_crop(PHOTO, (20, 10, 40, 30), margin=0.0, border="clip", size=20), PHOTO[10:30, 20:40])


def test_repeat_repeats_the_edge_pixels():
    crop = box_crop(PHOTO, (0, 0, 40, 40), margin=0.25, border="repeat", size=60)  # -10..50
    assert np.array_equal(crop, np.pad(PHOTO[:50, :50], ((10, 0), (10, 0), (0, 0)), mode="edge"))


def test_clipped_crop_is_stretched_to_a_square():
    crop = box_crop(PHOTO, (0, 0, 80, 80), margin=0.0, border="clip", size=240)
    assert crop.shape == (240, 240, 3)
    stretched = cv2.resize(PHOTO, (240, 240), interpolation=cv2.INTER_LINEAR)
    assert np.abs(crop.astype(int) - stretched).max() <= 4  # OpenCV's warp counts in 1/32 pixels


def test_shrinking_averages():
    crop = box_crop(PHOTO, (10, 10, 50, 50), margin=0.0, border="clip", size=10)
    means = PHOTO[10:50, 10:50].reshape(10, 4, 10, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop - means).max() <= 0.5 + 1e-9


def test_photo_longer_than_opencv_can_warp():
    photo = np.zeros((3, 40_000, 3), np.uint8)
    photo[:, 39_990:] = 200
    assert box_crop(photo, (39_990, 0, 39_993, 3), margin=0.0, border="clip", size=3).min() == 200


@given(x=NUMBERS, y=NUMBERS, across=st.floats(1, 100), down=NUMBERS)
def test_leveling_keeps_the_midpoint_and_the_distance_of_the_eyes(x, y, across, down):
    landmarks = np.array([[x, y], [x + across, y + down], [0, 0], [0, 0], [0, 0]])
    degrees, rotation = eye_rotation(landmarks)
    eyes = apply(rotation, landmarks[:2])
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-6)
    assert eyes[1, 0] - eyes[0, 0] == pytest.approx(np.hypot(across, down), abs=1e-6)
    assert eyes.mean(axis=0) == pytest.approx(landmarks[:2].mean(axis=0), abs=1e-6)
    assert degrees == pytest.approx(np.degrees(np.arctan(down / across)), abs=1e-6)


def test_degrees_are_counter_clockwise():
    degrees, _ = eye_rotation(np.array([[0.0, 0], [10, 10], [0, 0], [0, 0], [0, 0]]))  # the right one lies lower by as much as aside
    assert degrees == pytest.approx(45)


def test_turned_box_keeps_its_size_about_the_turned_centre():
    quarter = cv2.getRotationMatrix2D((0, 0), 90, 1)  # counter-clockwise, y down: (x, y) -> (y, -x)
    assert rotate_box((10, 20, 30, 60), quarter) == (30, -40, 50, 0)


@given(
    points=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=5, max_size=5, unique=True),
    turn=st.floats(-3, 3),
    scale=st.floats(0.1, 10),
    shift=st.tuples(NUMBERS, NUMBERS),
)
def test_similarity_is_recovered_exactly(points, turn, scale, shift):
    source = np.array(points)
    if np.ptp(source, axis=0).max() < 1:
        return
    matrix = np.array([[scale * np.cos(turn), -scale * np.sin(turn), shift[0]], [scale * np.sin(turn), scale * np.cos(turn), shift[1]]])
    assert similarity(source, apply(matrix, source)) == pytest.approx(matrix, abs=1e-5)


@given(st.integers(0, 10_000))
def test_similarity_oracle_numpy_lstsq_of_four_parameters(seed):
    source, target = np.random.default_rng(seed).normal(size=(2, 5, 2)) * 50
    rows = np.zeros((10, 4))
    rows[0::2] = np.column_stack([source[:, 0], -source[:, 1], np.ones(5), np.zeros(5)])
    rows[1::2] = np.column_stack([source[:, 1], source[:, 0], np.zeros(5), np.ones(5)])
    a, b, x, y = np.linalg.lstsq(rows, target.ravel(), rcond=None)[0]
    assert similarity(source, target) == pytest.approx(np.array([[a, -b, x], [b, a, y]]), abs=1e-6)


def test_mean_face_oracle_dlib_68_points():
    # dlib/image_transforms/interpolation.h, mean_face_shape_x and _y, entries of points 36-41, 42-47, 30, 48, 54.
    eye_x = [0.121737, 0.187122, 0.265825, 0.334606, 0.260918, 0.182743]
    other_x = [0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335]
    eye_y = [0.216423, 0.178758, 0.179852, 0.231733, 0.245099, 0.244077]
    other_y = [0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099]
    points = [
        [np.mean(eye_x), np.mean(eye_y)],
        [np.mean(other_x), np.mean(other_y)],
        [0.490127, 0.515625],
        [0.254149, 0.780233],
        [0.726104, 0.780233],
    ]
    assert pytest.approx(np.array(points), abs=1e-6) == MEAN_FACE


@pytest.mark.parametrize(("size", "degrees", "scale"), [(150, 0, 1), (150, 25, 2.5), (96, -40, 0.8)])
def test_five_points_land_on_the_mean_face(size, degrees, scale):
    placing = cv2.getRotationMatrix2D((50, 50), degrees, scale) + np.array([[0, 0, 100], [0, 0, 90]])
    landmarks = apply(placing, FACE)
    y, x = np.mgrid[:300, :300] + 0.5
    for landmark in range(5):
        dot = np.exp(-((x - landmarks[landmark, 0]) ** 2 + (y - landmarks[landmark, 1]) ** 2) / 2 / 3**2) * 255
        chip = five_points_crop(np.repeat(dot[..., None], 3, 2).astype(np.uint8), landmarks, margin=0.25, border="clip", size=size)
        weights = chip[..., 0].astype(float)
        v, u = np.mgrid[:size, :size] + 0.5
        centre = np.array([(weights * u).sum(), (weights * v).sum()]) / weights.sum()
        expected = apply(similarity(landmarks, (MEAN_FACE + 0.25) / 1.5 * size), landmarks)[landmark]
        assert centre == pytest.approx(expected, abs=0.35)


def test_dlibs_padding_puts_a_mean_face_where_dlib_puts_it():
    # (0.225492 + 0.25) / 1.5 * 150 by hand, and so on.
    chip_points = apply(similarity(MEAN_FACE * 77 + 5, (MEAN_FACE + 0.25) / 1.5 * 150), MEAN_FACE * 77 + 5)
    assert chip_points[0] == pytest.approx([47.5492, 46.5991], abs=1e-3)
    assert chip_points[2] == pytest.approx([74.0127, 76.5625], abs=1e-3)


def test_five_points_outside_the_photo_is_black_or_repeats():
    white = np.full((100, 100, 3), 255, np.uint8)
    assert five_points_crop(white, FACE, margin=0.9, border="clip", size=64)[0, 0].tolist() == [0, 0, 0]
    assert five_points_crop(white, FACE, margin=0.9, border="repeat", size=64).min() == 255


def test_second_look_shows_the_box_in_the_middle_and_finds_its_way_back():
    _, rotation = eye_rotation(FACE + np.array([[0, 0], [0, 10], [0, 0], [0, 0], [0, 0]]))
    box = (30.0, 20.0, 50.0, 60.0)
    view, matrix = second_look(PHOTO, box, rotation)
    assert view.shape == (VIEW, VIEW, 3)
    seen = apply(matrix, np.array(box).reshape(2, 2)).ravel()
    assert seen.tolist() == [60, 40, 100, 120]  # 40 pixels high = half of 160; 20 wide = a quarter
    there = Detection((60, 40, 100, 120), 0.99, np.zeros((5, 2)))
    aside = Detection((0, 0, 30, 30), 1.0, np.zeros((5, 2)))
    second = second_box([aside, there], matrix)
    assert second is not None and second.box == pytest.approx(box) and second.score == 0.99
    assert second_box([aside], matrix) is None and second_box([], matrix) is None


def test_matrices_compose_and_boxes_overlap():
    both = compose(box_matrix((10, 20, 30, 40), 100), cv2.getRotationMatrix2D((20, 30), 180, 1))
    assert apply(both, np.array([[10.0, 20], [30, 40]])) == pytest.approx(np.array([[100, 100], [0, 0]]), abs=1e-9)
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)  # 50 of 150
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0 and iou((1, 1, 1, 1), (1, 1, 1, 1)) == 0


def test_rotating_by_a_right_angle_is_exact():
    matrix = np.array([[0, 1, 0], [-1, 0, 60]], float)  # (x, y) -> (y, 60 - x)
    assert np.array_equal(warp_crop(PHOTO, matrix, 60, outside="black"), np.rot90(PHOTO[:, :60], 1))
