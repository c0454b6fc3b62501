"""Predictions as pictures: a contact sheet, and maps over the faces."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agerepro.explain.maps import Kind, maps_of, overlay
from agerepro.explain.run_maps import EXPECTED, ExplainConfig, layer_of, resolve_target
from agerepro.explain.targets import Target
from agerepro.faces.store import decode_crop
from agerepro.io import write_bytes
from agerepro.predict.estimates import JpegPixels, Row
from agerepro.runs.model import RunModel
from agerepro.training.augment import PLAIN, AugmentedFaces

SHEET_SIDE = 150  # pixels of a face
SHEET_GAP = 16
SHEET_NARROWEST = 620  # pixels: what the last line needs
SHEET_LINES = 56  # pixels below a face: two lines of text
SHEET_COLUMNS = 8
SHEET_LARGEST = 1000  # faces; more would make a picture that few programs open
PAPER, INK, FAINT, MARK = "white", "black", "#555555", "#b35900"  # the mark keeps 4.5:1 on white, and is not the only sign
AGE_FONT, NAME_FONT = 18, 12  # pixels


def contact_sheet(rows: Sequence[Row]) -> bytes:
    """PNG bytes: up to LARGEST faces in the rows' order; a frame and `!` mark warnings, the last line what is not shown."""
    shown = [row for row in rows if row.image][:SHEET_LARGEST]
    without = sum(not row.image for row in rows)
    across = max(1, min(SHEET_COLUMNS, math.ceil(math.sqrt(max(len(shown), 1)))))
    down = max(1, math.ceil(len(shown) / across))
    width, height = (
        max(SHEET_GAP + across * (SHEET_SIDE + SHEET_GAP), SHEET_NARROWEST),
        SHEET_GAP + down * (SHEET_SIDE + SHEET_LINES + SHEET_GAP) + 40,
    )
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, row in enumerate(shown):
        _one(
            sheet,
            draw,
            row,
            SHEET_GAP + n % across * (SHEET_SIDE + SHEET_GAP),
            SHEET_GAP + n // across * (SHEET_SIDE + SHEET_LINES + SHEET_GAP),
        )
    draw.text(
        (SHEET_GAP, height - 32),
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
    face = Image.fromarray(np.ascontiguousarray(decode_crop(row.image))).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.LANCZOS)
    sheet.paste(face, (left, top))
    if warned:
        draw.rectangle((left - 4, top - 4, left + SHEET_SIDE + 3, top + SHEET_SIDE + 3), outline=MARK, width=4)
    draw.text((left, top + SHEET_SIDE + 8), caption(row), MARK if warned else INK, _font(AGE_FONT))
    values = row.values
    name = Path(values["photo"]).name
    ending = f", face {values['face']}" if values["faces"] > 1 else ""
    draw.text(
        (left, top + SHEET_SIDE + 34), _fitting(name, ending if values["status"] == "ok" else ", no face", draw), FAINT, _font(NAME_FONT)
    )


def _fitting(name: str, ending: str, draw: ImageDraw.ImageDraw) -> str:
    """The name shortened in its middle until it and the ending are no wider than a face."""
    font, text, kept = _font(NAME_FONT), name, len(name)
    while draw.textlength(text + ending, font) > SHEET_SIDE and kept > 6:
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


MAP_SIDE = 336  # pixels of either picture
MAP_GAP = 12
BATCH = 16
KINDS = {"mean": "Class activation maps", "grad_cam": "Grad-CAM maps", "sensitivity": "Sensitivity maps"}


def with_maps(
    restored: RunModel, rows: Sequence[Row], folder: Path, *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> list[Row]:
    """Write a PNG for every row with a face, and return the rows with its path as `map`.

    The map speaks of what the row says: the expected age, or the predicted group. Over several folds it is the mean of theirs, and
    it is of the crop itself, not of its mirror image. Raises UserError, before anything is computed, where the run has no such map.
    """
    explainable(restored, how)
    shown = [number for number, row in enumerate(rows) if row.image]
    found = list(rows)
    for number, picture in zip(shown, _pictures(restored, [rows[at] for at in shown], how=how, folds=folds, on_progress=on_progress)):
        path = folder / f"{number + 1:04d}-{Path(rows[number].values['photo']).stem}.png"
        write_bytes(path, picture)
        found[number] = replace(rows[number], values=rows[number].values | {"map": str(path)})
    return found


def explainable(restored: RunModel, how: Kind) -> tuple[str, str]:
    """What maps of this kind speak of in words, and the layer they are of; UserError where this run has none."""
    wish = ExplainConfig(how=how)
    aim = resolve_target(wish, restored.experiment)
    return "the expected age" if aim == EXPECTED else "the predicted group", layer_of(wish, restored.network.last_conv)


def maps_in_words(restored: RunModel, how: Kind, folder: Path) -> str:
    """What the pictures show, for the person who asked."""
    of, layer = explainable(restored, how)
    return f"{KINDS[how]} of {of}, at {layer}, each by its own strongest place: {folder}"


def _pictures(
    restored: RunModel, rows: Sequence[Row], *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> Iterator[bytes]:
    """A PNG for each row, in order."""
    if not rows:
        return
    experiment, (_, layer) = restored.experiment, explainable(restored, how)
    faces = AugmentedFaces(JpegPixels([row.image for row in rows], experiment.faces.size), [""] * len(rows), experiment.augment, ())
    batches = [np.arange(at, min(at + BATCH, len(rows))) for at in range(0, len(rows), BATCH)]
    heat, done = [np.zeros((1, 1, 1), np.float32) for _ in batches], 0  # sums over folds: only the shape of a map is drawn, not its scale
    for fold in folds:
        restored.load_fold(fold, seed=experiment.seeds[0])
        for number, here in enumerate(batches):
            target, images = _target(restored, [rows[at] for at in here.tolist()]), faces.batch(here, PLAIN)
            found = maps_of(restored.network.full, images, layer, target=target, bins=restored.bins, how=how)
            heat[number] = heat[number] + found
            done += len(here)
            on_progress(done, len(rows) * len(folds))
    for here, together in zip(batches, heat):
        for face, one in zip(faces.batch(here, PLAIN), together):
            yield _picture(np.clip(face, 0, 255).astype(np.uint8), one)


def _target(restored: RunModel, rows: Sequence[Row]) -> Target:
    """Of age groups the one that the row names, also where a single fold would name another."""
    if not restored.labels:
        return "expected_age"
    return np.array([row.posterior.argmax() for row in rows if row.posterior is not None])


def _picture(face: np.ndarray, heat: np.ndarray) -> bytes:
    sheet = Image.new("RGB", (2 * MAP_SIDE + MAP_GAP, MAP_SIDE), "white")
    sheet.paste(Image.fromarray(face).resize((MAP_SIDE, MAP_SIDE), Image.Resampling.LANCZOS), (0, 0))
    sheet.paste(Image.fromarray(overlay(face, heat, MAP_SIDE)), (MAP_SIDE + MAP_GAP, 0))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
