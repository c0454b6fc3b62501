"""The contact sheet: its size, where the faces stand, and that a sheet without faces is a picture too."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.explain.maps import Kind, overlay
from agerepro.faces.alignment import encode
from agerepro.predict import pictures as module
from agerepro.predict.photos import photo_files
from agerepro.predict.pictures import (
    MAP_GAP,
    MAP_SIDE,
    SHEET_GAP,
    SHEET_LINES,
    SHEET_SIDE,
    contact_sheet,
    explainable,
    maps_in_words,
    with_maps,
)
from agerepro.predict.predict import COLUMNS, Row, predict_photos
from agerepro.runs.layout import Run
from agerepro.runs.model import load_run_model


def row(colour: tuple[int, int, int] | None, **values: Any) -> Row:
    known = {"photo": "a.jpg", "faces": 1, "face": 1, "status": "ok", "age": 40.0, "warnings": [], "folds": [0]}
    image = b"" if colour is None else encode(np.full((40, 40, 3), colour, np.uint8))
    return Row({**dict.fromkeys(COLUMNS), **known, **values}, None, image)


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_faces_stand_in_the_rows_order_and_warnings_are_framed() -> None:
    sheet = opened(contact_sheet([row((200, 0, 0)), row((0, 200, 0)), row((0, 0, 200), warnings=["tight"]), row(None)]))
    step = SHEET_SIDE + SHEET_GAP
    for (x, y), channel in {(0, 0): 0, (1, 0): 1, (0, 1): 2}.items():
        pixel = sheet[SHEET_GAP + y * (step + SHEET_LINES) + SHEET_SIDE // 2, SHEET_GAP + x * step + SHEET_SIDE // 2]
        assert pixel[channel] > 190 and pixel.sum() < 220
    assert tuple(sheet[SHEET_GAP + step + SHEET_LINES + 40, SHEET_GAP - 2]) == (0xB3, 0x59, 0x00)  # the frame of the third
    assert tuple(sheet[SHEET_GAP + 40, SHEET_GAP - 2]) == (255, 255, 255)


def test_a_sheet_of_nothing_says_so_and_many_faces_are_cut_off() -> None:
    assert opened(contact_sheet([row(None)])).shape[2] == 3
    assert module._footer(1000, 1200, 3, groups=False).startswith("1000 of 1200 shown; 3 without a picture")


Folder = Callable[[Run], Path]


@pytest.mark.parametrize(
    ("kind", "how", "said"),
    [
        ("years_run", "sensitivity", "Sensitivity maps of the expected age, at pixels"),
        pytest.param("groups_run", "grad_cam", "Grad-CAM maps of the predicted group, at conv5_3", marks=pytest.mark.slow),
        ("classes_run", "mean", "Class activation maps of the expected age, at conv5_3"),
    ],
)
def test_every_face_gets_its_picture(
    kind: str, how: Kind, said: str, request: pytest.FixtureRequest, photos_of_run: Folder, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(kind)
    run_model = load_run_model(run)
    photo = next(path for path in sorted(photos_of_run(run).rglob("*")) if path.suffix.lower() == ".jpg")
    (tmp_path / "text.jpg").write_text("not a picture")
    quiet = {"folds": None, "which": "largest", "on_progress": lambda what, done, total: None}
    rows = predict_photos(run_model, photo_files([tmp_path / "text.jpg", photo]), **quiet).rows
    counted: list[tuple[int, int]] = []
    folds = run_model.folds_with_weights(0)[:2]
    found = with_maps(run_model, rows, tmp_path / "maps", how=how, folds=folds, on_progress=lambda *at: counted.append(at))
    (written,) = (tmp_path / "maps").iterdir()
    assert [row.values["map"] for row in found] == [str(written) if row.image else None for row in rows]
    assert written.name == f"{[bool(row.image) for row in rows].index(True) + 1:04d}-{photo.stem}.png" and counted[-1] == (2, 2)
    with Image.open(written) as picture:
        assert picture.size == (2 * MAP_SIDE + MAP_GAP, MAP_SIDE)
        pixels = np.asarray(picture)
    # To the right, the face under a map: neither the face as it is nor a map of nothing.
    face = pixels[:, :MAP_SIDE]
    assert np.abs(pixels[:, MAP_SIDE + MAP_GAP :].astype(int) - overlay(face, np.zeros((2, 2)), MAP_SIDE)).max() > 60
    assert maps_in_words(run_model, how, tmp_path).startswith(said)


def test_an_empty_map_is_said_in_the_row_and_on_the_picture(opposed_run: Run, photos_of_run: Folder, tmp_path: Path) -> None:
    run_model = load_run_model(opposed_run)
    photo = sorted(photos_of_run(opposed_run).rglob("*.JPG"))[0]
    quiet = {"on_progress": lambda *at: None}
    rows = predict_photos(run_model, photo_files([photo]), folds=None, which="largest", **quiet).rows
    pictures = {}
    for how in ("grad_cam", "mean"):
        (found,) = with_maps(run_model, rows, tmp_path / how, how=how, folds=[0], **quiet)
        assert any("empty map" in text and "conv5_3" in text for text in found.values["warnings"]) == (how == "grad_cam")
        pictures[how] = opened(Path(found.values["map"]).read_bytes())[:, MAP_SIDE + MAP_GAP :]
    # Of the grey face alone, no pixel would have the colour of the words.
    marked = (np.abs(pictures["grad_cam"] - (0xB3, 0x59, 0x00)).max(axis=-1) < 8).sum()
    assert marked > 200 and np.ptp(pictures["grad_cam"], axis=-1).max() > 60


def test_a_long_name_has_a_map_too(opposed_run: Run, photos_of_run: Folder, tmp_path: Path) -> None:
    photo = tmp_path / f"{'x' * 250}.jpg"
    photo.write_bytes(sorted(photos_of_run(opposed_run).rglob("*.JPG"))[0].read_bytes())
    quiet = {"on_progress": lambda *at: None}
    run_model = load_run_model(opposed_run)
    rows = predict_photos(run_model, photo_files([photo]), folds=None, which="largest", **quiet).rows
    (found,) = with_maps(run_model, rows, tmp_path / "maps", how="mean", folds=[0], **quiet)
    assert Path(found.values["map"]).is_file()


def test_a_run_without_such_maps_is_a_users_error_before_anything_is_written(years_run: Run, groups_run: Run, tmp_path: Path) -> None:
    for run, how, said in ((years_run, "mean", "--how sensitivity"), (groups_run, "sensitivity", "mean or grad_cam")):
        with pytest.raises(UserError, match=said):
            explainable(load_run_model(run), how)
        with pytest.raises(UserError, match=said):
            with_maps(load_run_model(run), [Row({}, image=b"x")], tmp_path / "maps", how=how, folds=[0], on_progress=lambda *at: None)
    assert not (tmp_path / "maps").exists()


def test_no_face_is_no_picture_and_no_error(years_run: Run, tmp_path: Path) -> None:
    rows = [Row({"photo": "a.jpg", "map": None})]
    assert with_maps(load_run_model(years_run), rows, tmp_path / "maps", how="sensitivity", folds=[0], on_progress=lambda *at: None) == [
        replace(rows[0])
    ]
