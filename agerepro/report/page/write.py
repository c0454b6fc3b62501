"""One HTML page of one or several runs, complete in itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agerepro.datasets import catalog
from agerepro.evaluation.predictions import photo_errors
from agerepro.io import write_text
from agerepro.report.loading import place_of
from agerepro.report.page import embedded
from agerepro.report.page.charts import training_curves
from agerepro.report.page.contents import (
    FacesDecision,
    LeakageCheck,
    Loaded,
    Wish,
    check_leakage,
    decide,
    funnel_page,
    histories,
    load,
    provenance_page,
)
from agerepro.report.page.embedded import FACE_MIME, Maps, json_block, read_maps, read_posteriors, run_data, thumbnails
from agerepro.report.page.numbers import numbers_of, on_phones, regions_page, sections
from agerepro.report.page.svg import Drawn
from agerepro.report.run_result import RunResult, disambiguate, label_of, require_unique
from agerepro.report.tables import PrintedTable
from agerepro.runs.data import RunCrops, find_run_crops

MOST_FACES = 6000  # of one run, about 18 MB; of a larger one those with the least and the largest errors are shown


@dataclass(frozen=True)
class OneRun:
    """One run for the template."""

    label: str
    loaded: Loaded
    faces: FacesDecision
    maps: Maps | None
    regions: PrintedTable | None
    curves: tuple[Drawn, ...]
    leakage: LeakageCheck
    funnel: PrintedTable
    provenance: PrintedTable


class FaceSets:
    """The pictures in the page: one set a face store, shared by all runs on it."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, str]] = []
        self._places: dict[Path, int] = {}

    def place(self, crops: RunCrops, photos: list[str]) -> int:
        """Where the set of this store is in the page, with these photos in it."""
        place = self._places.setdefault(crops.folder, len(self.pictures))
        if place == len(self.pictures):
            self.pictures.append({})
        lacking = [photo for photo in photos if photo not in self.pictures[place]]
        self.pictures[place] |= thumbnails(crops, lacking) if lacking else {}
        return place


def one_run(run: Loaded, label: str, sets: FaceSets, *, wish: Wish) -> tuple[OneRun, dict[str, Any]]:
    """The run for the template, and for the data block."""
    drawn = run.dataset in run.provenance["synthetic"]
    decision = decide(catalog.card(run.dataset), drawn=drawn, wish=wish)
    crops = find_run_crops(run.run.folder, run.dataset, run.experiment.faces) if decision.shown else None
    if decision.shown and crops is None:
        decision = FacesDecision(False, f"The faces are not here: {run.dataset} has no store beside this run. Run it again to have them.")
    frame = run.first_seed_predictions
    maps = read_maps(run.run.folder, set(frame["photo"]))
    place = sets.place(crops, _shown(run)) if crops is not None else None
    shown = OneRun(
        label,
        run,
        decision,
        maps,
        None if maps is None or maps.regions is None else regions_page(maps.regions, label),
        tuple(one for history in histories(run) if (one := training_curves(history)) is not None),
        check_leakage(run),
        funnel_page(run),
        provenance_page(run),
    )
    return shown, run_data(run, label, beliefs=read_posteriors(run), maps=maps, faces=place)


def _shown(run: Loaded) -> list[str]:
    frame = run.first_seed_predictions
    if len(frame) <= MOST_FACES:
        return list(frame["photo"])
    rising = frame.assign(error=photo_errors(frame)).sort_values("error", kind="stable")["photo"]
    return sorted({*rising.iloc[: MOST_FACES // 2], *rising.iloc[-MOST_FACES // 2 :]})


NAME = "report.html"
STYLES = ("page", "tables", "charts", "explorer", "print")
SCRIPTS = ("make", "theme", "data", "distribution", "faces", "folds", "explorer", "scatter", "gallery", "start")


def write_page(folders: Sequence[Path], out: Path | None, *, partial: bool, faces: Wish) -> Path:
    """Write the page about these run folders to `out`, or beside their tables; returns its path.

    One run's page lies in its results/, that of several where their common table lies. Equal runs give equal bytes. Raises
    CheckFailed when folds are missing, unless `partial`, and UserError for one experiment and profile twice.
    """
    runs = [load(folder, partial=partial) for folder in folders]
    results = disambiguate([run.result for run in runs])
    require_unique(results)
    runs = [replace(run, result=result) for run, result in zip(runs, results)]
    sets = FaceSets()
    pairs = [one_run(run, label_of(run.result, results), sets, wish=faces) for run in runs]
    data = {"runs": [pair[1] for pair in pairs], "faces": sets.pictures, "mime": {"face": FACE_MIME, "map": embedded.MAP_MIME}}
    page = (
        _world()
        .get_template("page.html.jinja")
        .render(
            title=_title(results),
            numbers=numbers_of(results),
            runs=[pair[0] for pair in pairs],
            data=Markup(json_block(data)),
            style=Markup(_joined("style", STYLES, "css")),
            script=Markup(_joined("script", SCRIPTS, "js")),
        )
    )
    return write_text(out or place_of(folders, results) / NAME, page)


def _world() -> Environment:
    world = Environment(
        loader=PackageLoader("agerepro.report.page"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    world.filters |= {"sections": sections, "on_phones": on_phones, "svg": Markup}
    return world


def _joined(folder: str, names: Sequence[str], ending: str) -> str:
    root = files("agerepro.report.page") / folder
    return "\n".join((root / f"{name}.{ending}").read_text(encoding="utf-8") for name in names)


def _title(results: Sequence[RunResult]) -> str:
    *others, last = dict.fromkeys(run.experiment for run in results)
    return f"{', '.join(others)} and {last}" if others else last
