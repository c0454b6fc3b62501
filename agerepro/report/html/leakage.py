"""The leakage check of a run's folds, made now from folds.csv and photos.csv, in words."""

from __future__ import annotations

from dataclasses import dataclass

from agerepro.protocols.audit import leaks
from agerepro.protocols.divide import TEST, VALIDATION
from agerepro.report.html.loaded import Loaded


@dataclass(frozen=True)
class LeakageCheck:
    """What was looked at, and what was found: an empty list is the good answer."""

    looked_at: str
    found: tuple[str, ...]


def check_leakage(run: Loaded) -> LeakageCheck:
    """Every person tested and also seen, every photo in two parts, every person in training and validation, fold by fold."""
    found = leaks(run.folds, run.photos, validation_people_apart=True)
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
