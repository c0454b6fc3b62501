"""Synthetic IMDB and WIKI in their native layout: photos and a MATLAB file of the same structure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agerepro.config.schema import Synthetic
from agerepro.io import atomic_write
from agerepro.synthetic.population import (
    FIRST_PERSON,
    DrawingPlan,
    GroundTruth,
    Photo,
    draws_for,
    middle_age,
    person_name,
    photo_subject,
    spread,
    within,
)

_MATLAB_DAYS = 366  # a MATLAB day number is Python's ordinal plus this: it counts from year 0, a leap year
_HEADER = 116  # bytes of text at the start of a MATLAB 5 file, with the time of writing in it


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
class Row:
    """One row of labels as the set gives them, right or wrong."""

    index: int
    who: int
    number: int
    kind: str
    born: tuple[int, int, int]  # year, month, day
    taken: int  # year of the photo
    score: float  # of the face detector, before what `kind` does to it
    draw: float  # 0..1

    def datenum(self) -> int:
        """MATLAB's day number of the birth: month 0 counts as January, day 0 as the day before the first."""
        year, month, day = self.born
        if year < 1:  # Python knows no year 0; it has 366 days like 2000
            return (datetime.date(2000, month, day) - datetime.date(1999, 12, 31)).days
        return datetime.date(year, max(month, 1), 1).toordinal() + day - 1 + _MATLAB_DAYS

    def age(self) -> int:
        """Whole years at mid-year of the photo's year, by these labels."""
        born = datetime.date.fromordinal(self.datenum() - _MATLAB_DAYS)
        return self.taken - born.year - (born.month >= 7)

    def path(self, name: str) -> str:
        """Where the picture lies: the folder is named by the last two digits of the person's (IMDB) or page's (WIKI) number."""
        year, month, day = self.born
        if name == "imdb":
            person = self.who + 1
            picture = 1_000_000_000 + 7919 * self.index
            return f"imdb_crop/{person % 100:02d}/nm{person:07d}_rm{picture}_{year}-{month}-{day}_{self.taken}.jpg"
        page = 10_000_000 + 13 * self.index
        return f"wiki_crop/{page % 100:02d}/{page}_{year:04d}-{month:02d}-{day:02d}_{self.taken}.jpg"


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


def plan_imdb(settings: Synthetic) -> DrawingPlan:
    """Film actors, many photos each."""
    return _plan(IMDB, settings)


def plan_wiki(settings: Synthetic) -> DrawingPlan:
    """People of an encyclopedia, one photo each."""
    return _plan(WIKI, settings)


def plan_both(settings: Synthetic) -> DrawingPlan:
    """The people of both sets in the folders imdb and wiki, pictures in the real shares; `people` are IMDB's."""
    total = settings.photos or ((settings.people * IMDB.demo_photos) if settings.people else IMDB.photos + WIKI.photos)
    of_wiki = max(1, round(total * WIKI.photos / (IMDB.photos + WIKI.photos)))
    plans = {
        "imdb": plan_imdb(replace(settings, photos=total - of_wiki)),
        "wiki": plan_wiki(replace(settings, people=of_wiki if settings.people else 0, photos=of_wiki)),
    }

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        for name, plan in plans.items():
            plan.write_labels(root / name, [truth for truth in truths if truth.photo.path.startswith(f"{name}/")])

    photos = [replace(photo, path=f"{name}/{photo.path}") for name, plan in plans.items() for photo in plan.photos]
    return DrawingPlan(photos, write_labels)


def write_mat(root: Path, name: str, rows: Sequence[Row], truths: Sequence[GroundTruth]) -> Path:
    """Write `<name>_crop/<name>.mat` with one struct `<name>` of 1 x n fields, as scipy.io.loadmat finds it in the real file."""
    from scipy.io import savemat

    people = sorted({row.number for row in rows})
    fields = {
        "dob": np.array([[row.datenum() for row in rows]], np.int32),
        "photo_taken": np.array([[row.taken for row in rows]], np.uint16),
        "full_path": _cells([row.path(name).split("/", 1)[1] for row in rows]),
        "gender": np.array([[_gender(row, truth) for row, truth in zip(rows, truths, strict=True)]], float),
        "name": _cells([person_name(row.number) for row in rows]),
        "face_location": _cells([_location(truth) for truth in truths]),
        "face_score": np.array([[_score(row) for row in rows]], float),
        "second_face_score": np.array([[1.1 + 3 * row.draw if row.kind == "second_face" else np.nan for row in rows]], float),
    }
    if name == "imdb":
        fields["celeb_names"] = _cells([person_name(number) for number in people])
        fields["celeb_id"] = np.array([[people.index(row.number) + 1 for row in rows]], np.uint16)

    def write(path: Path) -> None:
        savemat(path, {name: fields}, oned_as="row")
        with path.open("r+b") as file:  # the same labels, the same bytes, whenever they are written
            file.write(b"MATLAB 5.0 MAT-file".ljust(_HEADER))

    return atomic_write(root / f"{name}_crop" / f"{name}.mat", write)


