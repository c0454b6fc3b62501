"""Data and pictures that the page carries inside: thumbnails, maps, posteriors, predictions."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from agerepro.errors import UserError
from agerepro.evaluation.predictions import photo_errors
from agerepro.report.page.contents import Loaded
from agerepro.runs.data import RunCrops
from agerepro.splits.protocols import years
from agerepro.tables import PREDICTIONS, read_table

SIDE = 96  # pixels; a smaller crop stays as it is
QUALITY = 72
FACE_MIME = "image/webp"


def thumbnails(crops: RunCrops, photos: list[str]) -> dict[str, str]:
    """Base64 of a WebP picture by photo, for those of `photos` that have a crop."""
    keys, store = dict(zip(crops.photos["photo"], crops.photos["image"])), crops.store()
    found = {photo: keys[photo] for photo in photos if keys.get(photo, "") in store}
    return {photo: thumbnail(image) for photo, key in found.items() if (image := store.read(key))}


def thumbnail(image: bytes) -> str:
    """A crop's JPEG or PNG bytes as base64 of a WebP picture, at most SIDE pixels wide and high; equal bytes for equal pixels."""
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=6)
    return base64.b64encode(out.getvalue()).decode()


LARGEST_SIDE = 28  # pixels: a map is smooth, and the browser enlarges it
MAP_MIME = "image/png"
# From weak to strong, Okabe and Ito's vermilion and blue in the middle; lightness grows along, so that it reads in grey, too.
WARM = ((0.0, (90, 30, 0)), (0.5, (213, 94, 0)), (1.0, (255, 222, 89)))
COLD = ((0.0, (0, 40, 80)), (0.5, (0, 114, 178)), (1.0, (140, 215, 255)))
_STEPS = 32


@dataclass(frozen=True)
class Maps:
    """Maps of one run: base64 of a PNG by photo, how they were made, regions-summary.csv (or None), and what was said of them."""

    pictures: dict[str, str]
    about: dict[str, str]
    signed: bool
    regions: pd.DataFrame | None
    told: str

    @property
    def sentence(self) -> str:
        """`Maps of 547 photos: grad_cam of the expected age at conv5_3, 7 x 7 places.`"""
        about = self.about
        of = f"{about.get('how', 'made')} of the {about.get('target', 'answer').replace('_', ' ')} at {about.get('layer', 'a layer')}"
        places = f", {about['places']} places" if "places" in about else ""
        return f"Maps of {len(self.pictures):,} photos: {of}{places}."


def read_maps(folder: Path, photos: set[str]) -> Maps | None:
    """The maps of these photos from RUN/explain; None where nobody has made any. UserError for a file of another shape."""
    path = folder / "explain" / "maps.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        if not {"photos", "maps"} <= set(file.files):
            raise UserError(f"{path} holds {', '.join(file.files)} and not photos and maps. Make it again with `agerepro explain`.")
        names, heat = [str(name) for name in file["photos"]], file["maps"].astype(np.float32)
    if heat.ndim != 3 or len(heat) != len(names):
        raise UserError(f"{path} holds maps of shape {heat.shape} for {len(names)} photos. Make it again with `agerepro explain`.")
    about, regions = folder / "explain" / "about.json", folder / "explain" / "regions-summary.csv"
    told_in = folder / "explain" / "explanation.txt"
    told = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    return Maps(
        {name: picture(one) for name, one in zip(names, heat) if name in photos},
        {key: str(value) for key, value in told.items()},
        bool((heat < 0).any()),
        pd.read_csv(regions) if regions.is_file() else None,
        told_in.read_text(encoding="utf-8") if told_in.is_file() else "",
    )


