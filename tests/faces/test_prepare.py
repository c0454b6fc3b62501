"""A data set's usable faces in a folder: made by one process, read by all, and looked at again only where an original has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from agerepro.config.schema import Faces, OwnData, Synthetic
from agerepro.errors import CheckFailed, UserError
from agerepro.faces.decode import decode
from agerepro.faces.prepare import FaceDataset, PreparedFaces, content_digest, prepared_faces
from agerepro.io import damaged_files, finished_by, is_complete
from agerepro.synthetic.writers import write
from agerepro.tables import PHOTOS, coerce
from tests.faces.rectangles import Rectangles, draw
from tests.opened import opened_below

SMALL = Faces(size=32, margin=0.0)
DIGEST_WITHOUT_SCORES = "ed501ffa5e7dce25"  # as computed before tables of photos had scores


def faces_of(place: Path, name: str = "fgnet", faces: Faces = SMALL) -> PreparedFaces:
    """The faces of what lies in `place/data`, prepared in `place/faces`; made anew for each use, as each process does."""
    return prepared_faces(name, data=place / "data", faces=faces, folder=place / "faces")


def prepared(place: Path, name: str = "fgnet", say: Callable[[str], object] = str, **settings: object) -> FaceDataset:
    return faces_of(place, name, Faces(**{"size": 32, "margin": 0.0, **settings})).prepare(on_progress=lambda *_: None, say=say)


def quietly(done: int, total: int) -> None:
    pass


@pytest.fixture
def place(tmp_path: Path, drawn: Rectangles) -> Path:
    """A folder with FG-NET of four photos, prepared: one face each, and the detector has seen each photo twice."""
    for age in range(4):
        draw(tmp_path / "data" / "fgnet" / f"001A{age:02d}.JPG", (20 + age, 30, 60 + age, 70))
    prepared(tmp_path)
    assert drawn.shown == 8
    return tmp_path


def test_the_faces_are_whole_and_name_what_they_hold(place: Path) -> None:
    faces = faces_of(place)
    dataset = faces.load()
    assert is_complete(faces.place) and finished_by(faces.place) == dataset.digest == faces.about()["digest"]
    assert dataset.photos["age"].tolist() == [0, 1, 2, 3] and faces.about()["photos"] == 4 and faces.about()["people"] == 1
    assert [decode(dataset.store.read(image)).shape for image in dataset.photos["image"]] == [(32, 32, 3)] * 4
    assert {path.name for path in faces.place.iterdir()} == {
        *("photos.csv", "crops.csv", "faces.csv", "sources.csv", "about.json", "provenance.json", "manifest.json")
    }
    assert all((place / "faces" / "crops" / faces.about()["store"] / shard).is_file() for shard in faces.about()["shards"])


def test_where_nothing_has_changed_no_original_is_opened_and_no_crop_before_it_is_read(place: Path, drawn: Rectangles) -> None:
    assert faces_of(place).is_done() and faces_of(place).is_current()
    with opened_below(place / "data") as originals, opened_below(place / "faces" / "crops") as shards:
        dataset = prepared(place)
    assert originals == shards == [] and drawn.shown == 8
    with opened_below(place / "faces" / "crops") as shards:
        for image in dataset.photos["image"]:
            dataset.store.read(image)
    assert set(shards) == set(faces_of(place).about()["shards"])


def test_only_the_photo_that_has_changed_is_read_again(place: Path, drawn: Rectangles) -> None:
    before = faces_of(place).load()
    draw(place / "data" / "fgnet" / "001A02.JPG", (10, 10, 70, 70))
    assert faces_of(place).is_done() and not faces_of(place).is_current()
    with opened_below(place / "data") as originals:
        after = prepared(place)
    assert originals == ["001A02.JPG"] and drawn.shown == 8 + 2
    images = pd.DataFrame({"before": before.photos["image"], "after": after.photos["image"]})
    assert (images["before"] != images["after"]).tolist() == [False, False, True, False] and after.digest != before.digest
    assert faces_of(place).is_current() and after.photos.drop(columns="image").equals(before.photos.drop(columns="image"))


def test_new_and_removed_photos_are_noticed(place: Path, drawn: Rectangles) -> None:
    draw(place / "data" / "fgnet" / "002A00.JPG", (20, 20, 50, 50))
    (place / "data" / "fgnet" / "001A01.JPG").unlink()
    assert not faces_of(place).is_current()
    with opened_below(place / "data") as originals:
        dataset = prepared(place)
    assert originals == ["002A00.JPG"] and drawn.shown == 8 + 2
    assert dataset.photos["photo"].tolist() == [f"fgnet/{name}.JPG" for name in ("001A00", "001A02", "001A03", "002A00")]
    assert faces_of(place).is_current()


@pytest.mark.parametrize("folder", [".", "a", "a/deep", "a/deep/deeper", "new"])
def test_a_new_photo_is_noticed_in_whatever_folder(tmp_path: Path, drawn: Rectangles, folder: str) -> None:
    def faces() -> PreparedFaces:
        return prepared_faces("own", data=tmp_path / "own", faces=SMALL, folder=tmp_path / "faces", own=OwnData(pattern="{age}.png"))

    draw(tmp_path / "own" / "a" / "deep" / "deeper" / "30.png", (20, 30, 60, 70))
    assert len(faces().prepare(on_progress=lambda *_: None).photos) == 1 and faces().is_current()
    draw(tmp_path / "own" / folder / "31.png", (21, 30, 61, 70))
    assert not faces().is_current()
    assert faces().prepare(on_progress=lambda *_: None).photos["age"].sort_values().tolist() == [30, 31]


def test_a_changed_label_file_is_read_again_and_no_photo(tmp_path: Path, drawn: Rectangles) -> None:
    labels = tmp_path / "own" / "faces.csv"
    for number in range(3):
        draw(tmp_path / "own" / "photos" / f"{number}.png", (20 + number, 30, 60 + number, 70))
    labels.write_text("file,age\n" + "".join(f"photos/{number}.png,{30 + number}\n" for number in range(3)))

    def prepare_own() -> FaceDataset:
        faces = prepared_faces("own", data=labels, faces=SMALL, folder=tmp_path / "faces")
        return faces.prepare(on_progress=lambda *_: None)

    first = prepare_own()
    with opened_below(tmp_path / "own") as originals:
        assert prepare_own().digest == first.digest
    assert originals == []
    labels.write_text(labels.read_text().replace(",32", ",64"))
    with opened_below(tmp_path / "own") as originals:
        second = prepare_own()
    assert set(originals) == {"faces.csv"} and drawn.shown == 2 * 3
    assert second.photos["age"].tolist() == [30, 31, 64] and second.digest != first.digest
    assert second.photos["image"].tolist() == first.photos["image"].tolist()


@pytest.mark.parametrize("damage", ["truncated", "removed"])
def test_a_lost_shard_is_noticed_by_its_size_and_its_photos_are_aligned_again(place: Path, drawn: Rectangles, damage: str) -> None:
    before, said = faces_of(place).load(), []
    (shard,) = (place / "faces" / "crops").rglob("*.arrow")
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-9])
    else:
        shard.unlink()
    assert not faces_of(place).is_done()
    with pytest.raises(UserError, match="not prepared"):
        faces_of(place).load()
    after = prepared(place, say=said.append)
    assert drawn.shown == 8 + 8 and after.digest == before.digest and shard.is_file()
    assert [(str(shard) in text, f"{shard.name}.corrupt" in text) for text in said] == [(True, True)] * (damage == "truncated")


def test_a_flipped_byte_in_a_shard_is_noticed_when_it_is_read_set_aside_and_mended(place: Path, drawn: Rectangles) -> None:
    dataset, (shard,) = faces_of(place).load(), (place / "faces" / "crops").rglob("*.arrow")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CheckFailed, match=shard.name):
        dataset.store.read(dataset.photos["image"][0])
    assert not shard.exists() and shard.with_name(f"{shard.name}.corrupt").read_bytes() == content
    assert prepared(place).digest == dataset.digest and shard.is_file() and drawn.shown == 8 + 8


def test_a_damaged_table_of_the_faces_is_named_and_made_again_without_reading_a_photo(place: Path, drawn: Rectangles) -> None:
    table = faces_of(place).place / "crops.csv"
    table.write_text(table.read_text().replace("001A00", "001A09"))
    assert damaged_files(table.parent) == [table]
    with pytest.raises(CheckFailed, match=r"crops\.csv"):
        faces_of(place).load()
    with opened_below(place / "data") as originals:
        assert len(prepared(place).photos) == 4
    assert originals == [] and drawn.shown == 8 and damaged_files(table.parent) == []


def test_where_the_originals_are_gone_the_faces_are_used_and_it_is_said(place: Path, drawn: Rectangles) -> None:
    before, said = faces_of(place).load(), []
    (place / "data").rename(place / "elsewhere")
    after = prepared(place, say=said.append)
    assert after.digest == before.digest and after.photos.equals(before.photos) and drawn.shown == 8
    assert [len(after.store.read(image)) > 0 for image in after.photos["image"]] == [True] * 4
    assert len(said) == 1 and str(place / "data" / "fgnet") in said[0]


def test_other_settings_lie_beside_and_share_no_crop(place: Path, drawn: Rectangles) -> None:
    other = prepared(place, margin=0.3)
    assert faces_of(place).is_done() and drawn.shown == 8 + 8
    assert not set(other.photos["image"]) & set(faces_of(place).load().photos["image"])


PREPARING = """
import sys
import time
from pathlib import Path
from agerepro.faces import crops
from tests.faces.rectangles import Rectangles
from tests.faces.test_prepare import faces_of

