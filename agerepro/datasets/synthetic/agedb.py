"""A synthetic AgeDB in its native layout: `<n>_<Name>_<age>_<m|f>.jpg`, all in one folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from agerepro.datasets.synthetic.batch import Photo
from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.plan import FIRST_PERSON, Plan, draws, middle_age, person_name, sit, spread, within
from agerepro.datasets.synthetic.truth import Known
from agerepro.experiment.schema import Synthetic

PEOPLE, PHOTOS = 568, 16_488  # of the real set
SHARED = 0.1  # of its people are also in IMDB, under the same name and with the same face
YOUNGEST, OLDEST = 1, 101
MEAN_AGE, SPREAD_PEOPLE, SPREAD_PHOTOS = 50.0, 12.0, 10.6  # years; together 16


def plan(settings: Synthetic) -> Plan:
    """Public figures photographed over their lives, some of them film actors of the synthetic IMDB."""
    people = settings.people or PEOPLE
    total = settings.photos or (round(people * PHOTOS / PEOPLE))
    shared = math.ceil(SHARED * people)
    photos = []
    for index, who in enumerate(spread(people, total)):
        number = FIRST_PERSON["imdb"] + who if who < shared else FIRST_PERSON["agedb"] + who
        person = draw_person(settings.seed, number)
        middle = middle_age(draws("agedb", settings.seed, 0, who), MEAN_AGE, SPREAD_PEOPLE)
        rng = draws("agedb", settings.seed, 2, index)
        age = int(within(rng.normal(middle, SPREAD_PHOTOS), YOUNGEST, OLDEST + 0.999))
        path = f"{index}_{person_name(number).replace(' ', '')}_{age}_{person.sex}.jpg"
        sitter = sit("agedb", settings.seed, number, age + float(rng.random()), index)
        photos.append(Photo(path, settings.size, sitter, label_age=age))
    return Plan(photos, _nothing_else)


def _nothing_else(root: Path, rows: Sequence[Known]) -> None:
    """AgeDB's labels are its file names."""
