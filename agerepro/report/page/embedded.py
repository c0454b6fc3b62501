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
from agerepro.report.loading import LoadedRun
from agerepro.report.run_files import EXPLAIN_AGAIN, read_arrays, read_fold_posteriors, reading
from agerepro.runs.data import RunCrops
from agerepro.splits.protocols import years

FACE_SIDE, FACE_QUALITY = 96, 72  # pixels; a smaller crop stays as it is
MAP_SIDE = 28  # pixels: a map is smooth, and the browser enlarges it
FACE_MIME, MAP_MIME = "image/webp", "image/png"
# From weak to strong, Okabe and Ito's vermilion and blue in the middle; lightness grows along, so that it reads in grey, too.
WARM = ((0.0, (90, 30, 0)), (0.5, (213, 94, 0)), (1.0, (255, 222, 89)))
COLD = ((0.0, (0, 40, 80)), (0.5, (0, 114, 178)), (1.0, (140, 215, 255)))
_STEPS = 32
# Characters that could end a script element or a line of it.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Maps:
    """Maps of one run: base64 of a PNG by photo, how they were made, regions-summary.csv (or None), and explanation.txt (or "").

    empty: photos whose map is zero everywhere, so that there is nothing to see.
    """

    pictures: dict[str, str]
    empty: frozenset[str]
    about: dict[str, str]
    signed: bool
    regions: pd.DataFrame | None
    explanation: str

    @property
    def sentence(self) -> str:
        """`Maps of 547 photos: grad_cam of the expected age at conv5_3, 7 x 7 places.`, and how many of them are empty."""
        about = self.about
        what = f"{about.get('how', 'made')} of the {about.get('target', 'answer').replace('_', ' ')} at {about.get('layer', 'a layer')}"
        places = f", {about['places']} places" if "places" in about else ""
        empty = f" {len(self.empty):,} of them show no activation: the map is zero everywhere." if self.empty else ""
        return f"Maps of {len(self.pictures):,} photos: {what}{places}.{empty}"


@dataclass(frozen=True)
class Posteriors:
    """Posteriors (n, bins) of n photos in bytes, each row's largest share 255, and what the bins stand for.

    offsets: (n,) years that the bins are added to, where they are residuals; else empty.
    """

    bins: tuple[float, ...]
    packed: str  # base64, row after row
    offsets: tuple[float, ...] = ()


def thumbnails(crops: RunCrops, photos: list[str]) -> dict[str, str]:
    """Base64 of a WebP picture by photo, for those of `photos` that have a crop."""
    keys, store = dict(zip(crops.photos["photo"], crops.photos["image"])), crops.store()
    stored = {photo: keys[photo] for photo in photos if keys.get(photo, "") in store}
    return {photo: thumbnail(image) for photo, key in stored.items() if (image := store.read(key))}


def thumbnail(image: bytes) -> str:
    """A crop's JPEG or PNG bytes as base64 of a WebP picture, at most FACE_SIDE wide and high; equal bytes for equal pixels."""
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=FACE_QUALITY, method=6)
    return base64.b64encode(out.getvalue()).decode()


def read_maps(folder: Path, photos: set[str]) -> Maps | None:
    """The maps of these photos from RUN/explain; None where nobody has made any. UserError for a damaged file, with its path."""
    folder = folder / "explain"
    path, about, regions, explanation = (folder / name for name in ("maps.npz", "about.json", "regions-summary.csv", "explanation.txt"))
    if not path.is_file():
        return None
    names, heat = read_arrays(path, "photos", "maps", remedy=EXPLAIN_AGAIN)
    if heat.ndim != 3 or len(heat) != len(names):
        raise UserError(f"{path} holds maps of shape {heat.shape} for {len(names)} photos. {EXPLAIN_AGAIN}")
    by_photo = {str(name): values for name, values in zip(names, heat.astype(np.float32)) if str(name) in photos}
    with reading(about, EXPLAIN_AGAIN):
        settings = json.loads(about.read_text(encoding="utf-8")).items() if about.is_file() else ()
    with reading(regions, EXPLAIN_AGAIN):
        table = pd.read_csv(regions) if regions.is_file() else None
    with reading(explanation, EXPLAIN_AGAIN):
        text = explanation.read_text(encoding="utf-8") if explanation.is_file() else ""
    return Maps(
        {name: picture(values) for name, values in by_photo.items()},
        frozenset(name for name, values in by_photo.items() if not values.any()),
        {key: str(value) for key, value in settings},
        bool((heat < 0).any()),
        table,
        text,
    )


