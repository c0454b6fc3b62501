"""Photos divided into train, validation and test: by people, by images, or as the authors did; age groups."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agerepro.config.divisions import (
    FixedTestSubjects,
    ImageKFold,
    LeaveOneSubjectOut,
    OfficialLists,
    OfficialSplit,
    PredefinedFolds,
    Protocol,
    RandomParts,
    RandomSplit,
    Split,
    SubjectKFold,
    validation_share,
)
from agerepro.config.learning import AgeGroups
from agerepro.datasets.csv import part_of
from agerepro.errors import UserError, suggest
from agerepro.rng import rng_for
from agerepro.tables import FOLDS

TRAIN, VALIDATION, TEST = "train", "validation", "test"
NAMES = (TRAIN, VALIDATION, TEST)  # by the number of a part
RANGE = re.compile(r"(\d+)-(\d+)")

Rows = NDArray[np.bool_]  # (n,) of a photos table: which of its rows
Numbers = NDArray[np.intp]


def make_folds(photos: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """FOLDS table: every photo once a fold, whatever the order of `photos` (`photo`, `subject`, and `split` where the authors divided).

    Fold k of leave-one-person-out tests the k-th person in sorted order, the authors' folds follow the sorted order of their names.
    Validation people (or images) are drawn anew in each fold from those not tested; who is tested never chooses anything.
    koenig2019 does not describe a validation part.
    Raises UserError for a photo without subject where people are to be kept apart, for too few people or photos, for an authors' fold
    or list that is missing, for a person in two of the authors' folds, and for a person to be tested whom nobody is called.
    """
    if keeps_people_apart(protocol) and not isinstance(protocol, PredefinedFolds):
        _check_subjects(photos)
    parts = list(_parts(photos, protocol))
    # Leave-one-person-out of AgeDB is 9 million rows: texts are taken by number, none is made twice.
    fold = np.repeat(np.arange(len(parts)), len(photos))
    photo = photos["photo"].astype(str).array.take(np.tile(np.arange(len(photos)), len(parts)))
    part = pd.Series(NAMES).astype(str).array.take(np.concatenate(parts))
    return pd.DataFrame({"fold": fold, "photo": photo, "part": part})[list(FOLDS.columns)]


def keeps_people_apart(protocol: Protocol) -> bool:
    """Whether the protocol promises that nobody is in two parts of a fold, as far as people are known."""
    if isinstance(protocol, RandomParts):
        return protocol.unit == "subjects"
    if isinstance(protocol, PredefinedFolds):
        return not protocol.subjects_may_repeat
    return isinstance(protocol, (LeaveOneSubjectOut, SubjectKFold, FixedTestSubjects))


def people_of(photos: pd.DataFrame) -> pd.Series:
    """Whom each photo shows, (n,) text; a photo of nobody known counts as a person of its own, so intervals may come out too narrow."""
    return photos["subject"].where(photos["subject"] != "", "photo " + photos["photo"])


def identities_of(photos: pd.DataFrame) -> pd.Series:
    """Who is to be told from the others in each photo, (n,) text; UserError for a photo of nobody known."""
    nameless = photos.loc[photos["subject"] == "", "photo"]
    if len(nameless):
        raise UserError(
            f"{len(nameless)} photos have no subject (first: {nameless.iloc[0]}), so nobody can learn who is on them. Give them one, leave "
            "them out, or take another target than identity."
        )
    return photos["subject"]


def divide(photos: pd.DataFrame, split: Split | None, *, rng_key: Sequence[str | int]) -> tuple[set[str], set[str]]:
    """Keys of the training and of the validation photos of a stage; the latter is empty without a split. `rng_key` names the draw.

    Photos of the authors' test list, and those of a part that is left out, are in neither. UserError where there are too few.
    """
    if isinstance(split, OfficialSplit):
        return _official_division(photos, split, rng_key=rng_key)
    everything = set(photos["photo"])
    if split is None or split.fraction == 0:
        return everything, set()
    if isinstance(split, RandomSplit):
        validation = sample_fraction(photos["photo"], split.fraction, rng_key=rng_key)
    else:
        subjects = people_of(photos)
        people = sample_fraction(subjects, split.fraction, rng_key=rng_key)
        validation = set(photos.loc[subjects.isin(people), "photo"])
    return everything - validation, validation


def part_of_training(photos: pd.DataFrame, number: int, parts: int) -> set[str]:
    """Keys of one of the random parts of the authors' training images, numbered from 0; each image is in one of them."""
    names = np.sort(photos.loc[_official_lists(photos) == TRAIN, "photo"].to_numpy(object))
    order = rng_for("parts of the training images", parts).permutation(len(names))
    return set(names[order[number::parts]])


