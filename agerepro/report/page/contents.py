"""What the page shows of one run: settings, splits, histories, provenance, and whether faces may be shown."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Experiment
from agerepro.datasets.catalog import Card
from agerepro.report.loading import load_result
from agerepro.report.run_result import RunResult, checked
from agerepro.report.tables import PrintedTable
from agerepro.runs.layout import Run
from agerepro.splits.leakage import find_leakage
from agerepro.splits.protocols import TEST, VALIDATION
from agerepro.tables import PHOTOS, read_table


@dataclass(frozen=True)
class Loaded:
    """One run: its checked result, and what its folder says of photos [PHOTOS], folds [FOLDS], settings and provenance."""

    run: Run
    experiment: Experiment
    result: RunResult
    photos: pd.DataFrame
    folds: pd.DataFrame
    provenance: dict[str, Any]
    settings: str  # experiment.yaml as it stands

    @property
    def runs(self) -> Path:
        """The folder of all runs, beside which faces and shared stages lie."""
        return self.run.folder.parents[2]

    @property
    def dataset(self) -> str:
        """The data set that is tested."""
        return self.experiment.stages[-1].data

    @property
    def first_seed(self) -> int:
        """The seed whose photos are shown one by one."""
        return self.experiment.seeds[0]

    @property
    def first_seed_predictions(self) -> pd.DataFrame:
        """PREDICTIONS of the first seed, in the order of fold and photo."""
        frame = self.result.predictions
        return frame.loc[frame["seed"] == self.first_seed].sort_values(["fold", "photo"], ignore_index=True)


def load(folder: Path, *, partial: bool) -> Loaded:
    """Read one run back. CheckFailed when folds are missing, unless `partial`."""
    folder = folder.resolve()
    run = Run(folder)
    return Loaded(
        run,
        read_experiment(folder / "experiment.yaml"),
        checked(load_result(folder, partial=partial)),
        read_table(folder / "photos.csv", PHOTOS),
        run.folds(),
        json.loads((folder / "provenance.json").read_text(encoding="utf-8")),
        (folder / "experiment.yaml").read_text(encoding="utf-8"),
    )


Wish = Literal["as licensed", "in", "out"]


@dataclass(frozen=True)
class FacesDecision:
    """Whether faces are shown, and why, for the reader of the page."""

    shown: bool
    why: str


def decide(card: Card, *, drawn: bool, wish: Wish) -> FacesDecision:
    """Drawn faces and those of sets in the public domain are shown, those of licensed sets only where the user asks for them."""
    free = drawn or card.faces_may_be_shown
    kind = "The faces are drawn" if drawn else f"The photos of {card.title} are in the public domain"
    if wish == "out":
        return FacesDecision(False, "The faces are left out of this page because it was made with --no-faces.")
    if free:
        return FacesDecision(True, f"{kind}, so they are shown.")
    licence = f"The licence of {card.title} says: {card.licence.rstrip('.')}."
    if wish == "in":
        return FacesDecision(True, f"{licence} The faces are shown because this page was made with --faces: do not pass it on.")
    return FacesDecision(False, f"{licence} So the faces are left out of this page, which may then be shared; --faces puts them in.")


@dataclass(frozen=True)
class LeakageCheck:
    """What was looked at, and what was found: an empty list is the good answer."""

    looked_at: str
    found: tuple[str, ...]


def check_leakage(run: Loaded) -> LeakageCheck:
    """Every person tested and also seen, every photo in two parts, every person in training and validation, fold by fold."""
    found = find_leakage(run.folds, run.photos, validation_people_apart=True)
    folds, parts = run.folds["fold"].nunique(), run.folds["part"]
    also = ", whether a person both trains and validates" if (parts == VALIDATION).any() else ""
    tested = run.folds.loc[parts == TEST, "photo"]
    people = run.photos["subject"].nunique()
    looked = (
        f"Looked at, in all {folds:,} folds with {len(run.folds):,} rows of folds.csv and {people:,} people: whether a person is tested "
        f"and also seen in training{also}, and whether a photo is in two parts of a fold. {tested.nunique():,} photos are tested, "
        f"{int(tested.duplicated().sum()):,} of them more than once."
    )
    return LeakageCheck(looked, tuple(f"Fold {leak.fold}: {leak.what} {', '.join(leak.names)}" for leak in found))


@dataclass(frozen=True)
class History:
    """One stage: rows `epoch`, `loss`, `validation_loss` (NaN without validation) of each of its trainings."""

    stage: str
    trainings: tuple[pd.DataFrame, ...]


def histories(run: Loaded) -> list[History]:
    """Stages in the order of training, the folds last; a shared stage that is no longer on disk is left out."""
    shared = _shared(run)
    last, first = run.experiment.stages[-1], run.first_seed
    if not last.epochs:  # what is tested as it started leaves an empty file
        return shared
    done = [run.run.fold_folder(first, int(fold), first_seed=first) for fold in sorted(set(run.result.predictions["fold"]))]
    return [*shared, History(f"{last.name}, {len(done)} folds", tuple(pd.read_csv(folder / "history.csv") for folder in done))]


def _shared(run: Loaded) -> list[History]:
    """From the artefact that the folds start from, back to the first."""
    found: list[History] = []
    digest = str(run.provenance["starts"].get(str(run.first_seed), ""))
    while True:
        folders = [folder for folder in sorted((run.runs / "stages").glob("*")) if folder.name.endswith(f"-{digest}")] if digest else []
        if not folders:
            return found[::-1]
        settings = json.loads((folders[0] / "settings.json").read_text(encoding="utf-8"))
        found.append(History(f"{settings['stage']['name']}, shared", (pd.read_csv(folders[0] / "history.csv"),)))
        digest = str(settings["start"])


def funnel_page(run: Loaded) -> PrintedTable:
    """What was read, cleaned, skipped and aligned, one row a step of every data set."""
    rows: list[tuple[str, ...]] = []
    for name, about in run.provenance["data"].items():
        drawn = " (drawn)" if name in run.provenance["synthetic"] else ""
        steps = [*_cleaning(about), *_alignment(about)]
        steps += (
            [("people shared with the target, dropped", f"{about['shared_people_dropped']:,}")] if "shared_people_dropped" in about else []
        )
        steps.append(("used", f"{about['photos']:,}"))
        rows += [(f"{name}{drawn}" if not place else "", *step) for place, step in enumerate(steps)]
    return PrintedTable("Data funnel", "", ("Data set", "Step", "Photos"), (2,), tuple(rows))


def provenance_page(run: Loaded) -> PrintedTable:
    """Everything of provenance.json but the funnel."""
    about = run.provenance
    code = [("agerepro", about["agerepro"]), ("code revision", about["code"] or "unknown"), ("Python", about["python"])]
    machine = [("platform", about["platform"]), ("processors", about["cpus"])]
    parts = {
        "Command": [("as started", shlex.join(about["command"]))],
        "Code": code,
        "Packages": sorted(about["packages"].items()),
        "Machine": [*machine, *sorted(about["device"].items())],
        "Data": [(f"{name}, digest of labels and pixels", one["digest"]) for name, one in sorted(about["data"].items())],
        "Starts from": [(f"seed {seed}", start) for seed, start in sorted(about["starts"].items())],
        "Changed": [("setting", setting) for setting in about["changed"]],
    }
    rows = [(part if not place else "", name, _text(value)) for part, all_ in parts.items() for place, (name, value) in enumerate(all_)]
    return PrintedTable("Provenance", "", ("Part", "What", "Value"), (), tuple(rows))


def _cleaning(about: dict[str, Any]) -> list[tuple[str, str]]:
    steps = [(step["step"], f"{step['kept']:,} kept, {step['removed']:,} removed") for step in about.get("read", [])]
    skipped = about.get("skipped", [])
    return [*steps, *([("skipped while reading", f"{len(skipped):,}")] if skipped else [])]


def _alignment(about: dict[str, Any]) -> list[tuple[str, str]]:
    """The two totals first, then what became of the photos."""
    counts = about.get("faces", {})
    totals = [name for name in ("photos", "crops") if name in counts]
    return [(name, f"{counts[name]:,}") for name in (*totals, *sorted(set(counts) - set(totals)))]


def _text(value: Any) -> str:
    return str(value) if str(value) else "none"
