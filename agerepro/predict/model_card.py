"""The model card: for what an exported model may be used, where it comes from, how wrong it is, and how to feed it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from agerepro.config.loading import to_dict
from agerepro.evaluation.bootstrap import Interval, cluster_bootstrap
from agerepro.evaluation.predictions import people, photo_errors
from agerepro.evaluation.subgroups import error_by_age, error_by_gender
from agerepro.predict.inference_model import Exported
from agerepro.predict.interval import TestSummary
from agerepro.predict.predict import sources_of
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel
from agerepro.splits.protocols import describe_protocol
from agerepro.tables import PHOTOS, read_table

GENDERS = {"f": "women and girls", "m": "men and boys", "": "not known"}


def card_files(
    run: Run, restored: RunModel, tested: TestSummary, folds: Sequence[int], exported: Sequence[Exported], checksums: dict[str, str]
) -> dict[str, str]:
    """MODEL_CARD.md for people and model.json for programs: classes, crop settings, factor of the interval."""
    facts = _facts(run, restored, tested, folds)
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
    return {"MODEL_CARD.md": text, "model.json": json.dumps(_for_programs(restored, tested, folds), indent=2, sort_keys=True) + "\n"}


def _facts(run: Run, restored: RunModel, tested: TestSummary, folds: Sequence[int]) -> dict[str, Any]:
    experiment, frame = restored.experiment, tested.predictions
    photos = read_table(run.folder / "photos.csv", PHOTOS)
    last = experiment.stages[-1]
    errors, who = photo_errors(frame), people(frame).to_numpy()
    return {
        "name": run.experiment,
        "profile": run.profile,
        "run": Path(*run.folder.parts[-3:]).as_posix(),
        "sources": sources_of(run, experiment),
        "experiment": experiment,
        "reproduces": experiment.reproduces,
        "protocol": describe_protocol(last.protocol),
        "folds": list(folds),
        "folds_total": int(run.folds()["fold"].nunique()),
        "photos": len(frame),
        "people": len(np.unique(who)),
        "ages": None if restored.labels else (float(photos["age"].min()), float(photos["age"].max())),
        "overall": cluster_bootstrap(errors, np.ones(len(errors)), who),
        "by_age": [] if tested.years is None else _by_age(frame, tested.years.held),
        "by_gender": error_by_gender(frame, dict(zip(photos["photo"], photos["gender"]))).to_dict("records"),
        "genders": GENDERS,
        "years": tested.years,
        "labels": restored.labels,
        "classes": _classes(restored),
        "flips": experiment.tta == "flip_average",
        "logits": bool(len(restored.bins)),
    }


def _by_age(frame: pd.DataFrame, held: Sequence[bool]) -> list[dict[str, Any]]:
    """The rows of error_by_age with `held`, the share of the bin's photos that left-out intervals held; NaN when not measured."""
    ages, inside = frame["age"].to_numpy(), np.asarray(held, np.float64)
    rows = [{str(name): value for name, value in row.items()} for row in error_by_age(frame).to_dict("records")]
    for row in rows:
        here = (ages >= row["first"]) & (ages < row["before"])
        row["held"] = float(inside[here].mean()) if len(inside) else math.nan
    return rows


def _for_programs(restored: RunModel, tested: TestSummary, folds: Sequence[int]) -> dict[str, Any]:
    experiment = restored.experiment
    years = tested.years
    return {
        "input": {"size": experiment.augment.size, "colours": "RGB", "type": "uint8", "crop": to_dict(experiment.faces)},
        "classes": list(restored.labels) or restored.bins.tolist(),
        "decode": experiment.decode,
        "tta": experiment.tta,
        "folds": list(folds),
        "interval": None
        if years is None or not math.isfinite(years.factor)
        else {
            "level": years.level,
            "factor": years.factor,
            "scale": "1 + standard deviation of the posterior, years" if len(restored.bins) else "1",
            "coverage": years.coverage if math.isfinite(years.coverage) else None,
        },
    }


def _classes(restored: RunModel) -> str:
    if restored.labels:
        return f"age groups {', '.join(restored.labels)}"
    if not len(restored.bins):
        return "one value in years"
    bins = restored.bins
    return f"{len(bins)} ages from {bins.min():g} to {bins.max():g} years"


def _cell(text: object) -> str:
    return "".join(f"\\{character}" if character in "\\|*_`<[" else character for character in " ".join(str(text).split()))


def _number(found: Interval | dict[str, Any], *, share: bool = False) -> str:
    """`4.91 (4.62 to 5.23)`, or in per cent; without the interval where one person allows none."""
    value, low, high = (
        (found.value, found.low, found.high) if isinstance(found, Interval) else (found["error"], found["low"], found["high"])
    )
    shown = _percent if share else "{:.2f}".format
    return f"{shown(value)} ({shown(low)} to {shown(high)})" if math.isfinite(low) else shown(value)


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if math.isfinite(value) else "not measured"
