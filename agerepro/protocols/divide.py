"""A protocol's settings and a photos table -> the folds table, written before any fold trains."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from agerepro.draws import generator
from agerepro.errors import UserError, near
from agerepro.experiment.schema import LeaveOnePersonOut, NamedPeople, OfficialFolds, Protocol
from agerepro.protocols.holdout import chosen
from agerepro.tables import FOLDS, conform

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def divide(photos: pd.DataFrame, protocol: Protocol, *, seed: int) -> pd.DataFrame:
    """FOLDS table: every photo once a fold. People, not photos, are divided, so nobody is on two sides of a fold.

    Fold k of leave-one-person-out tests the k-th person in sorted order. Validation people are drawn anew in each fold
    from those not tested; the held-out person never chooses anything. koenig2019 does not describe a validation part.
    The authors' folds are tested in the sorted order of their names.
    Raises UserError when a photo has no subject, there are fewer people than folds, a person is in two of the authors' folds, all
    photos are in one of them, the authors have no fold of a name, or nobody is called as a person to be tested is.
    """
    nameless = photos.loc[photos["subject"] == "", "photo"]
    if len(nameless):
        raise UserError(f"{len(nameless)} photos have no subject (first: {nameless.iloc[0]}); people cannot be kept apart.")
    people = sorted(set(photos["subject"]))
    tested = list(_tested_people(photos, people, protocol))
    tables = []
    for fold, test in enumerate(tested):
        rest = photos.loc[~photos["subject"].isin(test), "subject"]
        share = protocol.validation_people
        validation = chosen(rest, share, purpose=("validation people", seed, fold)) if share else set()
        part = photos["subject"].map({**dict.fromkeys(people, TRAIN), **dict.fromkeys(validation, VALIDATION), **dict.fromkeys(test, TEST)})
        tables.append(pd.DataFrame({"fold": fold, "photo": photos["photo"], "part": part}))
    return conform(pd.concat(tables), FOLDS)


def _tested_people(photos: pd.DataFrame, people: list[str], protocol: Protocol) -> Iterator[set[str]]:
    if isinstance(protocol, OfficialFolds):
        yield from _official(photos, protocol.only)
        return
    if isinstance(protocol, NamedPeople):
        if unknown := sorted(set(protocol.people) - set(people)):
            raise UserError(f"Nobody in the data is called {', '.join(unknown)}.{near(unknown[0], people)}")
        if len(set(protocol.people)) == len(people):
            raise UserError("All people of the data are to be tested; nobody is left to train on.")
        yield set(protocol.people)
        return
    folds = len(people) if isinstance(protocol, LeaveOnePersonOut) else protocol.folds
    if len(people) < max(folds, 2):
        raise UserError(f"{folds} folds need at least {max(folds, 2)} people; the data set has {len(people)}.")
    if isinstance(protocol, LeaveOnePersonOut):
        yield from ({person} for person in people)
        return
    order = generator("k-fold", protocol.seed, folds).permutation(len(people))
    for fold in range(folds):
        yield {people[i] for i in order[fold::folds]}


def _official(photos: pd.DataFrame, only: tuple[str, ...]) -> Iterator[set[str]]:
    without = photos.loc[photos["split"] == "", "photo"]
    if len(without):
        raise UserError(f"{len(without)} photos are in none of the authors' folds (first: {without.iloc[0]}); this data set may have none.")
    if photos["split"].nunique() < 2:
        raise UserError(
            "All photos are in one of the authors' folds; nobody is left to train on. Check that every fold's photos are there."
        )
    folds = photos.groupby("subject")["split"].nunique()
    if len(twice := folds[folds > 1]):
        raise UserError(f"{len(twice)} people are in two of the authors' folds (first: {twice.index[0]}); they cannot be kept apart.")
    names = sorted(set(photos["split"]))
    if unknown := sorted(set(only) - set(names)):
        raise UserError(f"The authors have no fold {unknown[0]!r}; theirs are {', '.join(names)}.")
    for name in sorted(set(only)) or names:
        yield set(photos.loc[photos["split"] == name, "subject"])
