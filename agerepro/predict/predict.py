"""Ages in one's own photos: the run's networks asked about other faces, rows, their formats, and the summary."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agerepro.errors import UserError
from agerepro.faces.alignment import BY_SOURCE, SIDES
from agerepro.faces.crops import counted_as
from agerepro.faces.detection import detector
from agerepro.faces.images import JpegImages
from agerepro.io import printable
from agerepro.predict.interval import LEAST_PEOPLE, TestSummary, interval_ends, scales, summarise_tests
from agerepro.predict.photos import Crop, PhotoFaces, PhotoFiles, TrainingOverlap, Which, find_faces, training_overlap
from agerepro.runs.layout import parse_folds
from agerepro.runs.model import RunModel
from agerepro.tasks.decode import decode
from agerepro.tasks.task import Task
from agerepro.training.augment import AugmentedFaces, View, views_of
from agerepro.training.loading import load_batches
from agerepro.training.pipeline import mean_over_views

BATCH = 64
DIGITS = 4  # of every number in a row
# The values of a row, in order; a column a class follows where the distribution is asked for.
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
Progress = Callable[[str, int, int], object]
LISTED = 20  # failures, warnings and ignored files that are named; the rows have all failures and warnings


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
    source = AugmentedFaces(JpegImages(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    mean = np.zeros((len(images), max(len(run_model.bins), 1)))
    total, count = len(images) * len(folds), 0
    parts = [np.arange(start, min(start + BATCH, len(images))) for start in range(0, len(images), BATCH)]

    def answers(view: View) -> Iterator[np.ndarray]:
        for pixels in load_batches(source, ((rows, view) for rows in parts)):
            yield run_model.task.answer(run_model.network.full.predict_on_batch(pixels))

    for fold in folds if parts else ():
        run_model.load_fold(fold, seed=seed)
        for rows, part in zip(parts, mean_over_views([answers(view) for view in views_of(experiment)]), strict=True):
            mean[rows] += part / len(folds)
            count += len(rows)
            on_progress(count, total)
    return mean


def offsets_of(run_model: RunModel, images: Sequence[bytes]) -> np.ndarray:
    """(n,) years that the run's answers are added to: what an earlier stage predicts, where it has learnt its residuals, else 0."""
    experiment = run_model.experiment
    if run_model.base is None:
        return np.zeros(len(images))
    source = AugmentedFaces(JpegImages(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    return run_model.base.predict(experiment, source, len(images))


@dataclass(frozen=True)
class EstimateBuilder:
    """All that turns outputs into rows: classes, groups, the run's decoding and its measured worth."""

    bins: np.ndarray
    labels: tuple[str, ...]
    decode: str
    tests: TestSummary
    overlap: TrainingOverlap
    folds: tuple[int, ...]

    def rows(self, photos: Sequence[PhotoFaces], outputs: np.ndarray, *, offsets: np.ndarray) -> list[Row]:
        """One row a face, and one for a photo without.

        outputs: (crops with an image, bins or 1), in the order of the crops; offsets: (crops with an image,) years that are added to them.
        """
        estimates = iter(zip(self._estimates(outputs, offsets), outputs))
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

    def _estimates(self, outputs: np.ndarray, offsets: np.ndarray) -> list[dict[str, Any]]:
        if self.labels:
            best = outputs.argmax(axis=1) if len(outputs) else []
            return [{"group": self.labels[n], "probability": round(float(row[n]), DIGITS)} for n, row in zip(best, outputs)]
        ages = decode(outputs, self.bins, self.decode, offset=offsets)["predicted"]
        years = self.tests.years
        if years is None or not math.isfinite(years.factor):
            return [{"age": round(float(age), DIGITS)} for age in ages]
        low, high = interval_ends(ages, scales(outputs, self.bins), years.factor)
        coverage = round(years.coverage, DIGITS) if math.isfinite(years.coverage) else None
        return [
            {"age": round(float(age), DIGITS), "low": round(float(a), DIGITS), "high": round(float(b), DIGITS), "coverage": coverage}
            for age, a, b in zip(ages, low, high)
        ]


@dataclass(frozen=True)
class PhotoPredictions:
    """Rows in the order of the photos, the names of the posterior's classes, and what the run's test photos say of them.

    residual_of: the stage to whose prediction the networks' answers are added, and of which the classes are residuals; "" of other runs.
    """

    rows: list[Row]
    classes: list[str]
    folds: tuple[int, ...]
    tests: TestSummary
    photos: PhotoFiles
    cut_by_source: int  # of the run's own tested faces: by boxes that the data set brings and one's own photos lack
    residual_of: str = ""


def predict_photos(run_model: RunModel, photos: PhotoFiles, *, folds: str | None, which: Which, on_progress: Progress) -> PhotoPredictions:
    """Estimates of the faces in the photos by the run's first seed. UserError for folds that kept no weights.

    on_progress(what, count, total) is called while faces are cut, and while ages are estimated. All crops are held in memory, as
    JPEG (10 to 30 kB each): the photos are read once, and every fold's weights are loaded once.
    """
    run, experiment = run_model.run, run_model.experiment
    seed = experiment.seeds[0]
    chosen = tuple(folds_asked(run_model, folds, seed=seed))
    tests = summarise_tests(run, experiment, seed=seed)
    counts = run.provenance()["data"][experiment.stages[-1].data]["faces"]
    faces = find_faces(
        photos.photos,
        experiment.faces,
        which=which,
        detect=detector().detect,
        on_progress=lambda count, total: on_progress("photos", count, total),
    )
    images = [crop.cropped.image for photo in faces for crop in photo.crops if crop.cropped.image]
    outputs = outputs_of(run_model, images, chosen, seed=seed, on_progress=lambda count, total: on_progress("faces", count, total))
    builder = EstimateBuilder(run_model.bins, run_model.labels, experiment.decode, tests, training_overlap(run), chosen)
    rows = builder.rows(faces, outputs, offsets=offsets_of(run_model, images))
    by_source, residual_of = int(counts.get(counted_as("ok", BY_SOURCE), 0)), experiment.stages[-1].target.residual_of
    return PhotoPredictions(rows, class_names(run_model.task), chosen, tests, photos, by_source, residual_of)


def class_names(task: Task) -> list[str]:
    """Of the posterior's columns, in order: `30` is an age, `residual-3` what is added to an age, `score0.5` a score; groups have names."""
    style = {"residual": "residual{:+g}", "score": "score{:g}"}.get(task.stands_for, "{:g}")
    return list(task.labels) or [style.format(value) for value in task.bins.tolist()]


def as_jsonl(rows: Sequence[Row], classes: Sequence[str], *, distribution: bool) -> str:
    """One JSON object a line, keys as in COLUMNS; with the distribution, `distribution` maps each class to its probability.

    classes: names of the posterior's columns. A row without a posterior has null there.
    """
    lines = []
    for row in rows:
        values = dict(row.values)
        if distribution:
            values["distribution"] = None if row.posterior is None else dict(zip(classes, _rounded(row.posterior)))
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    return "".join(lines)


def as_csv(rows: Sequence[Row], classes: Sequence[str], *, distribution: bool) -> str:
    """A table with a heading; empty cells for what there is not; with the distribution, a column for each class: `p30`, `p_residual-3`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    headings = [f"p{name}" if name[:1].isdigit() else f"p_{name}" for name in classes] if distribution else []
    writer.writerow([*COLUMNS, *headings])
    for row in rows:
        flat = {**row.values, "folds": " ".join(map(str, row.values["folds"])), "warnings": "; ".join(row.values["warnings"])}
        cells = ["" if flat[name] is None else flat[name] for name in COLUMNS]
        if distribution:
            cells += [""] * len(classes) if row.posterior is None else _rounded(row.posterior)
        writer.writerow(cells)
    return out.getvalue()


FORMATS = {"jsonl": as_jsonl, "csv": as_csv}


def failed(rows: Sequence[Row]) -> list[Row]:
    """Rows of photos that gave no face or could not be read: what exit code 1 is about."""
    return [row for row in rows if row.values["status"] != "ok"]


def summary(predictions: PhotoPredictions, folds_with_weights: Sequence[int]) -> Iterator[str]:
    """Lines for standard error, in what UTF-8 can hold; the folds are those that could be asked."""
    yield from _listed("ignored", [f"{printable(str(path))}: not a picture by its name" for path in predictions.photos.ignored])
    yield from _listed("failed", [f"{row.values['photo']}: {row.values['reason']}" for row in failed(predictions.rows)])
    faces = [row for row in predictions.rows if row.values["status"] == "ok"]
    yield from _listed("warnings", [f"{row.values['photo']}: {text}" for row in faces for text in row.values["warnings"]])
    yield counts(predictions)
    yield which_network(predictions.folds, folds_with_weights)
    if predictions.residual_of:
        yield (
            f"An age is what stage {predictions.residual_of!r} predicts, plus the residual that this estimates; a distribution is of the "
            "residual alone."
        )
    if predictions.cut_by_source:
        yield (
            f"{predictions.cut_by_source} of the run's own faces were cut by boxes that its data set brings; here a detector finds the "
            "faces, so the crops differ a little from those that the numbers below are of."
        )
    yield worth(predictions.tests, several=len(predictions.folds) > 1)


def counts(predictions: PhotoPredictions) -> str:
    """`12 photos: 10 with 12 faces, 1 without a face, 1 unreadable; 2 other files ignored`."""
    photos: dict[str, set[str]] = {}
    for row in predictions.rows:
        photos.setdefault(row.values["status"], set()).add(row.values["photo"])
    faces = sum(row.values["status"] == "ok" for row in predictions.rows)
    without = len(photos.get("no_face", ())) + len(photos.get("dropped", ()))
    parts = [f"{len(photos.get('ok', ()))} with {faces} face{'' if faces == 1 else 's'}"]
    parts += [f"{without} without a face"] if without else []
    parts += [f"{len(photos['unreadable'])} unreadable"] if "unreadable" in photos else []
    total, ignored = len(predictions.photos.photos), len(predictions.photos.ignored)
    more = f"; {ignored} other file{'' if ignored == 1 else 's'} ignored" if ignored else ""
    return f"{total} photo{'' if total == 1 else 's'}: {', '.join(parts)}{more}"


def which_network(folds: Sequence[int], folds_with_weights: Sequence[int]) -> str:
    """Which fold's network has spoken, and that others could."""
    if len(folds) > 1:
        return f"The mean of {len(folds)} folds' networks: {', '.join(map(str, folds))}."
    count = len(folds_with_weights)
    others = f"; --folds all would average over the {count} that have weights" if count > 1 else ""
    return f"The network of fold {folds[0]}{others}."


def worth(tests: TestSummary, *, several: bool) -> str:
    """What the run's own test photos say about such estimates, measured where it can be."""
    whom = "people" if (tests.predictions["subject"] != "").any() else "photos of unknown people"
    if tests.right is not None:
        right = tests.right
        text = (
            f"Of the run's {len(tests.predictions)} test photos {_share(right.value)} were given their right group"
            f"{_span(right.low, right.high)}."
        )
    elif tests.years is None or not math.isfinite(tests.years.factor):
        people = 0 if tests.years is None else tests.years.people
        return f"No interval: the run has tested {people} {whom}, and how wide one must be takes {LEAST_PEOPLE} or more."
    elif not math.isfinite(tests.years.coverage):
        years = tests.years
        return (
            f"{years.level * 100:.0f} % intervals, their coverage not measured: of the {years.people} {whom} that the run has tested, "
            "too few are left when some are left out."
        )
    else:
        years = tests.years
        text = (
            f"{years.level * 100:.0f} % intervals; measured coverage {_share(years.coverage)}{_span(years.low, years.high)}: the share of "
            f"true ages that they held for the run's {years.people} tested {whom}, left out in turn, each person weighing the same; "
            f"{years.width:.1f} years wide on average."
        )
    return text + (" That is of single folds: a mean of folds has no photo left that none of them trained on." if several else "")


def _rounded(probabilities: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS + 2) for value in probabilities]


def _span(low: float, high: float) -> str:
    return f" (95 % interval over people {_share(low)} to {_share(high)})" if math.isfinite(low) else ""


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:LISTED]:
        yield f"{what}: {line}"
    if len(lines) > LISTED:
        yield f"{what}: and {len(lines) - LISTED} more"