def picture(heat: np.ndarray) -> str:
    """A map (h, w) as base64 of a PNG with a palette: alpha and brightness grow with |value|, negative places are blue."""
    strongest = float(np.abs(heat).max())
    scaled = np.nan_to_num(heat / strongest if strongest else heat)
    small = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    small.thumbnail((MAP_SIDE, MAP_SIDE), Image.Resampling.BOX)
    steps = np.clip(np.rint(np.asarray(small) * _STEPS), -_STEPS, _STEPS).astype(int)
    indexed = Image.fromarray((steps + _STEPS).astype(np.uint8))
    levels = [step / _STEPS for step in range(-_STEPS, _STEPS + 1)]
    indexed.putpalette(b"".join(_colour(level) for level in levels))
    alpha = bytes(round(255 * min(1.0, 1.15 * abs(level))) for level in levels)
    out = io.BytesIO()
    indexed.save(out, "PNG", transparency=alpha, optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def read_posteriors(run: LoadedRun) -> Posteriors | None:
    """The posteriors of `run.first_seed_predictions`, in its order; None for a network that answers with one number.

    Raises UserError for a fold whose files do not fit each other.
    """
    frame, residual_of = run.first_seed_predictions, run.experiment.stages[-1].target.residual_of
    shares: list[np.ndarray] = []
    offsets: list[float] = []
    bins = np.zeros(0)
    for folder, (_, part) in zip(run.fold_folders(frame), frame.groupby("fold", sort=True)):
        fold = read_fold_posteriors(folder, residual_of=residual_of)
        bins = fold.bins
        if not len(bins):
            return None
        row_of = {photo: row for row, photo in enumerate(fold.tested["photo"])}
        rows = [row_of[photo] for photo in part["photo"]]
        shares += list(fold.posteriors[rows])
        offsets += [round(float(years), 2) for years in fold.offset[rows]]
    return Posteriors(tuple(float(value) for value in bins), pack(np.stack(shares)), tuple(offsets) if residual_of else ())


def pack(shares: np.ndarray) -> str:
    """(n, bins) shares as base64 of one byte each; every row is scaled so that its largest is 255."""
    largest = shares.max(axis=1, keepdims=True)
    scaled = np.rint(255 * shares / np.where(largest > 0, largest, 1)).astype(np.uint8)
    return base64.b64encode(scaled.tobytes()).decode()


def run_data(run: LoadedRun, label: str, *, posteriors: Posteriors | None, maps: Maps | None, faces: int | None) -> dict[str, Any]:
    """One run. `faces` is the place of its pictures in the page's list of face sets, None where they are left out.

    A fold's error is the mean over its photos of the first seed, in years or as a share of wrong groups.
    """
    frame = run.first_seed_predictions
    errors = photo_errors(frame)
    folds = _folds(frame.assign(error=errors, years=_years(run, frame)))
    place = {fold: index for index, fold in enumerate(folds["fold"])}
    groups = list(run.result.groups)
    number = {group: index for index, group in enumerate(groups)}
    return {
        "label": label,
        "measure": run.result.measure,
        "groups": groups,
        "faces": faces,
        "bins": list(posteriors.bins) if posteriors else [],
        "offsets": list(posteriors.offsets) if posteriors else [],
        "posteriors": posteriors.packed if posteriors else "",
        "folds": folds,
        "photos": {
            "photo": list(frame["photo"]),
            "subject": list(frame["subject"]),
            "fold": [place[int(fold)] for fold in frame["fold"]],
            "truth": [number[group] for group in frame["group"]] if groups else _rounded(frame["age"]),
            "predicted": [number[group] for group in frame["predicted_group"]] if groups else _rounded(frame["predicted"]),
            "error": _rounded(pd.Series(errors)),
        },
        "maps": [maps.pictures.get(photo, "") for photo in frame["photo"]] if maps else [],
        "empty_maps": [index for index, photo in enumerate(frame["photo"]) if photo in maps.empty] if maps else [],
    }


def json_block(value: Any) -> str:
    """JSON that may stand inside a script element: what could end the element, or a line, is written as an escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(_ESCAPES)


def _colour(level: float) -> bytes:
    stops = COLD if level < 0 else WARM
    places = [place for place, _ in stops]
    return bytes(round(float(np.interp(abs(level), places, [colour[channel] for _, colour in stops]))) for channel in range(3))


def _folds(frame: pd.DataFrame) -> dict[str, list[Any]]:
    rows = []
    for fold, part in frame.groupby("fold", sort=True):
        people = sorted(set(part["subject"]))
        known = [person for person in people if person]
        count = f"{len(known)} people" if known else f"{len(part)} photos"
        name = known[0] if known == people and len(people) == 1 else f"fold {fold}: {count}"
        rows.append((int(str(fold)), name, len(part), round(float(part["error"].mean()), 3), part["years"].min(), part["years"].max()))
    columns = ("fold", "name", "photos", "error", "youngest", "oldest")
    return {column: [row[place] for row in rows] for place, column in enumerate(columns)}


def _years(run: LoadedRun, frame: pd.DataFrame) -> pd.Series:
    """An age in years by which photos are filtered: the true one, or the first year of the true group."""
    if run.result.groups:
        return frame["group"].map({group: float(years(group)[0]) for group in run.result.groups})
    return frame["age"].round(2)


def _rounded(values: pd.Series) -> list[float]:
    return [round(float(value), 2) for value in values]
