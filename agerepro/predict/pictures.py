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
from agerepro.explain.run_maps import PREDICTED, ExplainConfig, layer_of, resolve_target
from agerepro.explain.targets import Target
from agerepro.faces.images import JpegImages, decode_crop
from agerepro.io import printable, write_bytes
from agerepro.predict.predict import Row
from agerepro.runs.model import RunModel
from agerepro.training.augment import PLAIN, AugmentedFaces
from agerepro.training.loading import load_batches

SHEET_SIDE = 150  # pixels of a face
SHEET_GAP = 16
SHEET_NARROWEST = 620  # pixels: what the last line needs
SHEET_LINES = 56  # pixels below a face: two lines of text
SHEET_COLUMNS = 8
SHEET_LARGEST = 1000  # faces; more would make a picture that few programs open
PAPER, INK, FAINT, MARK = "white", "black", "#555555", "#b35900"  # the mark keeps 4.5:1 on white, and is not the only sign
AGE_FONT, NAME_FONT = 18, 12  # pixels
MAP_SIDE = 336  # pixels of either picture
MAP_GAP = 12
LONGEST_NAME = 60  # letters of a photo's name in that of its map: file systems end at 255 bytes
BATCH = 16
EMPTY = "empty map"
KINDS = {"mean": "Class activation maps", "grad_cam": "Grad-CAM maps", "sensitivity": "Sensitivity maps"}


def contact_sheet(rows: Sequence[Row]) -> bytes:
    """PNG bytes: up to SHEET_LARGEST faces in the rows' order; a frame and `!` mark warnings, the last line what is not shown."""
    shown = [row for row in rows if row.image][:SHEET_LARGEST]
    without = sum(not row.image for row in rows)
    across = max(1, min(SHEET_COLUMNS, math.ceil(math.sqrt(max(len(shown), 1)))))
    down = max(1, math.ceil(len(shown) / across))
    width = max(SHEET_GAP + across * (SHEET_SIDE + SHEET_GAP), SHEET_NARROWEST)
    height = SHEET_GAP + down * (SHEET_SIDE + SHEET_LINES + SHEET_GAP) + 40
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, row in enumerate(shown):
        left = SHEET_GAP + n % across * (SHEET_SIDE + SHEET_GAP)
        top = SHEET_GAP + n // across * (SHEET_SIDE + SHEET_LINES + SHEET_GAP)
        _draw_face(sheet, draw, row, left, top)
    footer = _footer(len(shown), len(rows) - without, without, groups=any(row.values["group"] for row in shown))
    draw.text((SHEET_GAP, height - 32), footer, FAINT, _font(NAME_FONT))
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


def with_maps(
    run_model: RunModel, rows: Sequence[Row], folder: Path, *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> list[Row]:
    """Write a PNG for every row with a face, and return the rows with its path as `map`, and a warning where the map is empty.

    The map speaks of what the row says: the expected age, or the predicted group; of a run on residuals, of the residual in that age.
    Over several folds it is the mean of theirs, and it is of the crop itself, not of its mirror image. Raises UserError, before anything
    is computed, where the run has no such map.
    """
    target, layer = explainable(run_model, how)
    places = [place for place, row in enumerate(rows) if row.image]
    mapped = list(rows)
    maps = _maps(run_model, [rows[place] for place in places], how=how, folds=folds, on_progress=on_progress)
    for place, (face, heat) in zip(places, maps):
        values = rows[place].values
        path = folder / f"{place + 1:04d}-{Path(values['photo']).stem[:LONGEST_NAME]}.png"
        warnings = [*values["warnings"]] if heat.any() else [*values["warnings"], f"empty map: nothing at {layer} speaks for {target}"]
        write_bytes(path, _map_picture(face, heat))
        mapped[place] = replace(rows[place], values=values | {"map": str(path), "warnings": warnings})
    return mapped


def explainable(run_model: RunModel, how: Kind) -> tuple[str, str]:
    """What maps of this kind speak of in words, and the layer they are of; UserError where this run has none."""
    config = ExplainConfig(how=how)
    target = resolve_target(config, run_model.experiment, run_model.task)
    words = "predicted group" if target == PREDICTED else str(target).replace("_", " ")
    return f"the {words}", layer_of(config, run_model.network.last_conv)


def maps_in_words(run_model: RunModel, how: Kind, folder: Path) -> str:
    """What the pictures show, for the person who asked."""
    target, layer = explainable(run_model, how)
    return printable(f"{KINDS[how]} of {target}, at {layer}, each by its own strongest place: {folder}")


def _draw_face(sheet: Image.Image, draw: ImageDraw.ImageDraw, row: Row, left: int, top: int) -> None:
    values, warned = row.values, bool(row.values["warnings"])
    face = Image.fromarray(np.ascontiguousarray(decode_crop(row.image))).resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.LANCZOS)
    sheet.paste(face, (left, top))
    if warned:
        draw.rectangle((left - 4, top - 4, left + SHEET_SIDE + 3, top + SHEET_SIDE + 3), outline=MARK, width=4)
    draw.text((left, top + SHEET_SIDE + 8), caption(row), MARK if warned else INK, _font(AGE_FONT))
    ending = ", no face" if values["status"] != "ok" else f", face {values['face']}" if values["faces"] > 1 else ""
    name = _shorten(Path(values["photo"]).name, ending, draw)
    draw.text((left, top + SHEET_SIDE + 34), name, FAINT, _font(NAME_FONT))


