"""Photos become a faces table and a store; one bad photo costs only itself; what was stopped continues; nothing is aligned twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.config.schema import Faces
from agerepro.errors import Interrupted, UserError
from agerepro.faces import crops
from agerepro.faces import decode as decode_module
from agerepro.faces.crops import align_photos, counts, store_folder
from agerepro.faces.decode import decode
from agerepro.faces.store import FaceStore
from agerepro.stopping import noting_signals
from tests.faces.rectangles import draw
from tests.opened import opened_below

SMALL = Faces(size=32, margin=0.0)


def quietly(done: int, total: int) -> None:
    pass


def pictures(faces: pd.DataFrame, photos: pd.DataFrame, settings: Faces, folder: Path) -> list[np.ndarray]:
    store = FaceStore(store_folder(photos, settings, folder))
    return [decode(store.read(key)) for key in faces["image"] if key]


def test_face_is_cropped_and_the_table_says_where(tmp_path, drawn, photos_of):
    draw(tmp_path / "root" / "a.png", (20, 30, 60, 70))
    photos = photos_of(["a.png"])
    faces = align_photos(photos, tmp_path / "root", SMALL, tmp_path / "out", on_progress=quietly)
    row = faces.iloc[0]
    assert (row["photo"], row["status"], row["reason"], row["found"], row["rotation"], row["margin"]) == ("toy/a.png", "ok", "", 1, 0, 0)
    assert row[["left", "top", "right", "bottom"]].tolist() == pytest.approx([20, 30, 60, 70], abs=1.0)  # seen through a warp
    assert row[["left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y"]].tolist() == [32, 46, 48, 46]
    (crop,) = pictures(faces, photos, SMALL, tmp_path / "out")
    assert crop.shape == (32, 32, 3) and crop[2:-2, 2:-2].min() > 240
    folder = store_folder(photos, SMALL, tmp_path / "out")
    assert (folder.parent, folder.name[:4]) == (tmp_path / "out" / "crops", "toy-") and len(FaceStore(folder)) == 1


def test_source_box_is_used_without_a_detector(tmp_path, drawn, photos_of):
    draw(tmp_path / "a.png", (20, 30, 60, 70))
    photos = photos_of(["a.png"], box=(20, 30, 60, 70))
    for border in ("clip", "repeat"):
        settings = Faces(size=72, margin=0.4, border=border)
        faces = align_photos(photos, tmp_path, settings, tmp_path / "out", on_progress=quietly)
        (crop,) = pictures(faces, photos, settings, tmp_path / "out")  # 40 + 2 x 16 = 72 pixels: 4..76, 14..86
        assert crop[20:52, 20:52].min() > 240 and crop[:12].max() < 12
    assert drawn.shown == 0 and faces["reason"].tolist() == ["box of the source"] and faces["found"].tolist() == [0]
    align_photos(photos, tmp_path, Faces(size=72, boxes="detector"), tmp_path / "out", on_progress=quietly)
    assert drawn.shown == 2


def test_no_tensorflow_when_every_photo_brings_its_box(tmp_path):
    draw(tmp_path / "a.png", (20, 30, 60, 70))
    script = f"""
        import sys
        import pandas as pd
        from pathlib import Path
        from agerepro.config.schema import Faces, Synthetic
        from agerepro.faces.crops import align_photos
        photos = pd.DataFrame([dict(photo="toy/a.png", path="a.png", left=20.0, top=30.0, right=60.0, bottom=70.0)])
        root = Path({str(tmp_path)!r})
        faces = align_photos(photos, root, Faces(), root / "out", on_progress=lambda done, total: None)
        assert faces["status"].tolist() == ["ok"]
        assert not {{"tensorflow", "keras", "mtcnn"}} & set(sys.modules)
    """
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr


def test_policies_for_no_face(tmp_path, drawn, photos_of):
    draw(tmp_path / "none.png", size=(40, 80), shade=77)
    photos = photos_of(["none.png"])
    whole = align_photos(photos, tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    assert whole[["status", "reason", "found"]].values.tolist() == [["no_face", "no face found: whole image", 0]]
    (crop,) = pictures(whole, photos, SMALL, tmp_path / "out")
    assert np.abs(crop.astype(int) - 77).max() <= 1
    settings = Faces(size=32, no_face="drop")
    dropped = align_photos(photos, tmp_path, settings, tmp_path / "out", on_progress=quietly)
    assert dropped[["status", "reason", "image"]].values.tolist() == [["dropped", "no face found", ""]]
    shown = drawn.shown
    assert align_photos(photos, tmp_path, settings, tmp_path / "out", on_progress=quietly).equals(dropped) and drawn.shown == shown


def test_policies_for_several_faces(tmp_path, drawn, photos_of):
    draw(tmp_path / "two.png", (5, 5, 25, 25), (50, 50, 90, 90))
    largest = align_photos(photos_of(["two.png"]), tmp_path, Faces(passes=1), tmp_path / "out", on_progress=quietly)
    assert largest[["found", "left"]].values.tolist() == [[2, 50]]
    labelled = Faces(passes=1, multiple_faces="labelled", boxes="detector")
    chosen = align_photos(photos_of(["two.png"], box=(0, 0, 30, 30)), tmp_path, labelled, tmp_path / "out", on_progress=quietly)
    assert chosen[["found", "left"]].values.tolist() == [[2, 5]]
    unlabelled = align_photos(photos_of(["two.png"]), tmp_path, labelled, tmp_path / "out", on_progress=quietly)
    assert unlabelled["left"].tolist() == [50]
    elsewhere = align_photos(photos_of(["two.png"], box=(60, 0, 90, 30)), tmp_path, labelled, tmp_path / "out", on_progress=quietly)
    assert elsewhere[["status", "reason"]].values.tolist() == [["no_face", "no face where the source's box is: whole image"]]


def test_five_points_looks_for_landmarks_where_the_source_box_is(tmp_path, drawn, photos_of):
    draw(tmp_path / "two.png", (5, 5, 25, 25), (50, 50, 90, 90))
    photos = photos_of(["two.png"], box=(0, 0, 30, 30))
    faces = align_photos(photos, tmp_path, Faces(align="five_points"), tmp_path / "out", on_progress=quietly)
    assert faces[["status", "found", "left"]].values.tolist() == [["ok", 2, 5]]


def test_every_bad_photo_is_a_named_skip_and_costs_only_itself(tmp_path, drawn, photos_of):
    root = tmp_path / "root"
    draw(root / "good.png", (20, 30, 60, 70))
    draw(tmp_path / "secret.png", (20, 30, 60, 70))
    (root / "text.jpg").write_text("not a photo")
    (root / "empty.jpg").write_bytes(b"")
    (root / "cut.jpg").write_bytes(b"")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)).save(root / "cut.jpg")
    (root / "cut.jpg").write_bytes((root / "cut.jpg").read_bytes()[:2000])
    (root / "folder.jpg").mkdir()
    Image.new("1", (20_000, 20_000)).save(root / "huge.png")
    paths = [
        "text.jpg",
        "empty.jpg",
        "cut.jpg",
        "folder.jpg",
        "missing.jpg",
        "huge.png",
        "../secret.png",
        str(tmp_path / "secret.png"),
        "x/../../secret.png",
        "nul\0.png",
        "",
        "good.png",
    ]
    faces = align_photos(photos_of(paths), root, SMALL, tmp_path / "out", on_progress=quietly)
    assert faces["status"].tolist() == ["unreadable"] * 11 + ["ok"]
    expected = [
        "not a picture",
        "empty file",
        "broken file",
        "cannot be read: Is a directory",
        "missing file",
        "too large",
        *["path leaves the data set's folder"] * 5,
    ]
    assert all(reason.startswith(start) for reason, start in zip(faces["reason"], expected))
    assert counts(faces) == {
        "photos": 12,
        "crops": 1,
        "several faces": 0,
        "ok": 1,
        "unreadable (broken file)": 1,
        "unreadable (cannot be read)": 1,
        "unreadable (empty file)": 1,
        "unreadable (missing file)": 1,
        "unreadable (not a picture)": 1,
        "unreadable (path leaves the data set's folder)": 5,
        "unreadable (too large)": 1,
    }


def test_source_box_outside_the_photo_is_a_named_skip(tmp_path, drawn, photos_of):
    draw(tmp_path / "a.png")
    faces = align_photos(photos_of(["a.png"], box=(200, 0, 300, 50)), tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    assert faces["status"].tolist() == ["unreadable"] and "outside the photo" in faces["reason"][0]


@pytest.mark.parametrize("damage", ["none", "truncated shard"])
def test_stopped_half_way_and_continued_equals_undisturbed(tmp_path, drawn, photos_of, monkeypatch, damage):
    monkeypatch.setattr(crops, "BATCH", 4)
    monkeypatch.setattr(crops, "SHARD_BYTES", 1000)
    paths = [f"{n}.png" for n in range(20)]
    for n, path in enumerate(paths):
        draw(tmp_path / path, (n, 30, n + 40, 70))
    photos = photos_of(paths)
    undisturbed = align_photos(photos, tmp_path, SMALL, tmp_path / "whole", on_progress=quietly)
    once = drawn.shown

    def stop(done: int, total: int) -> None:
        if done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        align_photos(photos, tmp_path, SMALL, tmp_path / "stopped", on_progress=stop)
    folder = store_folder(photos, SMALL, tmp_path / "stopped")
    assert len(FaceStore(folder)) > 4
    if damage == "truncated shard":
        victim = next(folder.glob("*.arrow"))
        victim.write_bytes(victim.read_bytes()[:-10])
    before, kept, said = drawn.shown, len(FaceStore(folder)), []
    continued = align_photos(photos, tmp_path, SMALL, tmp_path / "stopped", on_progress=quietly, say=said.append)
    assert drawn.shown - before == 2 * (20 - kept) < once  # two passes over what was not yet stored
    assert continued.equals(undisturbed)
    assert len(said) == (damage != "none") and all(str(victim) in text and f"{victim.name}.corrupt" in text for text in said)
    assert len(list(folder.glob("*.corrupt"))) == len(said)
    stores = FaceStore(folder), FaceStore(store_folder(photos, SMALL, tmp_path / "whole"))
    assert [stores[0].read(key) for key in continued["image"]] == [stores[1].read(key) for key in undisturbed["image"]]


def test_asked_to_stop_it_keeps_all_that_it_has_aligned(tmp_path, drawn, photos_of, monkeypatch):
    monkeypatch.setattr(crops, "BATCH", 4)
    paths = [f"{n}.png" for n in range(12)]
    for n, path in enumerate(paths):
        draw(tmp_path / path, (n, 30, n + 40, 70))

    def ask(done: int, total: int) -> None:
        if done == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    with noting_signals(), pytest.raises(Interrupted, match=r"toy, 8 of 12 photos: stopped by SIGTERM"):
        align_photos(photos_of(paths), tmp_path, SMALL, tmp_path / "out", on_progress=ask)
    assert len(FaceStore(store_folder(photos_of(paths), SMALL, tmp_path / "out"))) == 8
    before = drawn.shown
    align_photos(photos_of(paths), tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    assert drawn.shown - before == 2 * 4


def test_a_file_of_the_same_size_and_time_is_not_read_again_and_one_that_was_touched_is_not_aligned_again(tmp_path, drawn, photos_of):
    for n in range(3):
        draw(tmp_path / "root" / f"{n}.png", (n, 30, n + 40, 70))
    photos, sources = photos_of([f"{n}.png" for n in range(3)]), {}
    arguments = {"sources": sources, "on_progress": quietly}
    first = align_photos(photos, tmp_path / "root", SMALL, tmp_path / "out", **arguments)
    digest = hashlib.sha256((tmp_path / "root" / "1.png").read_bytes()).hexdigest()
    assert (sources["1.png"].digest, sources["1.png"].size) == (digest, (tmp_path / "root" / "1.png").stat().st_size)
    os.utime(tmp_path / "root" / "1.png", ns=(7, 7))
    with opened_below(tmp_path / "root") as names:
        again = align_photos(photos, tmp_path / "root", SMALL, tmp_path / "out", **arguments)
    assert names == ["1.png"] and sources["1.png"].changed == 7 and again.equals(first) and drawn.shown == 2 * 3


def test_unchanged_photo_is_never_aligned_twice_but_a_changed_one_is(tmp_path, drawn, photos_of):
    draw(tmp_path / "one" / "a.png", (20, 30, 60, 70))
    draw(tmp_path / "two" / "deep" / "b.png", (20, 30, 60, 70))
    first = align_photos(photos_of(["a.png"]), tmp_path / "one", SMALL, tmp_path / "out", on_progress=quietly)
    moved = align_photos(photos_of(["deep/b.png"]), tmp_path / "two", SMALL, tmp_path / "out", on_progress=quietly)
    assert drawn.shown == 2 and moved["image"].tolist() == first["image"].tolist() and moved["photo"].tolist() == ["toy/deep/b.png"]
    other = align_photos(photos_of(["a.png"]), tmp_path / "one", Faces(size=32, margin=0.2), tmp_path / "out", on_progress=quietly)
    assert drawn.shown == 4 and other["image"][0] != first["image"][0]  # other settings
    draw(tmp_path / "one" / "a.png", (21, 30, 61, 70))
    align_photos(photos_of(["a.png"]), tmp_path / "one", SMALL, tmp_path / "out", on_progress=quietly)
    assert drawn.shown == 6  # other bytes


def test_large_photo_is_reduced_but_its_table_is_not(tmp_path, drawn, photos_of, monkeypatch):
    monkeypatch.setattr(decode_module, "LARGEST_SIDE", 50)
    draw(tmp_path / "a.png", (20, 30, 60, 70))
    faces = align_photos(photos_of(["a.png"]), tmp_path, Faces(passes=1), tmp_path / "out", on_progress=quietly)
    assert faces[["left", "top", "right", "bottom", "left_eye_x"]].values.tolist() == [[20, 30, 60, 70, 32]]


def test_photos_of_none_or_of_two_data_sets_are_an_error(tmp_path, photos_of):
    photos = photos_of(["a.png", "b.png"])
    with pytest.raises(UserError, match="of one data set"):
        align_photos(photos.assign(photo=["one/a.png", "two/b.png"]), tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    with pytest.raises(UserError, match="of none"):
        align_photos(photos[:0], tmp_path, SMALL, tmp_path / "out", on_progress=quietly)


def test_progress_counts_photos(tmp_path, drawn, photos_of, monkeypatch):
    monkeypatch.setattr(crops, "BATCH", 2)
    draw(tmp_path / "a.png")
    seen: list[tuple[int, int]] = []
    align_photos(photos_of(["a.png"] * 5), tmp_path, SMALL, tmp_path / "out", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def eyes_of(faces: pd.DataFrame) -> np.ndarray:
    return faces[["left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y"]].to_numpy()


def test_real_portraits_turned_by_exif_and_in_a_broken_batch(tmp_path, portraits, photos_of: Callable[..., pd.DataFrame]):
    for n, path in enumerate(portraits[:6]):
        shutil.copy(path, tmp_path / f"{n}.jpg")
    plain = photos_of([f"{n}.jpg" for n in range(6)])
    settings = Faces(size=64)
    faces = align_photos(plain, tmp_path, settings, tmp_path / "out", on_progress=quietly)
    assert faces["status"].tolist() == ["ok"] * 6 and (faces["score"] > 0.99).all() and faces["rotation"].abs().max() < 20
    turned = Image.fromarray(np.rot90(decode(portraits[0].read_bytes())))  # stored lying on its side, and EXIF says so
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "broken.jpg").write_bytes(portraits[1].read_bytes()[:3000])
    again = align_photos(photos_of(["broken.jpg", "turned.png", "2.jpg"]), tmp_path, settings, tmp_path / "new", on_progress=quietly)
    assert again["status"].tolist() == ["unreadable", "ok", "ok"]
    assert np.array_equal(eyes_of(again)[1:], eyes_of(faces)[[0, 2]])


def test_aligned_portraits_have_level_eyes_where_they_belong(tmp_path, portraits, photos_of):
    from agerepro.faces.detection import detector

    for n, path in enumerate(portraits):
        shutil.copy(path, tmp_path / f"{n}.jpg")
    photos = photos_of([f"{n}.jpg" for n in range(len(portraits))])
    for settings, eyes in ((Faces(size=150, align="five_points", margin=0.25), [[47.5, 46.6], [100.5, 46.6]]), (Faces(size=150), None)):
        faces = align_photos(photos, tmp_path, settings, tmp_path / "out", on_progress=quietly)
        seen = detector().detect(pictures(faces, photos, settings, tmp_path / "out"), smallest_face=40)
        found = np.array([max(detections, key=lambda face: face.area).landmarks[:2] for detections in seen])
        slopes = np.degrees(np.arctan2(found[:, 1, 1] - found[:, 0, 1], found[:, 1, 0] - found[:, 0, 0]))
        assert np.abs(slopes).max() < 6 and np.abs(slopes).mean() < 3
        if eyes is not None:
            assert np.abs(np.median(found, axis=0) - eyes).max() < 4  # pixels of the 150-pixel chip


def test_a_crop_that_carries_its_margin_is_cut_like_the_whole_photo(tmp_path: Path) -> None:
    # A face box of 50 x 50 in a photo, and the same box already cut out with 40 % on each side: 90 x 90.
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(whole).save(tmp_path / "whole.png")
    Image.fromarray(whole[40:130, 50:140]).save(tmp_path / "crop.png")
    nothing = float("nan")
    photos = pd.DataFrame(
        {
            "photo": ["imdb/whole.png", "imdb/crop.png"],
            "path": ["whole.png", "crop.png"],
            "left": [70.0, nothing],
            "top": [60.0, nothing],
            "right": [120.0, nothing],
            "bottom": [110.0, nothing],
            "cropped_margin": [nothing, 0.4],
        }
    )
    settings = Faces(size=48, margin=0.4)
    faces = align_photos(photos, tmp_path, settings, tmp_path / "out", on_progress=lambda done, total: None)
    store = FaceStore(store_folder(photos, settings, tmp_path / "out"))
    whole_crop, inner_crop = (decode(store.read(key)) for key in faces["image"])
    np.testing.assert_array_equal(whole_crop, inner_crop)


def test_a_photo_that_needs_a_missing_package_is_read_once_it_is_there(tmp_path, drawn, photos_of, heif_writer, monkeypatch):
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:70, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "a.jpg", "HEIF")  # as telephones name them now and then
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pillow_heif", None)
        faces = align_photos(photos_of(["a.jpg"]), tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    assert faces["status"].tolist() == ["unreadable"] and "pillow-heif" in faces["reason"][0]
    faces = align_photos(photos_of(["a.jpg"]), tmp_path, SMALL, tmp_path / "out", on_progress=quietly)
    assert faces["status"].tolist() == ["ok"]


def test_a_whole_picture_is_taken_without_a_detector(tmp_path, portraits, photos_of, monkeypatch):
    monkeypatch.setattr(crops, "detector", lambda: pytest.fail("a detector was asked for"))
    photos = photos_of([portraits[0].name])
    settings = Faces(boxes="whole_image", size=64)
    faces = align_photos(photos, portraits[0].parent, settings, tmp_path / "out", on_progress=quietly)
    assert faces[["status", "reason", "found"]].to_numpy().tolist() == [["ok", "whole image", 0]]
    (taken,) = pictures(faces, photos, settings, tmp_path / "out")
    with Image.open(portraits[0]) as picture:  # 225 x 275 pixels, stretched to a square
        expected = np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX), float)
    assert taken.shape == (64, 64, 3) and np.abs(taken - expected).mean() < 4
