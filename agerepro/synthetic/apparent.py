"""Synthetic APPA-REAL and ChaLearn LAP 2015 and 2016 in their native layouts: people who look older or younger than they are.

The renderer draws a face as old as it *looks*; the label `real_age` says how old the person *is*. As in agustsson2017, Figure 3, the two
go together, but the young look a little older than they are and the old a little younger, and people differ, a few by twenty years:
they look that much older or younger all their lives. Votes scatter around the looks, about 38 a photo and the wider the older somebody
looks; apparent age is their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agerepro.config.schema import Synthetic
from agerepro.io import write_text
from agerepro.synthetic.person import CROP
from agerepro.synthetic.population import (
    FIRST_PERSON,
    DrawingPlan,
    GroundTruth,
    Photo,
    PhotoSubject,
    draws_for,
    photo_subject,
    spread,
    within,
)

APPAREAL = {"train": 4113, "valid": 1500, "test": 1978}  # photos of the real set, by its folders
CLAP2015 = {"Train": 2476, "Validation": 1136, "Test": 1087}
MEAN_AGE, STD = 32.0, 15.0  # years, of grown-ups
CHILDREN = 0.18  # share of the people who are under 18
YOUNGEST, OLDEST = 1, 95
LEVEL_AGE, SHIFT = 38.0, 0.14  # where people look as old as they are, and how many years less a year above it
WIDTH_OF_LOOKS, TAILS = 4.9, 4  # years and degrees of freedom of a t distribution, of grown-ups; children look their age
FARTHEST = 24.0  # years
VOTES, FEWEST_VOTES, STD_OF_NUMBER = 38, 10, 8  # a photo
STD_OF_VOTES, STD_A_YEAR = 2.2, 0.065  # years, and more of them a year of looks
WHOLE_SHARE = 0.34  # of a whole photo's side that the face takes


@dataclass(frozen=True)
class Judged:
    """A person's photo, how old they are, and how old they look to each voter, in whole years."""

    subject: PhotoSubject
    real_age: int
    votes: tuple[int, ...]

    def mean(self) -> float:
        """Of the votes."""
        return float(np.mean(self.votes))

    def deviation(self) -> float:
        """Of the votes, as a sample's."""
        return float(np.std(self.votes, ddof=1))


def plan_appareal(settings: Synthetic) -> DrawingPlan:
    """A crop of the face and a whole photo for each, and the lists of averages and of single votes."""
    splits, judged = _judged("appareal", settings, APPAREAL)
    photos = []
    for index, (split, one) in enumerate(zip(splits, judged, strict=True)):
        scene = one.subject.scene
        rng = draws_for("appareal", settings.seed, 5, index)
        whole = replace(scene, face_share=WHOLE_SHARE, shift=(float(rng.uniform(-0.12, 0.12)), float(rng.uniform(-0.15, 0.05))))
        upright = replace(scene, roll=0.0, face_share=CROP, shift=(0.0, 0.0))
        name = f"{split}/{index:06d}.jpg"
        photos.append(Photo(f"{name}_face.jpg", settings.size, replace(one.subject, scene=upright), label_age=one.real_age))
        photos.append(Photo(name, settings.size, replace(one.subject, scene=whole), label_age=one.real_age))

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        for split in APPAREAL:
            numbered = [(f"{index:06d}.jpg", one) for index, one in enumerate(judged) if splits[index] == split]
            averages = [f"{name},{len(one.votes)},{one.mean():.6f},{one.deviation():.6f},{one.real_age}" for name, one in numbered]
            votes = [f"{name},{one.real_age},{vote},," for name, one in numbered for vote in one.votes]
            heading = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"
            write_text(root / f"gt_avg_{split}.csv", "\n".join([heading, *averages]) + "\n")
            write_text(root / f"gt_{split}.csv", "\n".join(["file_name,real_age,apparent_age,worker_age,worker_gender", *votes]) + "\n")

    return DrawingPlan(photos, write_labels)


