"""What the page shows of one run: settings, splits, histories, provenance, and whether faces may be shown."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Literal

from agerepro.datasets.catalog import Card
from agerepro.report.figures.training_curves import StageHistory
from agerepro.report.loading import LoadedRun
from agerepro.report.run_figures import fold_histories, shared_histories
from agerepro.report.tables import PrintedTable
from agerepro.splits.leakage import find_leakage
from agerepro.splits.protocols import TEST, VALIDATION, keeps_people_apart

# What the page calls an entry of provenance.json, and its key.
_CODE = (("agerepro", "agerepro"), ("code revision", "code"), ("Python", "python"))
_MACHINE = (("platform", "platform"), ("processors", "cpus"))

FacesChoice = Literal["as licensed", "in", "out"]


@dataclass(frozen=True)
class FacesDecision:
    """Whether faces are shown, and why, for the reader of the page."""

    shown: bool
    why: str


def choice_of(flag: bool | None) -> FacesChoice:
    """What --faces, --no-faces or neither of them asks for."""
    return "as licensed" if flag is None else "in" if flag else "out"


def decide_faces(card: Card, *, drawn: bool, choice: FacesChoice) -> FacesDecision:
    """Drawn faces and those of sets in the public domain are shown, those of licensed sets only where the user asks for them."""
    free = drawn or card.faces_may_be_shown
    kind = "The faces are drawn" if drawn else f"The photos of {card.title} are in the public domain"
    if choice == "out":
        return FacesDecision(False, "The faces are left out of this page because it was made with --no-faces.")
    if free:
        return FacesDecision(True, f"{kind}, so they are shown.")
    licence = f"The licence of {card.title} says: {card.licence.rstrip('.')}."
    if choice == "in":
        return FacesDecision(True, f"{licence} The faces are shown because this page was made with --faces: do not pass it on.")
    return FacesDecision(
        False, f"{licence} So the faces are left out of this page; --faces puts them in. It still names photos and people."
    )


@dataclass(frozen=True)
class LeakageCheck:
    """What was looked at, and the leaks: none is the good answer. overlap: what the folds do to people where none is promised apart."""

    looked_at: str
    leaks: tuple[str, ...]
    overlap: str


def check_leakage(run: LoadedRun) -> LeakageCheck:
    """Every photo in two parts of a fold and, where the protocol keeps people apart, every person tested and also seen, or both
    training and validating; where it does not, how many people are on both sides."""
    protocol = run.experiment.stages[-1].protocol
    assert protocol is not None  # as read_experiment checks
    leaks = find_leakage(run.folds, run.photos, protocol)
    folds, parts = run.folds["fold"].nunique(), run.folds["part"]
    also = ", whether a person both trains and validates" if (parts == VALIDATION).any() else ""
    people_looked_at = f"whether a person is tested and also seen in training{also}, and " if keeps_people_apart(protocol) else ""
    tested = run.folds.loc[parts == TEST, "photo"]
    people = len(set(run.photos["subject"]) - {""})
    looked_at = (
        f"Looked at, in all {folds:,} folds with {len(run.folds):,} rows of folds.csv and {people:,} people: {people_looked_at}whether "
        f"a photo is in two parts of a fold. {tested.nunique():,} photos are tested, {int(tested.duplicated().sum()):,} of them more "
        "than once."
    )
    named = tuple(f"Fold {leak.fold}: {leak.what} {', '.join(leak.names)}" for leak in leaks)
    return LeakageCheck(looked_at, named, run.result.people)


def first_seed_histories(run: LoadedRun) -> list[StageHistory]:
    """The stages of the first seed in the order of training, named with what was trained: shared ones first, the folds last."""
    shared = [StageHistory(f"{stage.stage}, shared", stage.histories) for stage in shared_histories(run, seeds=(run.first_seed,))]
    folds = fold_histories(run, run.first_seed_predictions)
    return shared + [StageHistory(f"{stage.stage}, {len(stage.histories)} folds", stage.histories) for stage in folds]


def funnel_page(run: LoadedRun) -> PrintedTable:
    """What was read, cleaned, skipped and aligned, one row a step of every data set; what a partial copy has stands first."""
    rows: list[tuple[str, ...]] = []
    for name, about in run.provenance["data"].items():
        drawn = name in run.provenance["synthetic"]
        steps = [("partial copy", about["shortfall"])] if about.get("shortfall") and not drawn else []
        steps += [*_cleaning(about), *_alignment(about)]
        if "shared_people_dropped" in about:
            steps.append(("people shared with the target, dropped", f"{about['shared_people_dropped']:,}"))
        steps.append(("used", f"{about['photos']:,}"))
        rows += [((name + (" (drawn)" if drawn else "")) if not place else "", *step) for place, step in enumerate(steps)]
    return PrintedTable("Data funnel", "", ("Data set", "Step", "Photos"), (2,), tuple(rows))


def provenance_page(run: LoadedRun) -> PrintedTable:
    """Everything of provenance.json but the funnel."""
    about = run.provenance
    parts = {
        "Command": [("as started", shlex.join(about.get("command", [])))],
        "Code": [(name, about.get(key) or "unknown") for name, key in _CODE],
        "Packages": sorted(about.get("packages", {}).items()),
        "Machine": [*((name, about.get(key) or "unknown") for name, key in _MACHINE), *sorted(about.get("device", {}).items())],
        "Data": [(f"{name}, digest of labels and pixels", entry["digest"]) for name, entry in sorted(about["data"].items())],
        "Starts from": [(f"seed {seed}", start) for seed, start in sorted(about["starts"].items())],
        "Changed": [("setting", setting) for setting in about["changed"]],
    }
    rows = [(part if not place else "", name, _text(value)) for part, lines in parts.items() for place, (name, value) in enumerate(lines)]
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
