"""Photos divided into train, validation and test: folds of people, the authors' folds, hold-outs; age groups."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import pandas as pd

from agerepro.config.schema import (
    AgeGroups,
    FixedTestSubjects,
    GroupSplit,
    LeaveOneSubjectOut,
    PredefinedFolds,
    Protocol,
    RandomSplit,
    SubjectKFold,
)
from agerepro.errors import UserError, suggest
from agerepro.rng import rng_for
from agerepro.tables import FOLDS, coerce

TRAIN, VALIDATION, TEST = "train", "validation", "test"
RANGE = re.compile(r"(\d+)-(\d+)")


def make_folds(photos: pd.DataFrame, protocol: Protocol, *, seed: int) -> pd.DataFrame:
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
        share = protocol.validation_subjects
        validation = sample_fraction(rest, share, rng_key=("validation people", seed, fold)) if share else set()
        part = photos["subject"].map({**dict.fromkeys(people, TRAIN), **dict.fromkeys(validation, VALIDATION), **dict.fromkeys(test, TEST)})
        tables.append(pd.DataFrame({"fold": fold, "photo": photos["photo"], "part": part}))
    return coerce(pd.concat(tables), FOLDS)


def held_out(photos: pd.DataFrame, split: RandomSplit | GroupSplit | None, *, rng_key: Sequence[str | int]) -> set[str]:
    """Keys of the validation photos; the empty set without a split. `rng_key` names the draw. UserError where too few."""
    if split is None or split.fraction == 0:
        return set()
    if isinstance(split, RandomSplit):
        return sample_fraction(photos["photo"], split.fraction, rng_key=rng_key)
    people = sample_fraction(photos["subject"], split.fraction, rng_key=rng_key)
    return set(photos.loc[photos["subject"].isin(people), "photo"])


def sample_fraction(names: pd.Series, share: float, *, rng_key: Sequence[str | int]) -> set[str]:
    """A random `share` of the distinct names, at least one and never all, whatever their order and number of repeats.

    UserError for fewer than two names.
    """
    distinct = sorted(set(names))
    if len(distinct) < 2:
        raise UserError(f"Cannot hold out {share:.0%} of {len(distinct)} name(s): at least two are needed.")
    count = min(max(1, round(share * len(distinct))), len(distinct) - 1)
    return {distinct[i] for i in rng_for("hold-out", *rng_key).permutation(len(distinct))[:count]}


def groups_of(photos: pd.DataFrame, target: AgeGroups) -> pd.Series:
    """The label of `target` that holds a photo's own group (`group`, `first-last` years), (n,) text.

    So eight groups are learnt as they are, or merged into fewer by naming wider ones. Raises UserError for a photo without a
    group or with one that no label holds, and for labels that are no ranges or overlap.
    """
    ranges = [years(label) for label in target.labels]
    for (_, last), (first, _) in itertools.pairwise(ranges):
        if first <= last:
            raise UserError(f"The groups {', '.join(target.labels)} overlap or do not rise.")
    holders = {own: _holder(own, target.labels, ranges) for own in set(photos["group"])}
    outside = photos.loc[photos["group"].map(holders) == "", "group"]
    if len(outside):
        named = ", ".join(sorted({label or "none" for label in outside})[:8])
        raise UserError(f"{len(outside)} photos are in no group of {', '.join(target.labels)}; theirs: {named}.")
    return photos["group"].map(holders)


def years(label: str) -> tuple[int, int]:
    """`25-32` -> (25, 32); UserError for anything else."""
    match = RANGE.fullmatch(label)
    if match is None or int(match[1]) > int(match[2]):
        raise UserError(f"The age group {label!r} is not of the form first-last, for instance 25-32.")
    return int(match[1]), int(match[2])


def describe_protocol(protocol: Protocol | None) -> str:
    """How the target was divided, and how many people choose the learning rate in a fold, for captions. ValueError without a protocol."""
    if isinstance(protocol, LeaveOneSubjectOut):
        words = "leave-one-person-out"
    elif isinstance(protocol, SubjectKFold):
        words = f"{protocol.folds}-fold, people apart"
    elif isinstance(protocol, PredefinedFolds):
        words = "the authors' folds, people apart"
    elif isinstance(protocol, FixedTestSubjects):
        words = f"people {', '.join(protocol.subjects)} tested together"
    else:
        raise ValueError(f"No words for {protocol}.")
    inner = f", {protocol.validation_subjects:.0%} of the others validate" if protocol.validation_subjects else ""
    return words + inner


def _tested_people(photos: pd.DataFrame, people: list[str], protocol: Protocol) -> Iterator[set[str]]:
    if isinstance(protocol, PredefinedFolds):
        yield from _predefined(photos, protocol.only)
        return
    if isinstance(protocol, FixedTestSubjects):
        if unknown := sorted(set(protocol.subjects) - set(people)):
            raise UserError(f"Nobody in the data is called {', '.join(unknown)}.{suggest(unknown[0], people)}")
        if len(set(protocol.subjects)) == len(people):
            raise UserError("All people of the data are to be tested; nobody is left to train on.")
        yield set(protocol.subjects)
        return
    folds = len(people) if isinstance(protocol, LeaveOneSubjectOut) else protocol.folds
    if len(people) < max(folds, 2):
        raise UserError(f"{folds} folds need at least {max(folds, 2)} people; the data set has {len(people)}.")
    if isinstance(protocol, LeaveOneSubjectOut):
        yield from ({person} for person in people)
        return
    order = rng_for("k-fold", protocol.seed, folds).permutation(len(people))
    for fold in range(folds):
        yield {people[i] for i in order[fold::folds]}


def _predefined(photos: pd.DataFrame, only: tuple[str, ...]) -> Iterator[set[str]]:
    unlisted = photos.loc[photos["split"] == "", "photo"]
    if len(unlisted):
        raise UserError(
            f"{len(unlisted)} photos are in none of the authors' folds (first: {unlisted.iloc[0]}); this data set may have none."
        )
    if photos["split"].nunique() < 2:
        raise UserError(
            "All photos are in one of the authors' folds; nobody is left to train on. Check that every fold's photos are there."
        )
    folds = photos.groupby("subject")["split"].nunique()
    if len(repeated := folds[folds > 1]):
        raise UserError(f"{len(repeated)} people are in two of the authors' folds (first: {repeated.index[0]}); they cannot be kept apart.")
    names = sorted(set(photos["split"]))
    if unknown := sorted(set(only) - set(names)):
        raise UserError(f"The authors have no fold {unknown[0]!r}; theirs are {', '.join(names)}.")
    for name in sorted(set(only)) or names:
        yield set(photos.loc[photos["split"] == name, "subject"])


def _holder(own: str, labels: tuple[str, ...], ranges: list[tuple[int, int]]) -> str:
    if not own:
        return ""
    first, last = years(own)
    return next((label for label, (low, high) in zip(labels, ranges) if low <= first and last <= high), "")