def plan_clap2015(settings: Synthetic) -> DrawingPlan:
    """Photos in Train, Validation and Test; lists without a heading: `image_1.jpg;23;4.27`, the mean in whole years."""
    return _plan_lists(
        "clap2015",
        settings,
        CLAP2015,
        name_of=lambda index: f"image_{index + 1}.jpg",
        list_of=lambda split: f"{split}.csv",
        line_of=lambda name, one: f"{name};{round(one.mean())};{one.deviation():.5f}",
    )


def plan_clap2016(settings: Synthetic) -> DrawingPlan:
    """The people of the synthetic APPA-REAL, whose pictures the real set of 2016 has, too; lists with the heading image,mean,stdv."""
    return _plan_lists(
        "appareal",
        settings,
        APPAREAL,
        name_of=lambda index: f"{index:06d}.jpg",
        list_of=lambda split: f"{split}_gt.csv",
        line_of=lambda name, one: f"{name},{one.mean():.6f},{one.deviation():.6f}",
        heading=("image,mean,stdv",),
    )


def _plan_lists(
    world: str,
    settings: Synthetic,
    shares: dict[str, int],
    *,
    name_of: Callable[[int], str],
    list_of: Callable[[str], str],
    line_of: Callable[[str, Judged], str],
    heading: tuple[str, ...] = (),
) -> DrawingPlan:
    """A folder of photos and a list of averages for each split."""
    splits, judged = _judged(world, settings, shares)
    names = [name_of(index) for index in range(len(judged))]
    photos = [
        Photo(f"{split}/{name}", settings.size, one.subject, label_age=one.real_age) for split, name, one in zip(splits, names, judged)
    ]

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        for split in shares:
            lines = [line_of(name, one) for of, name, one in zip(splits, names, judged, strict=True) if of == split]
            write_text(root / list_of(split), "\n".join([*heading, *lines]) + "\n")

    return DrawingPlan(photos, write_labels)


def looks_of(age: float, person: np.random.Generator) -> float:
    """How old somebody of this age looks, in years; `person` draws what is theirs all life long."""
    grown = min(age / 20, 1.0)
    own = float(np.clip(WIDTH_OF_LOOKS * person.standard_t(TAILS), -FARTHEST, FARTHEST))
    return float(np.clip(age + grown * (SHIFT * (LEVEL_AGE - age) + own), 0.5, OLDEST))


def _judged(world: str, settings: Synthetic, shares: dict[str, int]) -> tuple[list[str], list[Judged]]:
    """The split of each photo, and the photos; a person has one, unless `people` are fewer than `photos`."""
    total = settings.photos or settings.people or sum(shares.values())
    ends = np.round(np.cumsum(list(shares.values())) / sum(shares.values()) * total)
    splits = [list(shares)[int(np.searchsorted(ends, index, side="right"))] for index in range(total)]
    people = settings.people or total
    order = draws_for(world, settings.seed, 3).permutation(total)  # so that a person's photos are not all in one split
    whose = spread(people, total)
    return splits, [_one(world, settings.seed, index, whose[order[index]]) for index in range(total)]


def _one(world: str, seed: int, index: int, who: int) -> Judged:
    life, rng = draws_for(world, seed, 0, who), draws_for(world, seed, 2, index)
    child, years = life.random() < CHILDREN, (life.uniform(1, 18), life.normal(MEAN_AGE, STD))
    age = within(years[0] if child else within(years[1], 18, OLDEST) + rng.normal(0, 1), YOUNGEST, OLDEST + 0.999)
    looks = looks_of(age, draws_for(world, seed, 4, who))
    number = max(FEWEST_VOTES, round(rng.normal(VOTES, STD_OF_NUMBER)))
    votes = np.clip(np.round(rng.normal(looks, STD_OF_VOTES + STD_A_YEAR * looks, number)), 0, 100)
    subject = photo_subject(world, seed, FIRST_PERSON[world] + who, looks, index)
    return Judged(subject, int(age), tuple(int(vote) for vote in votes))