place, waits = Path(sys.argv[1]), Path(sys.argv[1]) / "waits"

class Slow(Rectangles):
    def detect(self, images, *, smallest_face):
        end = time.monotonic() + 60
        while not waits.exists() and time.monotonic() < end:
            time.sleep(0.01)
        return super().detect(images, smallest_face=smallest_face)

detector = Slow()
crops.detector = lambda: detector
dataset = faces_of(place).prepare(on_progress=lambda *_: None, say=lambda text: waits.touch())
print(detector.shown, dataset.digest)
"""


def test_of_two_processes_one_prepares_and_the_other_waits_for_it(tmp_path: Path) -> None:
    for age in range(4):
        draw(tmp_path / "data" / "fgnet" / f"001A{age:02d}.JPG", (20, 30, 60, 70))
    command = [sys.executable, "-c", PREPARING, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) for _ in range(2)]
    answers = [child.communicate(timeout=120)[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0] and (tmp_path / "waits").exists()
    assert sorted(shown for shown, _ in answers) == ["0", "8"]
    assert answers[0][1] == answers[1][1]


def test_the_digest_covers_labels_and_pixels_and_nothing_else() -> None:
    photos = coerce(pd.DataFrame({"photo": ["own/a", "own/b"], "path": ["a", "b"], "age": [1.0, 2.0]}), PHOTOS).assign(image=["x", "y"])
    digest = content_digest(photos)
    assert digest == content_digest(photos.assign(path="elsewhere", left=1.0))
    changes = {"age": [1.0, 3.0], "subject": "p", "image": ["x", "z"], "split": "train", "photo": ["own/a", "own/c"]}
    assert digest not in {content_digest(photos.assign(**{column: value})) for column, value in changes.items()}
    assert digest != content_digest(photos[::-1])


def test_a_partial_copy_is_known_by_its_readable_photos(place: Path) -> None:
    draw(place / "data" / "fgnet" / "001A04.JPG")  # without a face, but there
    (place / "data" / "fgnet" / "001A05.JPG").write_bytes(b"broken")
    dropping = prepared(place, no_face="drop")
    assert (len(dropping.photos), dropping.funnel["shortfall"]) == (4, "5 of 1,002 photos of fgnet")
    assert dropping.without({"nobody"}).funnel["shortfall"] == dropping.funnel["shortfall"]


def test_a_drawn_set_is_no_partial_copy_and_the_same_wherever_it_lies(tmp_path: Path, drawn: Rectangles) -> None:
    for folder in ("data", "copy"):
        write("fgnet", tmp_path / folder / "fgnet", Synthetic(people=1, size=40), jobs=1, on_progress=quietly)
    dataset = prepared(tmp_path)
    assert 0 < len(dataset.photos) < 1002 and dataset.funnel["shortfall"] == ""
    copy = prepared_faces("fgnet", data=tmp_path / "copy", faces=SMALL, folder=tmp_path / "faces")
    ordered = prepared_faces(
        "fgnet", data=tmp_path / "not drawn yet", faces=SMALL, folder=tmp_path / "faces", order=Synthetic(people=1, size=40)
    )
    assert faces_of(tmp_path).place == copy.place == ordered.place and copy.load().digest == dataset.digest


def test_no_usable_face_is_a_sentence_with_every_reason(tmp_path: Path, drawn: Rectangles) -> None:
    place = tmp_path / "my place"
    (place / "data" / "fgnet").mkdir(parents=True)
    for age, content in enumerate((b"", b"", b"no picture")):
        (place / "data" / "fgnet" / f"001A{age:02d}.JPG").write_bytes(content)
    with pytest.raises(UserError) as caught:
        prepared(place)
    message = str(caught.value)
    assert all(fact in message for fact in ("3 photos of fgnet", "2 unreadable (empty file)", "1 unreadable (not a picture)"))
    assert "{" not in message and f"--root '{place / 'data'}'" in message and not faces_of(place).is_done()


def test_a_name_that_is_not_utf8_passes_through_alignment_and_its_tables(tmp_path: Path, drawn: Rectangles) -> None:
    for name in (b"001A02.JPG", b"caf\xe9.JPG"):
        draw(tmp_path / "data" / "fgnet" / os.fsdecode(name), (20, 30, 60, 70))
    dataset = prepared(tmp_path)
    assert dataset.photos["photo"].tolist() == ["fgnet/001A02.JPG"]
    assert dataset.funnel["skipped"] == [{"path": r"caf\udce9.JPG", "reason": "the name is not UTF-8"}]
    assert faces_of(tmp_path).is_current()


def test_options_of_a_reader_name_the_faces_where_they_are_not_the_usual_ones(tmp_path: Path) -> None:
    def place_of(name: str, reading: dict[str, str] | None) -> Path:
        return prepared_faces(name, data=tmp_path, faces=SMALL, folder=tmp_path / "faces", reading=reading).place

    assert place_of("appareal", None) == place_of("appareal", {"pictures": "crops", "ignored": "keep"})
    assert len({place_of("appareal", reading) for reading in (None, {"pictures": "whole"}, {"ignored": "drop"})}) == 3
    with pytest.raises(UserError, match="Did you mean 'pictures'"):
        place_of("appareal", {"picture": "whole"})


def test_a_score_counts_in_the_digest_and_its_absence_does_not() -> None:
    photos = coerce(pd.DataFrame({"photo": ["toy/a", "toy/b"], "age": [1.0, 2.0]}), PHOTOS).assign(image=["x", "y"])
    # As before there were scores: the labels without any.
    assert content_digest(photos) == content_digest(photos.drop(columns="score")) == DIGEST_WITHOUT_SCORES
    assert content_digest(photos.assign(score=[0.5, float("nan")])) != content_digest(photos)
