"""A row for every face: its age with an interval, or its age group, and what to know about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agerepro.faces.crop_faces import SIDES
from agerepro.models.decode import decoded
from agerepro.prediction.calibration import Tested
from agerepro.prediction.crops import Crop
from agerepro.prediction.interval import interval, scales
from agerepro.prediction.known_photos import KnownPhotos
from agerepro.prediction.look import Looked

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
class Teller:
    """All that turns outputs into rows: classes, groups, the run's decoding and its measured worth."""

    bins: np.ndarray
    labels: tuple[str, ...]
    decode: str
    tested: Tested
    known: KnownPhotos
    folds: tuple[int, ...]

    def rows(self, looked: Sequence[Looked], outputs: np.ndarray) -> list[Row]:
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

    def _values(self, photo: Looked, **known: Any) -> dict[str, Any]:
        values = dict.fromkeys(COLUMNS) | {"photo": str(photo.path), "faces": 0, "folds": list(self.folds)}
        return values | {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in known.items()}

    def _facts(self, photo: Looked, crop: Crop, number: int) -> dict[str, Any]:
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
        ages = decoded(outputs, self.bins, self.decode)["predicted"]
        years = self.tested.years
        if years is None or not math.isfinite(years.factor):
            return [{"age": round(float(age), DIGITS)} for age in ages]
        low, high = interval(ages, scales(outputs, self.bins), years.factor)
        coverage = round(years.coverage, DIGITS) if math.isfinite(years.coverage) else None
        return [
            {"age": round(float(age), DIGITS), "low": round(float(a), DIGITS), "high": round(float(b), DIGITS), "coverage": coverage}
            for age, a, b in zip(ages, low, high)
        ]