def _shorten(name: str, ending: str, draw: ImageDraw.ImageDraw) -> str:
    """The name shortened in its middle until it and the ending are no wider than a face."""
    font, text, letters = _font(NAME_FONT), name, len(name)
    while draw.textlength(text + ending, font) > SHEET_SIDE and letters > 6:
        letters -= 1
        text = f"{name[: letters - letters // 2]}...{name[-(letters // 2) :]}"
    return text + ending


def _footer(shown: int, faces: int, without: int, *, groups: bool) -> str:
    parts = [f"{shown} of {faces} shown" if shown < faces else f"{shown} shown"]
    if without:
        parts.append(f"{without} without a picture (unreadable, or no face)")
    return "; ".join(parts) + f". {'Age group, its probability' if groups else 'Years, 80 % interval'}; a frame and ! mean a warning."


def _maps(
    run_model: RunModel, rows: Sequence[Row], *, how: Kind, folds: Sequence[int], on_progress: Callable[[int, int], object]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Face (s, s, 3) uint8 and map (h, w) of each row, in order."""
    experiment, (_, layer) = run_model.experiment, explainable(run_model, how)
    source = AugmentedFaces(JpegImages([row.image for row in rows], experiment.faces.size), [""] * len(rows), experiment.augment, ())
    batches = [np.arange(start, min(start + BATCH, len(rows))) for start in range(0, len(rows), BATCH)]
    sums, count = [np.zeros((1, 1, 1), np.float32) for _ in batches], 0  # over folds: only the shape of a map is drawn, not its scale
    for fold in folds if batches else ():
        run_model.load_fold(fold, seed=experiment.seeds[0])
        for number, (images, batch) in enumerate(zip(load_batches(source, ((batch, PLAIN) for batch in batches)), batches)):
            target = _target(run_model, [rows[row] for row in batch.tolist()])
            sums[number] = sums[number] + maps_of(run_model.network.main, images, layer, target=target, bins=run_model.bins, how=how)
            count += len(batch)
            on_progress(count, len(rows) * len(folds))
    for images, maps in zip(load_batches(source, ((batch, PLAIN) for batch in batches)), sums):
        yield from zip(images, maps)


def _target(run_model: RunModel, rows: Sequence[Row]) -> Target:
    """Of age groups the one that the row names, also where a single fold would name another."""
    if not run_model.labels:
        return "expected_age"
    return np.array([row.posterior.argmax() for row in rows if row.posterior is not None])


def _map_picture(face: np.ndarray, heat: np.ndarray) -> bytes:
    """PNG bytes: the face, and beside it the map over the grey face; an empty map says that it is one."""
    sheet = Image.new("RGB", (2 * MAP_SIDE + MAP_GAP, MAP_SIDE), PAPER)
    sheet.paste(Image.fromarray(face).resize((MAP_SIDE, MAP_SIDE), Image.Resampling.LANCZOS), (0, 0))
    sheet.paste(Image.fromarray(overlay(face, heat, MAP_SIDE)), (MAP_SIDE + MAP_GAP, 0))
    if not heat.any():
        place = (MAP_SIDE + MAP_GAP + MAP_SIDE / 2, MAP_SIDE / 2)
        ImageDraw.Draw(sheet).text(place, EMPTY, MARK, _font(2 * AGE_FONT), anchor="mm", stroke_width=3, stroke_fill=PAPER)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


@functools.cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Pillow's own font has no dash and few accents."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), pixels)
