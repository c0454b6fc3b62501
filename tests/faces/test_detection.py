"""The detector finds real faces, and none of the package's silent failures gets through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agerepro.faces import detection as detect_module
from agerepro.faces.alignment import iou
from agerepro.faces.decode import decode
from agerepro.faces.detection import Detection, Detector, detector, weights_folder


@pytest.fixture(scope="module")
def mixed(portraits) -> list[np.ndarray]:
    """Portraits of many sizes, with two pictures without a face among them."""
    photos = [decode(path.read_bytes()) for path in portraits[:8]]
    photos = [
        cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for photo, scale in zip(photos, [1, 0.5, 0.58, 1, 0.5, 0.8, 0.4, 0.58])
    ]
    noise = np.random.default_rng(0).integers(0, 256, (160, 120, 3), np.uint8)
    return [*photos[:3], noise, *photos[3:], np.full((160, 160, 3), 90, np.uint8)]


def same(first: list[Detection], second: list[Detection]) -> bool:
    return len(first) == len(second) and all(
        a.box == b.box and a.score == b.score and np.array_equal(a.landmarks, b.landmarks) for a, b in zip(first, second)
    )


def test_a_photo_gives_the_same_alone_in_a_batch_and_in_another_order(mixed, monkeypatch):
    monkeypatch.setattr(detect_module, "CANVAS_PIXELS", 5 * 192 * 192)
    together = detector().detect(mixed, smallest_face=20)
    assert [len(faces) > 0 for faces in together] == [True] * 3 + [False] + [True] * 5 + [False]
    backwards = detector().detect(mixed[::-1], smallest_face=20)[::-1]
    for photo, in_batch, in_reverse in zip(mixed, together, backwards):
        (alone,) = detector().detect([photo], smallest_face=20)
        assert same(in_batch, in_reverse) and same(in_batch, alone)


@pytest.mark.filterwarnings("ignore")  # of the package
def test_agrees_with_the_package_itself_mtcnn_1_0_0(portraits):
    from mtcnn import MTCNN
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    stages = [
        kind(weights=str(weights_folder() / name))
        for kind, name in ((StagePNet, "pnet.lz4"), (StageRNet, "rnet.lz4"), (StageONet, "onet.lz4"))
    ]
    package = MTCNN(stages=stages)
    shifts = []
    for path in portraits[::4]:
        photo = decode(path.read_bytes())
        canvas = np.zeros((320, 320, 3), np.uint8)
        canvas[:275, :225] = photo
        (theirs,) = package.detect_faces(canvas, min_face_size=20, box_format="xyxy")
        ((ours,),) = detector().detect([photo], smallest_face=20)
        left, top, width, height = theirs["box"]
        right, bottom = (width, height) if width > left else (left + width, top + height)
        assert iou(ours.box, (left, top, right, bottom)) > 0.9
        points = np.array([theirs["keypoints"][name] for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")])
        shifts.append(points - ours.landmarks)
    # They round to whole pixels, do not average when shrinking a patch, and count from pixel centres.
    assert np.abs(shifts).mean() < 2 and np.abs(shifts).max() < 6


def test_mirrored_photo_gives_mirrored_landmarks(portraits):
    photos = [decode(path.read_bytes()) for path in portraits]
    straight = detector().detect(photos, smallest_face=40)
    mirrored = detector().detect([np.ascontiguousarray(photo[:, ::-1]) for photo in photos], smallest_face=40)
    shifts = []
    for (one,), (other,), photo in zip(straight, mirrored, photos):
        back = (other.landmarks * [-1, 1] + [photo.shape[1], 0])[[1, 0, 2, 4, 3]]
        shifts.append((back - one.landmarks).mean(axis=0))
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.6  # pixels; without the half pixel it is 1


def test_landmarks_are_in_the_order_of_the_table(portrait):
    ((face,),) = detector().detect([portrait], smallest_face=40)
    eye, other_eye, nose, mouth, other_mouth = face.landmarks
    assert eye[0] < nose[0] < other_eye[0] and mouth[0] < other_mouth[0]
    assert max(eye[1], other_eye[1]) < nose[1] < min(mouth[1], other_mouth[1])
    left, top, right, bottom = face.box
    assert ((face.landmarks > [left, top]) & (face.landmarks < [right, bottom])).all() and 0.8 < face.score <= 1


@pytest.mark.parametrize("smallest", [12, 20, 30, 60, 100])
def test_no_smallest_face_makes_the_pyramid_fail(portrait, smallest):
    ((face,),) = detector().detect([portrait], smallest_face=smallest)  # of the package, 30 and more gave [] for 160-pixel photos
    assert face.score > 0.99


def test_large_photos_are_shrunk_and_their_coordinates_come_back(portraits):
    photos = [decode(path.read_bytes()) for path in portraits[1:6]]
    small = detector().detect(photos, smallest_face=40)
    enlarged = [cv2.resize(photo, None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR) for photo in photos]
    shifts = []
    for (one,), (other,) in zip(small, detector().detect(enlarged, smallest_face=40)):
        assert iou(tuple(value / 5 for value in other.box), one.box) > 0.7
        shifts.append(np.linalg.norm(other.landmarks / 5 - one.landmarks, axis=1))
    assert np.mean(shifts) < 2.5  # pixels; the eyes are about 60 apart, and a size more or less moves them by 1 or 2 %


def test_tiny_and_thin_photos_have_no_face():
    photos = [np.zeros(shape, np.uint8) for shape in ((1, 1, 3), (5, 300, 3), (2000, 2, 3))]
    assert detector().detect(photos, smallest_face=20) == [[], [], []]
    assert detector().detect([], smallest_face=20) == []


@pytest.mark.parametrize(
    "photo",
    [np.zeros((40, 40), np.uint8), np.zeros((40, 40, 4), np.uint8), np.zeros((40, 40, 3), np.uint16), np.zeros((40, 40, 3), np.float32)],
    ids=["grey", "RGBA", "uint16", "float"],
)
def test_other_than_rgb_uint8_is_refused(photo):
    with pytest.raises(ValueError, match="RGB uint8"):
        detector().detect([photo], smallest_face=20)


def test_weights_in_the_current_directory_are_not_touched(portrait, tmp_path, monkeypatch):
    for name in ("pnet", "rnet", "onet"):
        (tmp_path / f"{name}.lz4").write_bytes(b"would be unpickled")
    monkeypatch.chdir(tmp_path)
    assert detect_module.weights_folder().is_absolute()
    assert len(Detector().detect([portrait], smallest_face=60)[0]) == 1
