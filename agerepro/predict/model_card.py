"""The model card: for what an exported model may be used, where it comes from, how wrong it is, and how to feed it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from agerepro.config.loading import to_dict
from agerepro.config.schema import Experiment
from agerepro.datasets.catalog import read_card
from agerepro.evaluation.bootstrap import Interval, cluster_bootstrap
from agerepro.evaluation.predictions import photo_errors
from agerepro.evaluation.subgroups import error_by_age, error_by_gender
from agerepro.models.pretrained import PRETRAINED
from agerepro.predict.inference_model import Exported
from agerepro.predict.interval import TestSummary
from agerepro.runs.layout import Run, disclaimer, run_status, shortfalls
from agerepro.runs.model import RunModel
from agerepro.splits.leakage import describe_overlap
from agerepro.splits.protocols import describe_protocol, people_of
from agerepro.tables import PHOTOS, read_table
from agerepro.training.augment import crop_side

TITLES = {"age": "ages of faces", "residual": "ages of faces", "score": "scores of pictures", "name": "age groups of faces"}
CLASSES = {"age": "ages", "residual": "residuals", "score": "scores"}
GENDERS = {"f": "women and girls", "m": "men and boys", "": "not known"}


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
    """banner: what the run may be taken for, "" for a complete run of real faces. overlap: what its folds do to people, part of the
    banner, too. weights: the published ones, or None."""

    banner: str
    overlap: str
    data: tuple[DataSource, ...]
    weights: tuple[str, str, str] | None  # name, file with its SHA-256, licence
    code: str
    packages: dict[str, str]

    @property
    def synthetic(self) -> bool:
        """Whether faces were drawn in any stage."""
        return any(source.synthetic for source in self.data)


def card_files(
    run: Run, run_model: RunModel, tests: TestSummary, folds: Sequence[int], exported: Sequence[Exported], checksums: dict[str, str]
) -> dict[str, str]:
    """MODEL_CARD.md for people and model.json for programs: classes, crop settings, factor of the interval."""
    facts = _facts(run, run_model, tests, folds)
    world = Environment(
        loader=PackageLoader("agerepro.predict"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; the `cell` filter escapes what comes from files
    )
    world.filters |= {"cell": _cell, "number": _number, "percent": _percent, "mebibytes": lambda size: f"{size / 2**20:.1f}"}
    text = world.get_template("MODEL_CARD.md.jinja").render(**facts, exported=exported, checksums=checksums)
    return {"MODEL_CARD.md": text, "model.json": json.dumps(_for_programs(run_model, tests, folds), indent=2, sort_keys=True) + "\n"}


def sources_of(run: Run, experiment: Experiment) -> Sources:
    """Read the run's provenance and the cards of its data sets. UserError where the provenance is damaged."""
    provenance = run.provenance()
    data = tuple(_data_source(stage.name, stage.data, provenance) for stage in experiment.stages)
    folds = run.folds()
    folds_total = int(folds["fold"].nunique())
    overlap = describe_overlap(folds, read_table(run.folder / "photos.csv", PHOTOS))
    folds_done = len({fold for _, fold in run.done(experiment.seeds)})
    banner = disclaimer(
        run.profile,
        synthetic=any(source.synthetic for source in data),
        changed=provenance["changed"],
        partial_copies=shortfalls(provenance["data"], synthetic=provenance["synthetic"]),
    )
    return Sources(
        run_status(banner, folds_done, folds_total, people=overlap),
        overlap,
        data,
        _first_weights(experiment, provenance),
        provenance["code"],
        provenance["packages"],
    )


def _data_source(stage: str, name: str, provenance: dict[str, Any]) -> DataSource:
    card, photos = read_card(name), int(provenance["data"][name]["photos"])
    if name in provenance["synthetic"]:
        licence = "Drawn by agerepro in the layout of this data set: no photo of a person is in it, and its licence does not apply."
        return DataSource(stage, f"synthetic {name}", photos, "", licence, True)
    return DataSource(stage, card.title, photos, card.citation, card.licence, False)


def _first_weights(experiment: Experiment, provenance: dict[str, Any]) -> tuple[str, str, str] | None:
    backbone = experiment.backbone
    if backbone.weights == "none" or all(stage.start_from == "scratch" for stage in experiment.stages):
        return None
    file = next(iter(provenance["starts"].values())) if experiment.stages[-1].start_from == "weights" else ""
    return f"{backbone.weights}, {backbone.name}", file, PRETRAINED[backbone.weights, backbone.name].licence