def sample_fraction(names: pd.Series, share: float, *, rng_key: Sequence[str | int]) -> set[str]:
    """A random `share` of the distinct names, at least one and never all, whatever their order and number of repeats.

    UserError for fewer than two names.
    """
    distinct = np.unique(names.to_numpy(object))
    return set(distinct[_sample(len(distinct), share, rng_key)])


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


def describe_protocol(protocol: Protocol | None, *, overlap: str = "") -> str:
    """How the target was divided, and how many choose the learning rate in a fold, for captions; otherwise as `describe_tests`."""
    words, share, of = describe_tests(protocol, overlap=overlap), validation_share(protocol), "of the others validate"
    if isinstance(protocol, OfficialLists):
        of = "of the training images validate where no list does"
    elif isinstance(protocol, RandomParts):
        of = "validate"
    return words + (f", {share:.0%} {of}" if share else "")


def describe_tests(protocol: Protocol | None, *, overlap: str = "") -> str:
    """How the target was divided into what is tested together, whoever validates. ValueError without a protocol.

    overlap: what `leakage.describe_overlap` says of the folds; where it says something, the authors' folds keep nobody apart.
    """
    if isinstance(protocol, LeaveOneSubjectOut):
        return "leave-one-person-out"
    if isinstance(protocol, SubjectKFold):
        return f"{protocol.folds}-fold, people apart"
    if isinstance(protocol, ImageKFold):
        return f"{protocol.folds}-fold by image"
    if isinstance(protocol, PredefinedFolds):
        return "the authors' folds" + (", people apart" if keeps_people_apart(protocol) and not overlap else "")
    if isinstance(protocol, OfficialLists):
        return "the authors' lists of training and test images"
    if isinstance(protocol, RandomParts):
        unit = "images" if protocol.unit == "images" else "people"
        draws = f", {protocol.repeats} draws" if protocol.repeats > 1 else ""
        return f"a random {protocol.test:.0%} of the {unit} tested{draws}"
    if isinstance(protocol, FixedTestSubjects):
        return f"people {', '.join(protocol.subjects)} tested together"
    raise ValueError(f"No words for {protocol}.")


def _parts(photos: pd.DataFrame, protocol: Protocol) -> Iterator[Numbers]:
    """The part of each photo, (n,) places in NAMES, fold by fold."""
    seed = protocol.seed
    if isinstance(protocol, RandomParts):
        units = photos["photo" if protocol.unit == "images" else "subject"]
        for repeat in range(protocol.repeats):
            yield _random_parts(units, protocol, rng_key=("random parts", seed, repeat))
    elif isinstance(protocol, OfficialLists):
        lists = _official_lists(photos)
        tested, validation = lists == TEST, lists == VALIDATION
        if not validation.any():
            validation = _held_out(_numbered(photos["photo"]), ~tested, protocol.validation_images, ("validation images", seed, 0))
        yield _numbers(tested, validation)
    elif isinstance(protocol, ImageKFold):
        image = _numbered(photos["photo"])
        for fold, tested in enumerate(_image_folds(image, protocol)):
            yield _numbers(tested, _held_out(image, ~tested, protocol.validation_images, ("validation images", seed, fold)))
    else:
        person = _numbered(people := people_of(photos))
        for fold, tested in enumerate(_tested_photos(photos, people, protocol)):
            yield _numbers(tested, _held_out(person, ~tested, protocol.validation_subjects, ("validation people", seed, fold)))


def _official_division(photos: pd.DataFrame, split: OfficialSplit, *, rng_key: Sequence[str | int]) -> tuple[set[str], set[str]]:
    lists = _official_lists(photos)
    training, validation = (set(photos.loc[lists == part, "photo"]) for part in (TRAIN, VALIDATION))
    if not validation and split.fraction:
        validation = sample_fraction(pd.Series(sorted(training)), split.fraction, rng_key=rng_key)
    left_out = part_of_training(photos, *split.without_part) if split.without_part else set()
    return training - validation - left_out, validation - left_out


def _numbered(names: pd.Series) -> Numbers:
    """The place of each name among the distinct ones in sorted order, (n,)."""
    return np.unique(names.to_numpy(object), return_inverse=True)[1]


def _numbers(tested: Rows, validation: Rows) -> Numbers:
    return np.where(tested, NAMES.index(TEST), np.where(validation, NAMES.index(VALIDATION), NAMES.index(TRAIN)))


def _held_out(units: Numbers, untested: Rows, share: float, rng_key: Sequence[str | int]) -> Rows:
    """The photos of a random `share` of the units (people, images) of the untested photos."""
    if not share:
        return np.zeros(len(units), bool)
    distinct = np.unique(units[untested])
    return untested & np.isin(units, distinct[_sample(len(distinct), share, rng_key)])


