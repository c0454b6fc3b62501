"""The contact sheet: its size, where the faces stand, and that a sheet without faces is a picture too."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from agerepro.faces.crop_faces import encode
from agerepro.prediction import contact_sheet as module
from agerepro.prediction.contact_sheet import GAP, LINES, SIDE, contact_sheet
from agerepro.prediction.estimates import COLUMNS, Row


def row(colour: tuple[int, int, int] | None, **values: Any) -> Row:
    known = {"photo": "a.jpg", "faces": 1, "face": 1, "status": "ok", "age": 40.0, "warnings": [], "folds": [0]}
    image = b"" if colour is None else encode(np.full((40, 40, 3), colour, np.uint8))
    return Row({**dict.fromkeys(COLUMNS), **known, **values}, None, image)


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_faces_stand_in_the_rows_order_and_warnings_are_framed() -> None:
    sheet = opened(contact_sheet([row((200, 0, 0)), row((0, 200, 0)), row((0, 0, 200), warnings=["tight"]), row(None)]))
    step = SIDE + GAP
    for (x, y), channel in {(0, 0): 0, (1, 0): 1, (0, 1): 2}.items():
        pixel = sheet[GAP + y * (step + LINES) + SIDE // 2, GAP + x * step + SIDE // 2]
        assert pixel[channel] > 190 and pixel.sum() < 220
    assert tuple(sheet[GAP + step + LINES + 40, GAP - 2]) == (0xB3, 0x59, 0x00)  # the frame of the third
    assert tuple(sheet[GAP + 40, GAP - 2]) == (255, 255, 255)


def test_a_sheet_of_nothing_says_so_and_many_faces_are_cut_off() -> None:
    assert opened(contact_sheet([row(None)])).shape[2] == 3
    assert module._footer(1000, 1200, 3, groups=False).startswith("1000 of 1200 shown; 3 without a picture")