def _facts(run: Run, run_model: RunModel, tests: TestSummary, folds: Sequence[int]) -> dict[str, Any]:
    experiment, frame = run_model.experiment, tests.predictions
    photos, sources = read_table(run.folder / "photos.csv", PHOTOS), sources_of(run, experiment)
    errors, names = photo_errors(frame), people_of(frame).to_numpy()
    of_ages = run_model.task.stands_for in ("age", "residual")
    return {
        "name": run.experiment,
        "profile": run.profile,
        "run": Path(*run.folder.parts[-3:]).as_posix(),
        "sources": sources,
        "experiment": experiment,
        "middle": crop_side(experiment.augment, experiment.faces.size),
        "reproduces": experiment.reproduces,
        "protocol": describe_protocol(experiment.stages[-1].protocol, overlap=sources.overlap),
        "folds": list(folds),
        "folds_total": int(run.folds()["fold"].nunique()),
        "photos": len(frame),
        "people": len(set(frame["subject"]) - {""}),
        "ages": (float(photos["age"].min()), float(photos["age"].max())) if of_ages else None,
        "overall": cluster_bootstrap(errors, np.ones(len(errors)), names),
        "by_age": _by_age(frame, tests.years.held) if of_ages and tests.years is not None else [],
        "by_gender": error_by_gender(frame, dict(zip(photos["photo"], photos["gender"]))).to_dict("records"),
        "genders": GENDERS,
        "years": tests.years,
        "infinity": math.inf,
        "labels": run_model.labels,
        "gives": TITLES[run_model.task.stands_for],
        "classes": _classes(run_model),
        "residual_of": experiment.stages[-1].target.residual_of,
        "unit": experiment.stages[-1].target.unit,
        "flips": experiment.tta == "flip_average",
        "logits": bool(len(run_model.bins)),
    }


def _by_age(frame: pd.DataFrame, held: Sequence[bool]) -> list[dict[str, Any]]:
    """The rows of error_by_age with `held`, the share of the bin's photos that left-out intervals held; NaN when not measured."""
    ages, inside = frame["age"].to_numpy(), np.asarray(held, np.float64)
    rows = [{str(name): value for name, value in row.items()} for row in error_by_age(frame).to_dict("records")]
    for row in rows:
        in_bin = (ages >= row["first"]) & (ages < row["before"])
        row["held"] = float(inside[in_bin].mean()) if len(inside) else math.nan
    return rows


def _for_programs(run_model: RunModel, tests: TestSummary, folds: Sequence[int]) -> dict[str, Any]:
    experiment = run_model.experiment
    years = tests.years
    return {
        "input": {
            "size": experiment.augment.size,
            "colours": "RGB",
            "type": "uint8",
            "crop": to_dict(experiment.faces),
            "middle": crop_side(experiment.augment, experiment.faces.size),  # of the crop, pixels: the rest is cut off
        },
        "classes": list(run_model.labels) or run_model.bins.tolist(),
        "residual_of": _residual_of(run_model),
        "decode": experiment.decode,
        "tta": experiment.tta,
        "folds": list(folds),
        "interval": None
        if years is None or not math.isfinite(years.factor)
        else {
            "level": years.level,
            "factor": years.factor,
            "scale": "1 + standard deviation of the posterior, years" if len(run_model.bins) else "1",
            "coverage": years.coverage if math.isfinite(years.coverage) else None,
            "people": years.people,
        },
    }


def _classes(run_model: RunModel) -> str:
    if run_model.labels:
        return f"age groups {', '.join(run_model.labels)}"
    bins, target, what = run_model.bins, run_model.experiment.stages[-1].target, CLASSES[run_model.task.stands_for]
    if not len(bins):
        return f"one {what.removesuffix('s')} in {target.unit}"
    return f"{len(bins)} {what} from {bins.min():g} to {bins.max():g} {target.unit}"


def _residual_of(run_model: RunModel) -> dict[str, str] | None:
    """What `classes` are residuals of, and what is added to them; None where they are the ages themselves."""
    name = run_model.experiment.stages[-1].target.residual_of
    if not name:
        return None
    predicted = run_model.experiment.stage(name).target
    return {
        "stage": name,
        "column": predicted.column,
        "added": "to the decoded residual what the stage predicts of the photo, years; the exported models' `age` is this sum, their "
        "`posterior` and `logits` are of the residual alone",
    }


def _cell(text: object) -> str:
    return "".join(f"\\{character}" if character in "\\|*_`<[" else character for character in " ".join(str(text).split()))


def _number(result: Interval | dict[str, Any], *, share: bool = False) -> str:
    """`4.91 (4.62 to 5.23)`, or in per cent; without the interval where one person allows none."""
    value, low, high = (
        (result.value, result.low, result.high) if isinstance(result, Interval) else (result["error"], result["low"], result["high"])
    )
    text = _percent if share else "{:.2f}".format
    return f"{text(value)} ({text(low)} to {text(high)})" if math.isfinite(low) else text(value)


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if math.isfinite(value) else "not measured"