def _cells(values: Sequence[object]) -> npt.NDArray[np.object_]:
    cells = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        cells[0, place] = value
    return cells


def _gender(row: Row, truth: GroundTruth) -> float:
    return float("nan") if row.kind == "no_gender" else float(truth.gender == "m")


def _score(row: Row) -> float:
    if row.kind == "no_face":
        return float("-inf")
    return 0.05 + 0.9 * row.draw if row.kind == "low_score" else max(row.score, 1.05)


def _location(truth: GroundTruth) -> npt.NDArray[np.float64]:
    """The detector's square, counted from 1; the whole picture where it found nothing."""
    side = truth.photo.size
    if truth.shot is None:
        return np.array([[1.0, 1.0, side, side]])
    return np.array([[min(max(value + 1, 1.0), float(side)) for value in truth.shot.square()]])


def _plan(source: Source, settings: Synthetic) -> DrawingPlan:
    people = settings.people or source.people
    total = settings.photos or (people * source.demo_photos if settings.people else source.photos)
    kinds = _kinds(source.name, settings.seed, total)
    photos, rows = [], []
    for index, (who, kind) in enumerate(zip(spread(people, total), kinds, strict=True)):
        photo, row = _photo(source, settings, index, who, kind)
        photos.append(photo)
        rows.append(row)

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        write_mat(root, source.name, rows, truths)

    return DrawingPlan(photos, write_labels)


def _kinds(name: str, seed: int, total: int) -> list[str]:
    """The kind of every row: exactly the shares of KINDS, at random places."""
    kinds = [kind for kind, share in KINDS.items() for _ in range(round(share * total))]
    kinds = (kinds + [""] * total)[:total]
    return [kinds[place] for place in draws_for(name, seed, 3).permutation(total)]


def _photo(source: Source, settings: Synthetic, index: int, who: int, kind: str) -> tuple[Photo, Row]:
    number = FIRST_PERSON[source.name] + who
    life, rng = draws_for(source.name, settings.seed, 0, who), draws_for(source.name, settings.seed, 2, index)
    middle = middle_age(life, source.mean_age, source.spread_people)
    year = int(LAST_YEAR - max(middle, 1) - life.uniform(8, 60))
    born = datetime.date(year, 1, 1) + datetime.timedelta(days=int(life.integers(365)))
    if kind == "zero_date":
        born = datetime.date(born.year, 12, 31)  # written as day 0 of month 0 of the next year
    taken = born.year + (born.month >= 7) + int(within(rng.normal(middle, source.spread_photos), 0, min(98, LAST_YEAR - 1 - born.year)))
    midyear = taken + 0.5 - (born.year + (born.timetuple().tm_yday - 0.5) / 366)
    subject = photo_subject(source.name, settings.seed, number, max(midyear, 0.0), index)
    label_born, label_taken = _label_dates(kind, born, taken, rng)
    behind = None
    if kind == "low_score":
        subject = replace(subject, scene=replace(subject.scene, blur=0.022, yaw=34.0 * np.sign(subject.scene.yaw), grain=0.06))
    if kind == "second_face":
        side = 1.0 if rng.random() < 0.5 else -1.0
        behind = photo_subject(source.name, settings.seed, number + 1, float(rng.uniform(15, 70)), settings.seed + 1_000_000 + index)
        behind = replace(behind, scene=replace(behind.scene, shift=(0.31 * side, -0.06), face_share=0.36))
        subject = replace(subject, scene=replace(subject.scene, shift=(-0.12 * side, 0.02)))
    row = Row(index, who, number, kind, label_born, label_taken, float(rng.normal(4.2, 0.9)), float(rng.random()))
    label = float("nan") if kind == "invalid_date" else row.age()
    return Photo(row.path(source.name), settings.size, subject, kind, label, behind, empty=kind == "no_face"), row


def _label_dates(kind: str, born: datetime.date, taken: int, rng: np.random.Generator) -> tuple[tuple[int, int, int], int]:
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
