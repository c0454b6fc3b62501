"""What is looked at in folders, and what is left aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from agerepro.errors import UserError
from agerepro.prediction.photo_files import photo_files


def test_a_folder_gives_its_pictures_sorted_and_names_what_it_leaves(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "below/c.webp", ".cache/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = photo_files([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.photos] == ["a.png", "b.JPG", "below/c.webp"]
    assert [path.name for path in found.aside] == ["notes.txt"]


def test_a_file_that_is_named_is_tried_whatever_it_is_called_and_only_once(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.touch()
    (tmp_path / "scan").touch()
    assert photo_files([photo, tmp_path / "scan", photo, tmp_path]).photos == (photo, tmp_path / "scan")


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no photo or folder"):
        photo_files([tmp_path / "absent.jpg"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"No picture lies in .* \(1 other files\)"):
        photo_files([tmp_path])
