"""Ages in one's own photos: from files to rows, their formats, and the summary."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agerepro.config.schema import Experiment
from agerepro.datasets.catalog import read_card
from agerepro.faces.alignment import BY_SOURCE
from agerepro.faces.detection import detector
from agerepro.faces.prepare import counted_as
from agerepro.models.pretrained import PRETRAINED
from agerepro.predict.estimates import COLUMNS, DIGITS, EstimateBuilder, Row, folds_asked, outputs_of
from agerepro.predict.interval import TestSummary, test_summary
from agerepro.predict.photos import PhotoFiles, Which, find_faces, training_overlap
from agerepro.runs.layout import Run, disclaimer, run_status
from agerepro.runs.model import RunModel


@dataclass(frozen=True)
class DataSource:
    """A data set of a stage: photos that were left after cleaning, and the licence of its card or what a drawn set is."""

    stage: str
    title: str
    photos: int
    citation: str
    licence: str
    synthetic: bool


@dataclass(frozen=True)
class Sources:
    """banner: what the run may be taken for, "" for a complete run of real faces. weights: the published ones, or None."""

    banner: str
    data: tuple[DataSource, ...]
    weights: tuple[str, str, str] | None  # name, file with its SHA-256, licence
    code: str
    packages: dict[str, str]

    @property
    def synthetic(self) -> bool:
        """Whether faces were drawn in any stage."""
        return any(one.synthetic for one in self.data)


def sources_of(run: Run, experiment: Experiment) -> Sources:
    """Read the run's provenance and the cards of its data sets."""
    about = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    data = tuple(_data(stage.name, stage.data, about) for stage in experiment.stages)
    total = int(run.folds()["fold"].nunique())
    done = len({fold for _, fold in run.done(experiment.seeds)})
    said = disclaimer(run.profile, synthetic=any(one.synthetic for one in data), changed=about["changed"])
    return Sources(run_status(said, done, total), data, _weights(experiment, about), about["code"], about["packages"])


def cut_by_source(run: Run, experiment: Experiment) -> int:
    """How many of the tested data's faces were cut by boxes that the data set brings, which one's own photos lack."""
    about = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    return int(about["data"][experiment.stages[-1].data]["faces"].get(counted_as("ok", BY_SOURCE), 0))


def _data(stage: str, name: str, about: dict[str, Any]) -> DataSource:
    card, photos = read_card(name), int(about["data"][name]["photos"])
    if name in about["synthetic"]:
        made = "Drawn by agerepro in the layout of this data set: no photo of a person is in it, and its licence does not apply."
        return DataSource(stage, f"synthetic {name}", photos, "", made, True)
    return DataSource(stage, card.title, photos, card.citation, card.licence, False)


def _weights(experiment: Experiment, about: dict[str, Any]) -> tuple[str, str, str] | None:
    backbone = experiment.backbone
    if backbone.weights == "none" or all(stage.start_from == "scratch" for stage in experiment.stages):
        return None
    file = next(iter(about["starts"].values())) if experiment.stages[-1].start_from == "weights" else ""
    return f"{backbone.weights}, {backbone.name}", file, PRETRAINED[backbone.weights, backbone.name].licence


Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class PhotoPredictions:
    """Rows in the order of the photos, the names of the posterior's classes, and what the run's test photos say of them."""

    rows: list[Row]
    classes: list[str]
    folds: tuple[int, ...]
    tested: TestSummary
    photos: PhotoFiles
    cut_by_source: int  # of the run's own faces: those that no detector has found