def _sample(count: int, share: float, rng_key: Sequence[str | int]) -> Numbers:
    """Places of a random `share` of `count` names in sorted order, at least one and never all."""
    if count < 2:
        raise UserError(f"Cannot hold out {share:.0%} of {count} name(s): at least two are needed.")
    return rng_for("hold-out", *rng_key).permutation(count)[: min(max(1, round(share * count)), count - 1)]


def _random_parts(units: pd.Series, protocol: RandomParts, *, rng_key: Sequence[str | int]) -> Numbers:
    unit = _numbered(units)
    count = len(np.unique(unit))
    tested, validated = (max(1, round(share * count)) if share else 0 for share in (protocol.test, protocol.validation))
    if tested + validated >= count:
        raise UserError(
            f"{count} {protocol.unit} cannot be divided: {tested} would test and {validated} validate, and none is left to train on."
        )
    part = np.full(count, NAMES.index(TRAIN))
    order = rng_for(*rng_key).permutation(count)
    part[order[:tested]] = NAMES.index(TEST)
    part[order[tested : tested + validated]] = NAMES.index(VALIDATION)
    return part[unit]


def _image_folds(image: Numbers, protocol: ImageKFold) -> Iterator[Rows]:
    if len(image) < protocol.folds:
        raise UserError(f"{protocol.folds} folds need at least {protocol.folds} photos; the data set has {len(image)}.")
    fold = np.empty(len(image), int)
    fold[rng_for("image k-fold", protocol.seed, protocol.folds).permutation(len(image))] = np.arange(len(image)) % protocol.folds
    for number in range(protocol.folds):
        yield fold[image] == number


def _official_lists(photos: pd.DataFrame) -> np.ndarray:
    """The authors' part of each photo, (n,) text."""
    lists = photos["split"].map(part_of)
    wrong = photos.loc[~lists.isin([TRAIN, VALIDATION, TEST])]
    if len(wrong):
        first = wrong.iloc[0]
        raise UserError(
            f"{len(wrong)} photos are in none of the authors' lists (first: {first['photo']}, whose split is {first['split']!r}). "
            f"`official` needs {TRAIN}, {VALIDATION} or {TEST} for each photo: give it, leave the photo out, or take `predefined_folds`."
        )
    for part in (TRAIN, TEST):
        if not (lists == part).any():
            raise UserError(f"No photo is in the authors' {part} list, so `official` cannot be followed. Take another protocol.")
    return lists.to_numpy(object)


def _tested_photos(
    photos: pd.DataFrame, people: pd.Series, protocol: LeaveOneSubjectOut | SubjectKFold | PredefinedFolds | FixedTestSubjects
) -> Iterator[Rows]:
    if isinstance(protocol, PredefinedFolds):
        for name in _authors_folds(photos, protocol):
            yield (photos["split"] == name).to_numpy()
        return
    for tested in _tested_people(sorted(set(people)), protocol):
        yield people.isin(tested).to_numpy()


def _tested_people(people: list[str], protocol: LeaveOneSubjectOut | SubjectKFold | FixedTestSubjects) -> Iterator[set[str]]:
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


def _authors_folds(photos: pd.DataFrame, protocol: PredefinedFolds) -> list[str]:
    unlisted = photos.loc[photos["split"] == "", "photo"]
    if len(unlisted):
        raise UserError(
            f"{len(unlisted)} photos are in none of the authors' folds (first: {unlisted.iloc[0]}); this data set may have none."
        )
    names = sorted(set(photos["split"]))
    if len(names) < 2:
        raise UserError(
            "All photos are in one of the authors' folds; nobody is left to train on. Check that every fold's photos are there."
        )
    folds = photos[photos["subject"] != ""].groupby("subject")["split"].nunique()
    repeated = folds[folds > 1]
    if len(repeated) and not protocol.subjects_may_repeat:
        raise UserError(
            f"{len(repeated)} people are in two of the authors' folds (first: {repeated.index[0]}); they cannot be kept apart. Where the "
            "authors mean it so, write `predefined_folds: {subjects_may_repeat: true}`."
        )
    if unknown := sorted(set(protocol.only) - set(names)):
        raise UserError(f"The authors have no fold {unknown[0]!r}; theirs are {', '.join(names)}.")
    return sorted(set(protocol.only)) or names


def _check_subjects(photos: pd.DataFrame) -> None:
    nameless = photos.loc[photos["subject"] == "", "photo"]
    if len(nameless):
        raise UserError(
            f"{len(nameless)} photos have no subject (first: {nameless.iloc[0]}); people cannot be kept apart. Where people are unknown, "
            "divide the images: `protocol: {image_kfold: 5}`."
        )


def _holder(own: str, labels: tuple[str, ...], ranges: list[tuple[int, int]]) -> str:
    if not own:
        return ""
    first, last = years(own)
    return next((label for label, (low, high) in zip(labels, ranges) if low <= first and last <= high), "")
