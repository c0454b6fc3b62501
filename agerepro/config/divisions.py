"""How photos are divided: the validation part of a stage, and the protocols by which the last stage is tested."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from agerepro.config.fields import INTERNAL, STRICT, Fraction, Positive, Whole, as_tuple


@dataclass(frozen=True, config=STRICT)
class RandomSplit:
    """Validate on a random share of the photos; a person may be on both sides."""

    fraction: Fraction


@dataclass(frozen=True, config=STRICT)
class GroupSplit:
    """Validate on all photos of a random share of the people."""

    fraction: Fraction


@dataclass(frozen=True, config=STRICT)
class OfficialSplit:
    """Train and validate on the authors' lists for that; who is on their test list is never seen.

    fraction: share of the training images that validates where the authors have no list for it.
    without_part: (number, parts): of the training images, divided into so many random parts, the one of this number is left out too, so
    that a training can judge it as it would a new one. No file says it: `residuals: cross_fitted` leads to it.
    """

    fraction: Fraction = 0.1
    without_part: Annotated[tuple[Whole, Positive] | None, BeforeValidator(as_tuple)] = field(default=None, metadata=INTERNAL)


SPLITS = {"random": RandomSplit, "group": GroupSplit, "official": OfficialSplit}
Split = RandomSplit | GroupSplit | OfficialSplit


@dataclass(frozen=True, config=STRICT)
class LeaveOneSubjectOut:
    """One fold a person; inside a fold, `validation_subjects` of the others choose the learning rate.

    seed: from which everything that a protocol leaves to chance is drawn, here and in the protocols below; it is not the
    experiment's, so that the folds are the same for each of its seeds.
    """

    validation_subjects: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class SubjectKFold:
    """Random folds of people; inside a fold, `validation_subjects` of the others choose the learning rate."""

    folds: Annotated[int, Field(strict=True, ge=2)]
    validation_subjects: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class ImageKFold:
    """Random folds of images: a person may be on both sides; inside a fold, `validation_images` of the others choose the learning rate."""

    folds: Annotated[int, Field(strict=True, ge=2)]
    validation_images: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class PredefinedFolds:
    """The authors' own folds (the photos' `split`), each tested once, in sorted order; the rest as in LeaveOneSubjectOut.

    only: names of the folds to test, where a paper tests some of them; empty tests all.
    subjects_may_repeat: the authors mean a person to be in several of their folds; otherwise that is an error.
    A photo of nobody known counts as a person of its own.
    """

    validation_subjects: Fraction = 0.1
    only: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    subjects_may_repeat: Annotated[bool, Field(strict=True)] = False
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class OfficialLists:
    """One fold, the authors' lists of training, validation and test images (the photos' `split`), whoever is on them.

    validation_images: share of the training images that choose the learning rate where the authors have no list for it.
    """

    validation_images: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class RandomParts:
    """A random share of all images (or people) tests, another one chooses the learning rate, the rest trains; `repeats` folds, each a
    new draw."""

    test: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.2
    validation: Fraction = 0.1
    unit: Literal["images", "subjects"] = "images"
    seed: Whole = 0
    repeats: Positive = 1


@dataclass(frozen=True, config=STRICT)
class FixedTestSubjects:
    """One fold that tests these people together; the rest as in LeaveOneSubjectOut."""

    subjects: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    validation_subjects: Fraction = 0.1
    seed: Whole = 0


PROTOCOLS = {
    "leave_one_subject_out": LeaveOneSubjectOut,
    "subject_kfold": SubjectKFold,
    "image_kfold": ImageKFold,
    "predefined_folds": PredefinedFolds,
    "official": OfficialLists,
    "random": RandomParts,
    "fixed_test_subjects": FixedTestSubjects,
}
Protocol = LeaveOneSubjectOut | SubjectKFold | ImageKFold | PredefinedFolds | OfficialLists | RandomParts | FixedTestSubjects


def validation_share(division: Protocol | Split | None) -> float:
    """Share of what is not tested that is held out to choose by; of the authors' lists, where they have none for it; 0 for no division."""
    if division is None:
        return 0.0
    if isinstance(division, (RandomSplit, GroupSplit, OfficialSplit)):
        return division.fraction
    if isinstance(division, RandomParts):
        return division.validation
    return division.validation_images if isinstance(division, (ImageKFold, OfficialLists)) else division.validation_subjects


def may_validate(division: Protocol | Split | None) -> bool:
    """Whether somebody may be held out to choose by: by the authors' lists even where no share is, which only the photos can tell."""
    return isinstance(division, (OfficialSplit, OfficialLists)) or validation_share(division) > 0
