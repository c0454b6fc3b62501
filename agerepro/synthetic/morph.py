"""A synthetic MORPH Album 2 in its native layout: police portraits over a few years, and the owners' table with its contradictions."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agerepro.config.schema import Synthetic
from agerepro.io import write_text
from agerepro.synthetic.person import Person, draw_person
from agerepro.synthetic.population import FIRST_PERSON, DrawingPlan, GroundTruth, Photo, draws_for, photo_subject, spread, within

PEOPLE, PHOTOS = 13_617, 55_134  # of the real set
MEAN_AGE, STD_OF_PEOPLE = 30.0, 12.0  # years, before the first photo
YOUNGEST, OLDEST = 16.1, 72.9  # years then, so that photos show 16 to 77
FIRST_DAY, DAYS = datetime.date(2003, 1, 1), 5 * 365  # in which the pictures were taken
TABLE = "morph_2008_nonCommercial.csv"
HEADING = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo"
# Of the people with several photos, those of whom one photo says something else; far more than in the real set, so that a small one
# has some: every n-th, from the first of each.
OTHER_BIRTH_DATE, OTHER_RACE, OTHER_SEX = 9, 23, 31
DARK, BROWN, OLIVE = 0.45, 0.36, 0.30  # depth of a drawn skin from which the table says B, H and A; W below


@dataclass(frozen=True)
class Arrest:
    """One photo as the table has it."""

    born: datetime.date
    taken: datetime.date
    race: str
    sex: str

    def age(self) -> int:
        """Completed years."""
        return self.taken.year - self.born.year - ((self.taken.month, self.taken.day) < (self.born.month, self.born.day))


def plan(settings: Synthetic) -> DrawingPlan:
    """Grown-ups photographed some times within five years; race is told by the drawn skin alone.

    The labels of a few photos contradict those of the person's others, as in the real set: their `kind` says in what.
    """
    people = settings.people or PEOPLE
    counts = [0] * people
    photos, lines = [], []
    for index, who in enumerate(spread(people, settings.photos or round(people * PHOTOS / PEOPLE))):
        number = FIRST_PERSON["morph"] + who
        person, life, rng = (
            draw_person(settings.seed, number),
            draws_for("morph", settings.seed, 0, who),
            draws_for("morph", settings.seed, 2, index),
        )
        age = within(life.normal(MEAN_AGE, STD_OF_PEOPLE), YOUNGEST, OLDEST)
        born = FIRST_DAY - datetime.timedelta(days=round(age * 365.25))
        truth = Arrest(born, FIRST_DAY + datetime.timedelta(days=int(rng.integers(DAYS))), _race(person), person.sex.upper())
        kind = _contradiction(who) if counts[who] == 1 else ""
        label = _contradicted(truth, kind, rng)
        subject = photo_subject("morph", settings.seed, number, (truth.taken - truth.born).days / 365.25, index)
        subject = replace(subject, scene=replace(subject.scene, smile=min(subject.scene.smile, 0.1)))
        path = f"Album2/{who + 1:06d}_{counts[who]}{label.sex}{label.age():02d}.JPG"
        photos.append(Photo(path, settings.size, subject, kind, label_age=label.age()))
        dates = [f"{date:%m/%d/%Y}" for date in (label.born, label.taken)]
        hair, glasses = int(subject.scene.beard * person.beard > 0.2), int(subject.scene.glasses != "none")
        lines.append(f"{who + 1:06d},{counts[who]},{','.join(dates)},{label.race},{label.sex},{hair},{label.age()},0,{glasses},{path}")
        counts[who] += 1

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        write_text(root / TABLE, "\n".join([HEADING, *lines]) + "\n")

    return DrawingPlan(photos, write_labels)


def _contradiction(who: int) -> str:
    """In what a person's second photo contradicts the others; "" for most."""
    return next(
        (kind for kind, every in (("birth_date", OTHER_BIRTH_DATE), ("race", OTHER_RACE), ("sex", OTHER_SEX)) if who % every == every - 1),
        "",
    )


def _contradicted(truth: Arrest, kind: str, rng: np.random.Generator) -> Arrest:
    if kind == "birth_date":
        away = datetime.timedelta(days=int(rng.integers(200, 900)))
        return replace(truth, born=truth.born + (away if truth.age() > 40 else -away))
    if kind == "race":
        return replace(truth, race="W" if truth.race == "B" else "B")
    return replace(truth, sex="F" if truth.sex == "M" else "M") if kind == "sex" else truth


def _race(person: Person) -> str:
    depth = person.skin_depth
    return "B" if depth > DARK else "H" if depth > BROWN else "A" if depth > OLIVE else "W"
