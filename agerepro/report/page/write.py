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
from agerepro.errors import UserError
from agerepro.evaluation.predictions import photo_errors
from agerepro.io import finished_by, write_manifest, write_text
from agerepro.report.loading import LoadedRun
from agerepro.report.page import embedded
from agerepro.report.page.charts import training_curves
from agerepro.report.page.contents import (
    FacesChoice,
    FacesDecision,
    LeakageCheck,
    check_leakage,
    decide_faces,
    first_seed_histories,
    funnel_page,
    provenance_page,
)
from agerepro.report.page.embedded import Maps, json_block, read_maps, read_posteriors, run_data, thumbnails
from agerepro.report.page.numbers import numbers_of, on_phones, regions_page, sections
from agerepro.report.page.svg import Chart
from agerepro.report.run_files import reading
from agerepro.report.run_result import RunResult, disambiguate, label_of, require_unique
from agerepro.report.tables import PrintedTable
from agerepro.report.write import MADE_FROM, PAGE, results_folder
from agerepro.runs.data import RunCrops, find_run_crops
from agerepro.runs.layout import inputs_digest

MOST_FACES = 6000  # of one run, about 18 MB; of a larger one those with the least and the largest errors are shown
STYLES = ("page", "tables", "charts", "explorer", "print")
SCRIPTS = ("make", "theme", "data", "distribution", "faces", "folds", "explorer", "scatter", "gallery", "start")


@dataclass(frozen=True)
class RunPart:
    """What the page's template shows of one run; `settings` is its experiment.yaml as it stands."""

    label: str
    loaded: LoadedRun
    settings: str
    faces: FacesDecision
    maps: Maps | None
    regions: PrintedTable | None
    curves: tuple[Chart, ...]
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
        place = self._places.setdefault(crops.place, len(self.pictures))
        if place == len(self.pictures):
            self.pictures.append({})
        lacking = [photo for photo in photos if photo not in self.pictures[place]]
        self.pictures[place] |= thumbnails(crops, lacking) if lacking else {}
        return place


def write_page(runs: Sequence[LoadedRun], out: Path | None, *, faces: FacesChoice) -> Path:
    """Write the page about these runs to `out`, or beside their tables; returns its path.

    One run's page lies in its results/, that of several where their common table lies. Equal runs give equal bytes. Raises
    UserError for one experiment and profile twice, for a damaged file, and where the page cannot be written.
    """
    results = disambiguate([run.result for run in runs])
    require_unique(results)
    page = _render([replace(run, result=result) for run, result in zip(runs, results)], faces)
    path = out or results_folder(runs) / PAGE
    sealed_as = (
        finished_by(path.parent) if out is None else None
    )  # the results that the step `collect` wrote; a new page in them does not undo it
    try:
        written = write_text(path, page)
        if sealed_as is not None:
            write_manifest(path.parent, made_by=sealed_as)
        return written
    except OSError as error:
        remedy = "Name a file in a place that can be written with --out." if out is None else "Name another file with --out."
        raise UserError(f"The page cannot be written to {path}: {error.strerror or error}. {remedy}") from None


def _render(runs: Sequence[LoadedRun], faces: FacesChoice) -> str:
    results = [run.result for run in runs]
    sets = FaceSets()
    pairs = [_run_part(run, label_of(run.result, results), sets, choice=faces) for run in runs]
    data = {"runs": [data for _, data in pairs], "faces": sets.pictures, "mime": {"face": embedded.FACE_MIME, "map": embedded.MAP_MIME}}
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            title=_title(results),
            made_from=Markup(MADE_FROM.format(inputs_digest(runs[0].run, runs[0].experiment))) if len(runs) == 1 else "",
            numbers=numbers_of(results),
            runs=[part for part, _ in pairs],
            data=Markup(json_block(data)),
            style=Markup(_joined("style", STYLES, "css")),
            script=Markup(_joined("script", SCRIPTS, "js")),
        )
    )


def _run_part(run: LoadedRun, label: str, sets: FaceSets, *, choice: FacesChoice) -> tuple[RunPart, dict[str, Any]]:
    """The run for the template, and for the data block."""
    decision = decide_faces(catalog.card(run.dataset), drawn=run.synthetic, choice=choice)
    crops = find_run_crops(run.run.folder, run.dataset) if decision.shown else None
    if decision.shown and crops is None:
        decision = FacesDecision(False, f"The faces are not here: {run.dataset} has no store beside this run. Run it again to have them.")
    maps = read_maps(run.run.folder, set(run.first_seed_predictions["photo"]))
    place = sets.place(crops, _photos_shown(run)) if crops is not None else None
    settings = run.run.folder / "experiment.yaml"
    with reading(settings):
        text = settings.read_text(encoding="utf-8")
    part = RunPart(
        label,
        run,
        text,
        decision,
        maps,
        None if maps is None or maps.regions is None else regions_page(maps.regions, label),
        tuple(curves for stage in first_seed_histories(run) if (curves := training_curves(stage)) is not None),
        check_leakage(run),
        funnel_page(run),
        provenance_page(run),
    )
    return part, run_data(run, label, posteriors=read_posteriors(run), maps=maps, faces=place)


def _photos_shown(run: LoadedRun) -> list[str]:
    frame = run.first_seed_predictions
    if len(frame) <= MOST_FACES:
        return list(frame["photo"])
    rising = frame.assign(error=photo_errors(frame)).sort_values("error", kind="stable")["photo"]
    return sorted({*rising.iloc[: MOST_FACES // 2], *rising.iloc[-MOST_FACES // 2 :]})


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("agerepro.report.page"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    environment.filters |= {"sections": sections, "on_phones": on_phones, "svg": Markup}
    return environment


def _joined(folder: str, names: Sequence[str], ending: str) -> str:
    root = files("agerepro.report.page") / folder
    return "\n".join((root / f"{name}.{ending}").read_text(encoding="utf-8") for name in names)


def _title(results: Sequence[RunResult]) -> str:
    *others, last = dict.fromkeys(run.experiment for run in results)
    return f"{', '.join(others)} and {last}" if others else last
