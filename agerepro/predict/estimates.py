"""A run's networks asked about other faces, and the table row that answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agerepro.config.schema import Experiment
from agerepro.errors import UserError
from agerepro.faces.alignment import SIDES
from agerepro.faces.store import decode_crop
from agerepro.predict.interval import TestSummary, interval, scales
from agerepro.predict.photos import Crop, PhotoFaces, TrainingOverlap
from agerepro.runs.layout import parse_folds
from agerepro.runs.model import RunModel
from agerepro.tasks.decode import decode, posterior
from agerepro.training.augment import MIRRORED, PLAIN, AugmentedFaces

BATCH = 64


@dataclass(frozen=True)
class JpegPixels:
    """Crops kept as the JPEG bytes that a face store would hold: a tenth of the memory of their pixels."""

    images: Sequence[bytes]
    side: int  # of a crop in pixels

    def face(self, row: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB, decoded now."""
        return decode_crop(self.images[row])


def folds_asked(restored: RunModel, text: str | None, *, seed: int) -> list[int]:
    """`0,3` or `all` -> folds whose weights are here; None -> the first of them. UserError where a fold has none."""
    kept = restored.folds_with_weights(seed)
    if not kept:
        raise UserError(
            f"{restored.run.folder} kept no weights (keep_weights: {restored.experiment.keep_weights}). Run it with `keep_weights: all`."
        )
    if text is None:
        return kept[:1]
    if text.strip() == "all":
        return kept
    chosen = parse_folds(text, int(restored.run.folds()["fold"].nunique()))
    if missing := [fold for fold in chosen if fold not in kept]:
        raise UserError(f"--folds {text!r}: no weights of fold {missing[0]} are in {restored.run.folder}. Kept are: {_listed(kept)}.")
    return chosen


def outputs_of(
    restored: RunModel, images: Sequence[bytes], folds: Sequence[int], *, seed: int, on_progress: Callable[[int, int], object]
) -> np.ndarray:
    """(n, bins) posteriors or, of a Value head, (n, 1) years: the mean over folds, and over mirror images where the run has it.

    images: JPEG crops of the run's own size. The network sees them as the run's tests do.
    """
    experiment = restored.experiment
    source = AugmentedFaces(JpegPixels(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    found = np.zeros((len(images), max(len(restored.bins), 1)))
    total, done = len(images) * len(folds), 0
    for fold in folds if len(images) else ():
        restored.load_fold(fold, seed=seed)
        for at in range(0, len(images), BATCH):
            rows = np.arange(at, min(at + BATCH, len(images)))
            said = [np.asarray(restored.network.full.predict_on_batch(source.batch(rows, view))) for view in views(experiment)]
            found[rows] += np.mean([posterior(one) if len(restored.bins) else one for one in said], axis=0) / len(folds)
            done += len(rows)
            on_progress(done, total)
    return found


def views(experiment: Experiment) -> list[int]:
    """How often and how a tested photo is looked at, as in the run's own tests."""
    return [PLAIN, MIRRORED] if experiment.tta == "flip_average" else [PLAIN]


def _listed(folds: list[int]) -> str:
    return ", ".join(map(str, folds))


# What a row says, in order; `p<class>` columns follow where the distribution is asked for.
COLUMNS = (
    "photo",
    "face",  # 1 is the largest
    "faces",  # that the photo has
    "status",  # ok | no_face | dropped | unreadable
    "reason",
    "age",  # years
    "low",  # years, ends of the interval
    "high",
    "coverage",  # share of test photos that such intervals held
    "group",
    "probability",  # of the group
    *SIDES,  # the face's box, pixels of the upright photo turned by `rotation`
    "rotation",  # degrees that make the eyes level
    "score",  # of the detector, 0.8 to 1
    "folds",  # whose networks were averaged
    "map",  # file of the picture of where the network looked
    "warnings",
)
DIGITS = 4


@dataclass(frozen=True)
class Row:
    """Values of COLUMNS (None for what there is not, warnings as a list), the posterior (bins,) or None, and the JPEG crop."""

    values: dict[str, Any]
    posterior: np.ndarray | None = None
    image: bytes = b""


@dataclass(frozen=True)
class EstimateBuilder:
    """All that turns outputs into rows: classes, groups, the run's decoding and its measured worth."""

    bins: np.ndarray
    labels: tuple[str, ...]
    decode: str
    tested: TestSummary
    known: TrainingOverlap
    folds: tuple[int, ...]

    def rows(self, looked: Sequence[PhotoFaces], outputs: np.ndarray) -> list[Row]:
        """One row a face, and one for a photo without; outputs: (crops with an image, bins or 1), in the order of the crops."""
        said = iter(zip(self._said(outputs), outputs))
        rows: list[Row] = []
        for photo in looked:
            if photo.unreadable:
                rows.append(Row(self._values(photo, status="unreadable", reason=photo.unreadable, warnings=[])))
            for number, crop in enumerate(photo.crops, start=1):
                values = self._values(photo, **self._facts(photo, crop, number))
                if crop.cropped.image:
                    answers, output = next(said)
                    # What the test photos' errors say of faces, they do not say of pictures without one.
                    answers = answers if values["status"] == "ok" else answers | {"low": None, "high": None, "coverage": None}
                    rows.append(Row(values | answers, output if len(self.bins) else None, crop.cropped.image))
                else:
                    rows.append(Row(values))
        return rows

    def _values(self, photo: PhotoFaces, **known: Any) -> dict[str, Any]:
        values = dict.fromkeys(COLUMNS) | {"photo": str(photo.path), "faces": 0, "folds": list(self.folds)}
        return values | {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in known.items()}

    def _facts(self, photo: PhotoFaces, crop: Crop, number: int) -> dict[str, Any]:
        facts = crop.cropped.facts
        found = facts["status"] == "ok"
        warnings = [*crop.warnings, *self.known.warnings(photo.path, self.folds)]
        if facts["status"] == "no_face":
            warnings.insert(0, "no face found: this is an estimate for the whole picture, as the run's settings say (no_face)")
        return {
            "face": number if found else None,
            "faces": facts["found"],
            "status": facts["status"],
            "reason": facts["reason"],
            **({name: facts.get(name) for name in (*SIDES, "rotation", "score")} if found else {}),
            "warnings": warnings,
        }

    def _said(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        if self.labels:
            best = outputs.argmax(axis=1) if len(outputs) else []
            return [{"group": self.labels[n], "probability": round(float(row[n]), DIGITS)} for n, row in zip(best, outputs)]
        ages = decode(outputs, self.bins, self.decode)["predicted"]
        years = self.tested.years
        if years is None or not math.isfinite(years.factor):
            return [{"age": round(float(age), DIGITS)} for age in ages]
        low, high = interval(ages, scales(outputs, self.bins), years.factor)
        coverage = round(years.coverage, DIGITS) if math.isfinite(years.coverage) else None
        return [
            {"age": round(float(age), DIGITS), "low": round(float(a), DIGITS), "high": round(float(b), DIGITS), "coverage": coverage}
            for age, a, b in zip(ages, low, high)
        ]