def picture(heat: np.ndarray) -> str:
    """A map (h, w) as base64 of a PNG with a palette: alpha and brightness grow with |value|, negative places are blue."""
    strongest = float(np.abs(heat).max())
    scaled = np.nan_to_num(heat / strongest if strongest else heat)
    small = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    steps = np.clip(np.rint(np.asarray(small) * _STEPS), -_STEPS, _STEPS).astype(int)
    indexed = Image.fromarray((steps + _STEPS).astype(np.uint8))
    indexed.putpalette(_PALETTE)
    out = io.BytesIO()
    indexed.save(out, "PNG", transparency=_ALPHA, optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _colour(level: float) -> bytes:
    stops = COLD if level < 0 else WARM
    places = [place for place, _ in stops]
    return bytes(round(float(np.interp(abs(level), places, [colour[channel] for _, colour in stops]))) for channel in range(3))


_LEVELS = [step / _STEPS for step in range(-_STEPS, _STEPS + 1)]
_PALETTE = b"".join(_colour(level) for level in _LEVELS)
_ALPHA = bytes(round(255 * min(1.0, 1.15 * abs(level))) for level in _LEVELS)


@dataclass(frozen=True)
class Posteriors:
    """Posteriors (n, bins) of n photos in bytes, each row's largest share 255, and what the bins stand for."""

    bins: tuple[float, ...]
    packed: str  # base64, row after row


def read_posteriors(run: Loaded) -> Posteriors | None:
    """The posteriors of `run.first_seed_predictions`, in its order; None for a network that answers with one number.

    Raises UserError for a fold whose files do not fit each other.
    """
    shown = run.first_seed_predictions
    by_key: dict[tuple[int, str], np.ndarray] = {}
    bins = np.zeros(0)
    for fold in sorted(set(shown["fold"])):
        folder = run.run.fold_folder(run.first_seed, int(fold), first_seed=run.first_seed)
        with np.load(folder / "posteriors.npz", allow_pickle=False) as file:
            shares, bins = file["posteriors"], file["bins"]
        if not len(bins):
            return None
        tested = read_table(folder / "predictions.csv", PREDICTIONS)["photo"]
        if shares.shape != (len(tested), len(bins)):
            raise UserError(f"{folder}: posteriors.npz is of shape {shares.shape} for {len(tested)} photos. Run the fold again.")
        by_key |= {(int(fold), photo): row for photo, row in zip(tested, shares)}
    rows = np.stack([by_key[int(fold), photo] for fold, photo in zip(shown["fold"], shown["photo"])])
    return Posteriors(tuple(float(value) for value in bins), pack(rows))


def pack(shares: np.ndarray) -> str:
    """(n, bins) shares as base64 of one byte each; every row is scaled so that its largest is 255."""
    largest = shares.max(axis=1, keepdims=True)
    scaled = np.rint(255 * shares / np.where(largest > 0, largest, 1)).astype(np.uint8)
    return base64.b64encode(scaled.tobytes()).decode()


_BREAKS_OUT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def run_data(run: Loaded, label: str, *, beliefs: Posteriors | None, maps: Maps | None, faces: int | None) -> dict[str, Any]:
    """One run. `faces` is the place of its pictures in the page's list of face sets, None where they are left out.

    A fold's error is the mean over its photos of the first seed, in years or as a share of wrong groups.
    """
    frame = run.first_seed_predictions
    errors = photo_errors(frame)
    folds = _folds(frame.assign(error=errors, years=_years(run, frame)))
    place = {fold: index for index, fold in enumerate(folds["fold"])}
    groups = list(run.result.groups)
    number = {group: index for index, group in enumerate(groups)}
    told = bool(groups)
    return {
        "label": label,
        "measure": run.result.measure,
        "groups": groups,
        "faces": faces,
        "bins": list(beliefs.bins) if beliefs else [],
        "beliefs": beliefs.packed if beliefs else "",
        "folds": folds,
        "photos": {
            "photo": list(frame["photo"]),
            "subject": list(frame["subject"]),
            "fold": [place[int(fold)] for fold in frame["fold"]],
            "truth": [number[group] for group in frame["group"]] if told else _rounded(frame["age"]),
            "said": [number[group] for group in frame["predicted_group"]] if told else _rounded(frame["predicted"]),
            "error": _rounded(pd.Series(errors)),
        },
        "maps": [maps.pictures.get(photo, "") for photo in frame["photo"]] if maps else [],
    }


def json_block(value: Any) -> str:
    """JSON that may stand inside a script element: what could end the element, or a line, is written as an escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(_BREAKS_OUT)


def _folds(frame: pd.DataFrame) -> dict[str, list[Any]]:
    rows = []
    for fold, part in frame.groupby("fold", sort=True):
        people = sorted(set(part["subject"]))
        name = people[0] if len(people) == 1 and people[0] else f"fold {fold}: {len(people)} people"
        rows.append((int(str(fold)), name, len(part), round(float(part["error"].mean()), 3), part["years"].min(), part["years"].max()))
    columns = ("fold", "name", "photos", "error", "youngest", "oldest")
    return {column: [row[place] for row in rows] for place, column in enumerate(columns)}


def _years(run: Loaded, frame: pd.DataFrame) -> pd.Series:
    """An age in years by which photos are filtered: the true one, or the first year of the true group."""
    if run.result.groups:
        return frame["group"].map({group: float(years(group)[0]) for group in run.result.groups})
    return frame["age"].round(2)


def _rounded(values: pd.Series) -> list[float]:
    return [round(float(value), 2) for value in values]
