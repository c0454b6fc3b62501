"""What the page says of each run alone: its data block, faces, maps, curves, leakage check and origin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agerepro.datasets import catalog
from agerepro.evaluation.photo_errors import photo_errors
from agerepro.inputs.crops_of_run import CropsOfRun, crops_of_run
from agerepro.report.html.curves import training_curves
from agerepro.report.html.data import run_data
from agerepro.report.html.faces import thumbnails
from agerepro.report.html.histories import histories
from agerepro.report.html.leakage import LeakageCheck, check_leakage
from agerepro.report.html.licence import FacesDecision, Wish, decide
from agerepro.report.html.loaded import Loaded
from agerepro.report.html.maps import Maps, read_maps
from agerepro.report.html.origin import funnel_page, provenance_page
from agerepro.report.html.posteriors import beliefs
from agerepro.report.html.regions import regions_page
from agerepro.report.html.svg import Drawn
from agerepro.report.page import Page

MOST_FACES = 6000  # of one run, about 18 MB; of a larger one those with the least and the largest errors are shown


@dataclass(frozen=True)
class OneRun:
    """One run for the template."""

    label: str
    loaded: Loaded
    faces: FacesDecision
    maps: Maps | None
    regions: Page | None
    curves: tuple[Drawn, ...]
    leakage: LeakageCheck
    funnel: Page
    provenance: Page


class FaceSets:
    """The pictures in the page: one set a face store, shared by all runs on it."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, str]] = []
        self._places: dict[Path, int] = {}

    def place(self, crops: CropsOfRun, photos: list[str]) -> int:
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
    crops = crops_of_run(run.run.folder, run.dataset, run.experiment.faces) if decision.shown else None
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
    return shown, run_data(run, label, beliefs=beliefs(run), maps=maps, faces=place)


def _shown(run: Loaded) -> list[str]:
    frame = run.first_seed_predictions
    if len(frame) <= MOST_FACES:
        return list(frame["photo"])
    rising = frame.assign(error=photo_errors(frame)).sort_values("error", kind="stable")["photo"]
    return sorted({*rising.iloc[: MOST_FACES // 2], *rising.iloc[-MOST_FACES // 2 :]})
