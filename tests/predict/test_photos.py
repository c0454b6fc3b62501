"""What is looked at in folders, and what is ignored."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.config.schema import Faces
from agerepro.errors import UserError
from agerepro.faces.crops import align_photos, store_folder
from agerepro.faces.decode import decode
from agerepro.faces.detection import detector
from agerepro.faces.store import FaceStore
from agerepro.predict.photos import Crop, crops_of, find_faces, is_tight_crop, photo_files


def test_a_folder_gives_its_pictures_sorted_and_names_what_it_leaves(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "below/c.webp", ".cache/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = photo_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.photos] == ["a.png", "b.JPG", "below/c.webp"]
    assert [path.name for path in found.ignored] == ["notes.txt"]


def test_a_file_that_is_named_is_tried_whatever_it_is_called_and_only_once(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.touch()
    (tmp_path / "scan").touch()
    assert photo_files([photo, tmp_path / "scan", photo, tmp_path]).photos == (photo, tmp_path / "scan")


def test_photos_of_telephones_are_pictures_and_have_the_same_faces(portraits: list[Path], tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    with Image.open(portraits[0]) as portrait:
        pillow_heif.from_pillow(portrait.convert("RGB")).save(tmp_path / "a.HEIC", quality=95)
        portrait.convert("RGB").save(tmp_path / "b.avif", quality=95)
        portrait.convert("RGB").save(tmp_path / "c.png")
    files = photo_files([tmp_path])
    assert [path.name for path in files.photos] == ["a.HEIC", "b.avif", "c.png"]
    found = find_faces(files.photos, CHIP, which="all", detect=detector().detect, on_progress=lambda *at: None)
    boxes = [[photo.crops[0].cropped.facts[side] for side in ("left", "top", "right", "bottom")] for photo in found]
    assert all(photo.crops[0].cropped.facts["status"] == "ok" for photo in found)
    np.testing.assert_allclose(boxes[:2], [boxes[2]] * 2, atol=25)  # pixels of 225: the detector moves with the last digit


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.jpg"):
        photo_files([tmp_path / "absent.jpg"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"1 other files.*heic.*jpg"):
        photo_files([tmp_path])


LEVEL = Faces(size=96)
CHIP = Faces(align="five_points", margin=0.25, border="repeat", size=96)


def crops(photos: list[np.ndarray], settings: Faces, which: str = "all") -> list[list[Crop]]:
    return crops_of(photos, settings, which=which, detect=detector().detect, spread=map)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [LEVEL, CHIP, dataclasses.replace(LEVEL, passes=1, border="repeat")], ids=["level", "chip", "once"])
def test_a_crop_is_byte_for_byte_what_training_stores(settings: Faces, portraits: list[Path], tmp_path: Path) -> None:
    large = cv2.resize(decode(portraits[0].read_bytes()), (2300, 2811))  # above 2048 pixels: shrunk first
    Image.fromarray(large).save(tmp_path / "large.png")
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    for path in portraits[:4]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    names = sorted(path.name for path in tmp_path.iterdir())
    table = pd.DataFrame({"photo": [f"toy/{name}" for name in names], "path": names})
    faces = align_photos(table, tmp_path, settings, tmp_path / "store", on_progress=lambda done, total: None)
    store = FaceStore(store_folder(table, settings, tmp_path / "store"))
    paths = [tmp_path / name for name in names]
    found = find_faces(paths, settings, which="all", detect=detector().detect, on_progress=lambda done, total: None)
    for photo, row in zip(found, faces.to_dict("records"), strict=True):
        assert photo.crops[0].cropped.image == store.read(row["image"])
        for name, value in photo.crops[0].cropped.facts.items():
            assert row[name] == pytest.approx(value)


def test_two_faces_are_two_crops_largest_first(portraits: list[Path]) -> None:
    one, other = (decode(path.read_bytes()) for path in portraits[:2])
    both = np.full((300, 500, 3), 200, np.uint8)
    both[10:285, 260:485] = one
    both[60:243, 40:190] = cv2.resize(other, (150, 183), interpolation=cv2.INTER_AREA)
    (found,) = crops([both], CHIP)
    assert len(found) == 2 and [crop.cropped.facts["found"] for crop in found] == [2, 2]
    widths = [crop.cropped.facts["right"] - crop.cropped.facts["left"] for crop in found]
    assert widths[0] > widths[1]
    assert found[0].cropped.facts["left"] > 250  # the larger one stands on the right
    (largest,) = crops([both], CHIP, which="largest")
    assert [crop.cropped.image for crop in largest] == [found[0].cropped.image]


def test_without_a_face_the_settings_say_whole_picture_or_nothing() -> None:
    plain = np.full((60, 80, 3), 90, np.uint8)
    ((whole,),) = crops([plain], LEVEL)
    assert whole.cropped.facts["status"] == "no_face" and whole.cropped.image and not whole.warnings
    ((nothing,),) = crops([plain], dataclasses.replace(LEVEL, no_face="drop"))
    assert nothing.cropped.facts["status"] == "dropped" and not nothing.cropped.image


def test_a_strip_a_point_and_no_photo_at_all_are_no_errors() -> None:
    found = crops([np.zeros((10, 60_000, 3), np.uint8), np.zeros((60_000, 10, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)], LEVEL)
    assert [crop.cropped.facts["status"] for (crop,) in found] == ["no_face"] * 3
    assert crops([], LEVEL) == []


@pytest.mark.parametrize("settings", [LEVEL, CHIP], ids=["level", "chip"])
def test_a_photo_cut_close_is_warned_of_and_a_portrait_is_not(settings: Faces, portraits: list[Path]) -> None:
    portrait = decode(portraits[0].read_bytes())
    ((whole,),) = crops([portrait], settings)
    left, top, right, bottom = (round(whole.cropped.facts[side]) for side in ("left", "top", "right", "bottom"))
    ((close,),) = crops([portrait[top:bottom, left:right]], settings)
    assert not whole.warnings
    assert close.cropped.facts["status"] == "ok" and "tight crop already" in close.warnings[0]


def test_three_sides_beyond_the_picture_are_a_tight_crop_and_two_are_not() -> None:
    facts = {"status": "ok", "left": 30.0, "top": 30.0, "right": 70.0, "bottom": 70.0}  # a margin of 0.4 reaches from 14 to 86
    assert is_tight_crop(facts, LEVEL, shape=(100, 100)) == ()
    assert is_tight_crop(facts, LEVEL, shape=(70, 70)) == ()  # right and bottom by 16 of 72 pixels
    three = facts | {"left": 5.0, "right": 45.0}  # from -11 to 61
    assert "on 3 sides" in is_tight_crop(three, LEVEL, shape=(70, 50))[0]
    assert is_tight_crop(three, LEVEL, shape=(70, 51)) == ()  # 10 of 72 pixels do not count
    assert "takes 64%" in is_tight_crop(facts | {"left": 5.0, "top": 5.0, "right": 45.0, "bottom": 45.0}, LEVEL, shape=(50, 50))[0]
