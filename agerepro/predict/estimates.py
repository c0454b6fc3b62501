"""A run's networks asked about other faces, and the table rows that answer."""

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
from agerepro.io import printable
from agerepro.predict.interval import TestSummary, interval_ends, scales
from agerepro.predict.photos import Crop, PhotoFaces, TrainingOverlap
from agerepro.runs.layout import parse_folds
from agerepro.runs.model import RunModel
from agerepro.tasks.decode import decode, posterior
from agerepro.training.augment import MIRRORED, PLAIN, AugmentedFaces

BATCH = 64
DIGITS = 4  # of every number in a row
# The values of a row, in order; `p<class>` columns follow where the distribution is asked for.
COLUMNS = (
    "photo",  # its path; bytes that are not UTF-8 are escaped
    "face",  # 1 is the largest
    "faces",  # that the photo has
    "status",  # ok | no_face | dropped | unreadable
    "reason",
    "age",  # years
    "low",  # years, ends of the interval
    "high",
    "coverage",  # measured share of true ages that such intervals held
    "group",
    "probability",  # of the group
    *SIDES,  # the face's box, pixels of the upright photo turned by `rotation`
    "rotation",  # degrees that make the eyes level
    "score",  # of the detector, 0.8 to 1
    "folds",  # whose networks were averaged
    "map",  # file of the picture of where the network looked
    "warnings",
)


@dataclass(frozen=True)
class JpegPixels:
    """Crops kept as the JPEG bytes that a face store would hold: a tenth of the memory of their pixels."""

    images: Sequence[bytes]
    side: int  # of a crop in pixels

    def face(self, row: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB, decoded now."""
        return decode_crop(self.images[row])


@dataclass(frozen=True)
class Row:
    """Values of COLUMNS (None for what there is not, warnings as a list), the posterior (bins,) or None, and the JPEG crop."""

    values: dict[str, Any]
    posterior: np.ndarray | None = None
    image: bytes = b""


def folds_asked(run_model: RunModel, text: str | None, *, seed: int) -> list[int]:
    """`0,3` or `all` -> folds whose weights are here; None -> the first of them. UserError where a fold has none."""
    folds = run_model.folds_with_weights(seed)
    if not folds:
        raise UserError(
            f"{run_model.run.folder} kept no weights (keep_weights: {run_model.experiment.keep_weights}). Run it with `keep_weights: all`."
        )
    if text is None:
        return folds[:1]
    if text.strip() == "all":
        return folds
    chosen = parse_folds(text, int(run_model.run.folds()["fold"].nunique()))
    if missing := [fold for fold in chosen if fold not in folds]:
        raise UserError(
            f"--folds {text!r}: no weights of fold {missing[0]} are in {run_model.run.folder}. Kept are: {', '.join(map(str, folds))}."
        )
    return chosen


def outputs_of(
    run_model: RunModel, images: Sequence[bytes], folds: Sequence[int], *, seed: int, on_progress: Callable[[int, int], object]
) -> np.ndarray:
    """(n, bins) posteriors or, of a regression head, (n, 1) years: the mean over folds, and over mirror images where the run has it.

    images: JPEG crops of the run's own size. The network sees them as the run's tests do.
    """
    experiment = run_model.experiment
    source = AugmentedFaces(JpegPixels(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    mean = np.zeros((len(images), max(len(run_model.bins), 1)))
    total, count = len(images) * len(folds), 0
    for fold in folds if len(images) else ():
        run_model.load_fold(fold, seed=seed)
        for start in range(0, len(images), BATCH):
            rows = np.arange(start, min(start + BATCH, len(images)))
            outputs = [np.asarray(run_model.network.full.predict_on_batch(source.batch(rows, view))) for view in views(experiment)]
            mean[rows] += np.mean([posterior(output) if len(run_model.bins) else output for output in outputs], axis=0) / len(folds)
            count += len(rows)
            on_progress(count, total)
    return mean


def views(experiment: Experiment) -> list[int]:
    """How often and how a tested photo is looked at, as in the run's own tests."""
    return [PLAIN, MIRRORED] if experiment.tta == "flip_average" else [PLAIN]


@dataclass(frozen=True)
class EstimateBuilder:
    """All that turns outputs into rows: classes, groups, the run's decoding and its measured worth."""

    bins: np.ndarray
    labels: tuple[str, ...]
    decode: str
    tests: TestSummary
    overlap: TrainingOverlap
    folds: tuple[int, ...]

    def rows(self, photos: Sequence[PhotoFaces], outputs: np.ndarray) -> list[Row]:
        """One row a face, and one for a photo without; outputs: (crops with an image, bins or 1), in the order of the crops."""
        estimates = iter(zip(self._estimates(outputs), outputs))
        rows: list[Row] = []
        for photo in photos:
            if photo.unreadable:
                rows.append(Row(self._values(photo, status="unreadable", reason=photo.unreadable, warnings=[])))
            for number, crop in enumerate(photo.crops, start=1):
                values = self._values(photo, **self._facts(photo, crop, number))
                if crop.cropped.image:
                    estimate, output = next(estimates)
                    # What the test photos' errors say of faces, they do not say of pictures without one.
                    estimate = estimate if values["status"] == "ok" else estimate | {"low": None, "high": None, "coverage": None}
                    rows.append(Row(values | estimate, output if len(self.bins) else None, crop.cropped.image))
                else:
                    rows.append(Row(values))
        return rows

    def _values(self, photo: PhotoFaces, **known: Any) -> dict[str, Any]:
        values = dict.fromkeys(COLUMNS) | {"photo": printable(str(photo.path)), "faces": 0, "folds": list(self.folds)}
        return values | {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in known.items()}

    def _facts(self, photo: PhotoFaces, crop: Crop, number: int) -> dict[str, Any]:
        facts = crop.cropped.facts
        is_face = facts["status"] == "ok"
        warnings = [*crop.warnings, *self.overlap.warnings(photo.path, self.folds)]
        if facts["status"] == "no_face":
            warnings.insert(0, "no face found: this is an estimate for the whole picture, as the run's settings say (no_face)")
        return {
            "face": number if is_face else None,
            "faces": facts["found"],
            "status": facts["status"],
            "reason": facts["reason"],
            **({name: facts.get(name) for name in (*SIDES, "rotation", "score")} if is_face else {}),
            "warnings": warnings,
        }

    def _estimates(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        if self.labels:
            best = outputs.argmax(axis=1) if len(outputs) else []
            return [{"group": self.labels[n], "probability": round(float(row[n]), DIGITS)} for n, row in zip(best, outputs)]
        ages = decode(outputs, self.bins, self.decode)["predicted"]
        years = self.tests.years
        if years is None or not math.isfinite(years.factor):
            return [{"age": round(float(age), DIGITS)} for age in ages]
        low, high = interval_ends(ages, scales(outputs, self.bins), years.factor)
        coverage = round(years.coverage, DIGITS) if math.isfinite(years.coverage) else None
        return [
            {"age": round(float(age), DIGITS), "low": round(float(a), DIGITS), "high": round(float(b), DIGITS), "coverage": coverage}
            for age, a, b in zip(ages, low, high)
        ]
