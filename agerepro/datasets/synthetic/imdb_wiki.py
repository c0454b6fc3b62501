"""Synthetic IMDB and WIKI sets: whose pictures they hold, and how wrong their labels are."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agerepro.datasets.synthetic.batch import Photo
from agerepro.datasets.synthetic.imdb_wiki_mat import Row, write_mat
from agerepro.datasets.synthetic.plan import FIRST_PERSON, Plan, draws, middle_age, sit, spread, within
from agerepro.datasets.synthetic.truth import Known
from agerepro.experiment.schema import Synthetic

# Shares of all rows. In the real IMDB 37 % of the rows survive cleaning; here 70 %, since every picture costs time.
KINDS = {
    "second_face": 0.08,  # another face is in the picture
    "low_score": 0.04,  # blurred and turned away; score below 1
    "no_face": 0.07,  # nobody in the picture; score -inf
    "no_gender": 0.03,
    "invalid_date": 0.04,  # day numbers up to 366: no year of birth
    "impossible_age": 0.04,  # a birth after the photo, or more than 100 years before it
    "wrong_year": 0.04,  # a plausible wrong age, which no cleaning finds
    "zero_date": 0.02,  # month or day 0, as many real rows have; a good row
}
LAST_YEAR = 2015  # when the real sets were collected
SURVIVING = ("", "wrong_year", "zero_date")  # the kinds that cleaning lets through


@dataclass(frozen=True)
class Source:
    """One of the two sets."""

    name: str
    people: int  # of the real set
    photos: int
    demo_photos: int  # a person, where people are given and photos are not
    mean_age: float
    spread_people: float
    spread_photos: float


IMDB = Source("imdb", 20_284, 460_723, 20, 36.0, 9.0, 8.0)
WIKI = Source("wiki", 62_328, 62_328, 1, 38.0, 16.0, 0.1)


def plan_imdb(settings: Synthetic) -> Plan:
    """Film actors, many photos each."""
    return _plan(IMDB, settings)


def plan_wiki(settings: Synthetic) -> Plan:
    """People of an encyclopedia, one photo each."""
    return _plan(WIKI, settings)


def _plan(source: Source, settings: Synthetic) -> Plan:
    people = settings.people or source.people
    total = settings.photos or (people * source.demo_photos if settings.people else source.photos)
    kinds = _kinds(source.name, settings.seed, total)
    photos, rows = [], []
    for index, (who, kind) in enumerate(zip(spread(people, total), kinds, strict=True)):
        photo, row = _photo(source, settings, index, who, kind)
        photos.append(photo)
        rows.append(row)

    def write_labels(root: Path, known: Sequence[Known]) -> None:
        write_mat(root, source.name, rows, known)

    return Plan(photos, write_labels)


def _kinds(name: str, seed: int, total: int) -> list[str]:
    """The kind of every row: exactly the shares of KINDS, at random places."""
    kinds = [kind for kind, share in KINDS.items() for _ in range(round(share * total))]
    kinds = (kinds + [""] * total)[:total]
    return [kinds[place] for place in draws(name, seed, 3).permutation(total)]


def _photo(source: Source, settings: Synthetic, index: int, who: int, kind: str) -> tuple[Photo, Row]:
    number = FIRST_PERSON[source.name] + who
    life, rng = draws(source.name, settings.seed, 0, who), draws(source.name, settings.seed, 2, index)
    middle = middle_age(life, source.mean_age, source.spread_people)
    year = int(LAST_YEAR - max(middle, 1) - life.uniform(8, 60))
    born = datetime.date(year, 1, 1) + datetime.timedelta(days=int(life.integers(365)))
    if kind == "zero_date":
        born = datetime.date(born.year, 12, 31)  # written as day 0 of month 0 of the next year
    taken = born.year + (born.month >= 7) + int(within(rng.normal(middle, source.spread_photos), 0, min(98, LAST_YEAR - 1 - born.year)))
    midyear = taken + 0.5 - (born.year + (born.timetuple().tm_yday - 0.5) / 366)
    sitter = sit(source.name, settings.seed, number, max(midyear, 0.0), index)
    said_born, said_taken = _said(kind, born, taken, rng)
    behind = None
    if kind == "low_score":
        sitter = replace(sitter, scene=replace(sitter.scene, blur=0.022, yaw=34.0 * np.sign(sitter.scene.yaw), grain=0.06))
    if kind == "second_face":
        side = 1.0 if rng.random() < 0.5 else -1.0
        behind = sit(source.name, settings.seed, number + 1, float(rng.uniform(15, 70)), settings.seed + 1_000_000 + index)
        behind = replace(behind, scene=replace(behind.scene, shift=(0.31 * side, -0.06), face_share=0.36))
        sitter = replace(sitter, scene=replace(sitter.scene, shift=(-0.12 * side, 0.02)))
    said = Row(index, who, number, kind, said_born, said_taken, float(rng.normal(4.2, 0.9)), float(rng.random()))
    label = float("nan") if kind == "invalid_date" else said.age()
    return Photo(said.path(source.name), settings.size, sitter, kind, label, behind, empty=kind == "no_face"), said


def _said(kind: str, born: datetime.date, taken: int, rng: np.random.Generator) -> tuple[tuple[int, int, int], int]:
    """Birth (year, month, day) and year of the photo as the labels give them."""
    birth = (born.year, born.month, born.day)
    if kind == "zero_date":
        return (born.year + 1, 0, 0), taken
    if kind == "invalid_date":
        return (0, born.month, min(born.day, 28)), taken
    if kind == "impossible_age":
        years = int(rng.integers(5, 40))
        return (taken + years if rng.random() < 0.5 else taken - 101 - years, born.month, min(born.day, 28)), taken
    if kind == "wrong_year":
        age = taken - born.year - (born.month >= 7)
        away = int(rng.integers(6, 26))
        return birth, taken + (away if age - away < 1 or (age + away < 95 and rng.random() < 0.5) else -away)
    return birth, taken
