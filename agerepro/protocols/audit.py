"""Leakage: people on both sides of a fold, photos in two parts, and people shared between the sets of a cascade."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from agerepro.errors import FoundWanting
from agerepro.protocols.divide import TEST, VALIDATION


@dataclass(frozen=True)
class Leak:
    """What is on two sides of one fold: `what` is "person" or "photo"."""

    fold: int
    what: str
    names: tuple[str, ...]


def leaks(folds: pd.DataFrame, photos: pd.DataFrame, *, validation_people_apart: bool) -> list[Leak]:
    """Every leak in a FOLDS table: a person tested and also seen, a photo in two parts, and, where promised, a person
    in both training and validation. An empty list is the good answer."""
    rows = folds.merge(photos[["photo", "subject"]], on="photo", how="left", validate="many_to_one")
    found: list[Leak] = []
    for fold, part in rows.groupby("fold", sort=True):
        twice = part.loc[part["photo"].duplicated(), "photo"]
        test = set(part.loc[part["part"] == TEST, "subject"])
        validation = set(part.loc[part["part"] == VALIDATION, "subject"])
        seen = set(part.loc[part["part"] != TEST, "subject"])
        train = set(part.loc[~part["part"].isin([TEST, VALIDATION]), "subject"])
        both = (test & seen) | (validation & train if validation_people_apart else set())
        if len(twice):
            found.append(Leak(int(str(fold)), "photo", tuple(sorted(set(twice)))))
        if both:
            found.append(Leak(int(str(fold)), "person", tuple(sorted(both))))
    return found


def refuse_leaks(folds: pd.DataFrame, photos: pd.DataFrame) -> None:
    """FoundWanting, naming the first leaks, unless every fold keeps people apart and holds every photo once."""
    found = leaks(folds, photos, validation_people_apart=True)
    unknown = set(folds["photo"]) - set(photos["photo"])
    if unknown:
        raise FoundWanting(
            f"The folds name {len(unknown)} photos that the data set does not have (first: {min(unknown)}). "
            "The data changed after the folds were written: start a new run folder."
        )
    if found:
        first = "; ".join(f"fold {leak.fold}: {leak.what} {', '.join(leak.names[:3])}" for leak in found[:5])
        raise FoundWanting(f"{len(found)} leaks between training and test, nothing was trained. {first}.")
