"""One self-contained HTML page about one or several runs: no network, nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from agerepro.files import write_text
from agerepro.report.html import maps
from agerepro.report.html.data import json_block
from agerepro.report.html.faces import MIME
from agerepro.report.html.licence import Wish
from agerepro.report.html.loaded import load
from agerepro.report.html.numbers import numbers_of
from agerepro.report.html.one_run import FaceSets, one_run
from agerepro.report.html.printed import on_phones, sections
from agerepro.report.load import place_of
from agerepro.report.run_result import RunResult, label_of
from agerepro.report.told_apart import refuse_one_name, told_apart

NAME = "report.html"
STYLES = ("page", "tables", "charts", "explorer", "print")
SCRIPTS = ("make", "theme", "data", "distribution", "faces", "folds", "explorer", "scatter", "gallery", "start")


def write_page(folders: Sequence[Path], out: Path | None, *, partial: bool, faces: Wish) -> Path:
    """Write the page about these run folders to `out`, or beside their tables; returns its path.

    One run's page lies in its results/, that of several where their common table lies. Equal runs give equal bytes. Raises
    FoundWanting when folds are missing, unless `partial`, and UserError for one experiment and profile twice.
    """
    runs = [load(folder, partial=partial) for folder in folders]
    results = told_apart([run.result for run in runs])
    refuse_one_name(results)
    runs = [replace(run, result=result) for run, result in zip(runs, results)]
    sets = FaceSets()
    pairs = [one_run(run, label_of(run.result, results), sets, wish=faces) for run in runs]
    data = {"runs": [pair[1] for pair in pairs], "faces": sets.pictures, "mime": {"face": MIME, "map": maps.MIME}}
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
        loader=PackageLoader("agerepro.report.html"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    world.filters |= {"sections": sections, "on_phones": on_phones, "svg": Markup}
    return world


def _joined(folder: str, names: Sequence[str], ending: str) -> str:
    root = files("agerepro.report.html") / folder
    return "\n".join((root / f"{name}.{ending}").read_text(encoding="utf-8") for name in names)


def _title(results: Sequence[RunResult]) -> str:
    *others, last = dict.fromkeys(run.experiment for run in results)
    return f"{', '.join(others)} and {last}" if others else last