def predict_photos(restored: RunModel, photos: PhotoFiles, *, folds: str | None, which: Which, on_progress: Progress) -> PhotoPredictions:
    """Estimates of the faces in the photos by the run's first seed. UserError for folds that kept no weights.

    on_progress(what, done, total) is called while faces are cut, and while ages are estimated. All crops are held in memory, as
    JPEG (10 to 30 kB each): the photos are read once, and every fold's weights are loaded once.
    """
    experiment = restored.experiment
    seed = experiment.seeds[0]
    chosen = tuple(folds_asked(restored, folds, seed=seed))
    measured = test_summary(restored.run, experiment, seed=seed)
    looked = find_faces(
        photos.photos,
        experiment.faces,
        which=which,
        detect=detector().detect,
        on_progress=lambda done, total: on_progress("photos", done, total),
    )
    images = [crop.cropped.image for photo in looked for crop in photo.crops if crop.cropped.image]
    outputs = outputs_of(restored, images, chosen, seed=seed, on_progress=lambda done, total: on_progress("faces", done, total))
    teller = EstimateBuilder(restored.bins, restored.labels, experiment.decode, measured, training_overlap(restored.run), chosen)
    classes = list(restored.labels) or [f"{age:g}" for age in restored.bins.tolist()]
    return PhotoPredictions(teller.rows(looked, outputs), classes, chosen, measured, photos, cut_by_source(restored.run, experiment))


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
    """A table with a heading; empty cells for what there is not; with the distribution, a column `p<class>` for each class."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"p{name}" for name in classes if distribution)])
    for row in rows:
        flat = {**row.values, "folds": " ".join(map(str, row.values["folds"])), "warnings": "; ".join(row.values["warnings"])}
        cells = ["" if flat[name] is None else flat[name] for name in COLUMNS]
        if distribution:
            cells += [""] * len(classes) if row.posterior is None else _rounded(row.posterior)
        writer.writerow(cells)
    return out.getvalue()


FORMATS = {"jsonl": as_jsonl, "csv": as_csv}


def _rounded(probabilities: np.ndarray) -> list[float]:
    return [round(float(value), DIGITS + 2) for value in probabilities]


LISTED = 20  # failures, warnings and files left aside that are named; the rows have all failures and warnings


def failed(rows: Sequence[Row]) -> list[Row]:
    """Rows of photos that gave no face or could not be read: what exit code 1 is about."""
    return [row for row in rows if row.values["status"] != "ok"]


def summary(found: PhotoPredictions, kept: Sequence[int]) -> Iterator[str]:
    """Lines for standard error; `kept` are the folds that could be asked."""
    yield from _listed("left aside", [f"{path}: not a picture by its name" for path in found.photos.aside])
    yield from _listed("failed", [f"{row.values['photo']}: {row.values['reason']}" for row in failed(found.rows)])
    yield from _listed(
        "warnings",
        [f"{row.values['photo']}: {text}" for row in found.rows if row.values["status"] == "ok" for text in row.values["warnings"]],
    )
    yield counts(found)
    yield which_network(found.folds, kept)
    if found.cut_by_source:
        yield (
            f"{found.cut_by_source} of the run's own faces were cut by boxes that its data set brings; here a detector finds the "
            "faces, so the crops differ a little from those that the numbers below are of."
        )
    yield worth(found.tested, several=len(found.folds) > 1)


def counts(found: PhotoPredictions) -> str:
    """`12 photos: 10 with 12 faces, 1 without a face, 1 unreadable; 2 other files left aside`."""
    photos: dict[str, set[str]] = {}
    for row in found.rows:
        photos.setdefault(row.values["status"], set()).add(row.values["photo"])
    faces = sum(row.values["status"] == "ok" for row in found.rows)
    without = len(photos.get("no_face", ())) + len(photos.get("dropped", ()))
    parts = [f"{len(photos.get('ok', ()))} with {faces} face{'' if faces == 1 else 's'}"]
    parts += [f"{without} without a face"] if without else []
    parts += [f"{len(photos['unreadable'])} unreadable"] if "unreadable" in photos else []
    total, aside = len(found.photos.photos), len(found.photos.aside)
    more = f"; {aside} other file{'' if aside == 1 else 's'} left aside" if aside else ""
    return f"{total} photo{'' if total == 1 else 's'}: {', '.join(parts)}{more}"


def which_network(folds: Sequence[int], kept: Sequence[int]) -> str:
    """Which fold's network has spoken, and that others could."""
    if len(folds) > 1:
        return f"The mean of {len(folds)} folds' networks: {', '.join(map(str, folds))}."
    others = f"; --folds all would average over the {len(kept)} that have weights" if len(kept) > 1 else ""
    return f"The network of fold {folds[0]}{others}."


def worth(tested: TestSummary, *, several: bool) -> str:
    """What the run's own test photos say about such estimates, measured where it can be."""
    if tested.right is not None:
        right = tested.right
        said = (
            f"Of the run's {len(tested.predictions)} test photos {_share(right.value)} were given their right group"
            f"{_span(right.low, right.high)}."
        )
    elif tested.years is None or not math.isfinite(tested.years.factor):
        return "No interval: the run has tested too few photos to say how wide one must be."
    elif not math.isfinite(tested.years.coverage):
        return f"{tested.years.level * 100:.0f} % intervals; their coverage cannot be measured on one tested person."
    else:
        years = tested.years
        said = (
            f"{years.level * 100:.0f} % intervals held {_share(years.coverage)} of the true ages of the run's {len(years.held)} test photos"
            f"{_span(years.low, years.high)}, each fold measured by the others; {years.width:.1f} years wide on average."
        )
    return said + (" That is of single folds: a mean of folds has no photo left that none of them trained on." if several else "")


def _span(low: float, high: float) -> str:
    return f" (95 % interval over people {_share(low)} to {_share(high)})" if math.isfinite(low) else ""


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:LISTED]:
        yield f"{what}: {line}"
    if len(lines) > LISTED:
        yield f"{what}: and {len(lines) - LISTED} more"
