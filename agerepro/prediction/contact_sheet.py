"""The contact sheet: every crop with its age and interval below, as one picture."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agerepro.inputs.sources import decode
from agerepro.prediction.estimates import Row

SIDE = 150  # pixels of a face
GAP = 16
NARROWEST = 620  # pixels: what the last line needs
LINES = 56  # pixels below a face: two lines of text
COLUMNS = 8
LARGEST = 1000  # faces; more would make a picture that few programs open
PAPER, INK, FAINT, MARK = "white", "black", "#555555", "#b35900"  # the mark keeps 4.5:1 on white, and is not the only sign
AGE_FONT, NAME_FONT = 18, 12  # pixels


def contact_sheet(rows: Sequence[Row]) -> bytes:
    """PNG bytes: up to LARGEST faces in the rows' order; a frame and `!` mark warnings, the last line what is not shown."""
    shown = [row for row in rows if row.image][:LARGEST]
    without = sum(not row.image for row in rows)
    across = max(1, min(COLUMNS, math.ceil(math.sqrt(max(len(shown), 1)))))
    down = max(1, math.ceil(len(shown) / across))
    width, height = max(GAP + across * (SIDE + GAP), NARROWEST), GAP + down * (SIDE + LINES + GAP) + 40
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, row in enumerate(shown):
        _one(sheet, draw, row, GAP + n % across * (SIDE + GAP), GAP + n // across * (SIDE + LINES + GAP))
    draw.text(
        (GAP, height - 32),
        _footer(len(shown), len(rows) - without, without, groups=any(row.values["group"] for row in shown)),
        FAINT,
        _font(NAME_FONT),
    )
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def caption(row: Row) -> str:
    """`54 (47-61)` in whole years; `25-32: 71 %` for a group; `!` in front of what carries a warning."""
    values = row.values
    if values["group"]:
        text = f"{values['group']}: {values['probability'] * 100:.0f} %"
    elif values["low"] is None:
        text = f"{values['age']:.0f}"
    else:
        text = f"{values['age']:.0f} ({values['low']:.0f}\N{EN DASH}{values['high']:.0f})"
    return f"! {text}" if values["warnings"] else text


def _one(sheet: Image.Image, draw: ImageDraw.ImageDraw, row: Row, left: int, top: int) -> None:
    warned = bool(row.values["warnings"])
    face = Image.fromarray(np.ascontiguousarray(decode(row.image))).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    sheet.paste(face, (left, top))
    if warned:
        draw.rectangle((left - 4, top - 4, left + SIDE + 3, top + SIDE + 3), outline=MARK, width=4)
    draw.text((left, top + SIDE + 8), caption(row), MARK if warned else INK, _font(AGE_FONT))
    values = row.values
    name = Path(values["photo"]).name
    ending = f", face {values['face']}" if values["faces"] > 1 else ""
    draw.text((left, top + SIDE + 34), _fitting(name, ending if values["status"] == "ok" else ", no face", draw), FAINT, _font(NAME_FONT))


def _fitting(name: str, ending: str, draw: ImageDraw.ImageDraw) -> str:
    """The name shortened in its middle until it and the ending are no wider than a face."""
    font, text, kept = _font(NAME_FONT), name, len(name)
    while draw.textlength(text + ending, font) > SIDE and kept > 6:
        kept -= 1
        text = f"{name[: kept - kept // 2]}...{name[-(kept // 2) :]}"
    return text + ending


def _footer(shown: int, faces: int, without: int, *, groups: bool) -> str:
    parts = [f"{shown} of {faces} shown" if shown < faces else f"{shown} shown"]
    if without:
        parts.append(f"{without} without a picture (unreadable, or no face)")
    return "; ".join(parts) + f". {'Age group, its probability' if groups else 'Years, 80 % interval'}; a frame and ! mean a warning."


@functools.cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Pillow's own font has no dash and few accents."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), pixels)
