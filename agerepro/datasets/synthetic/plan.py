"""What a writer decides before anything is drawn: who is photographed when, and which files go with the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agerepro.datasets.synthetic.batch import Photo, Sitter
from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.scene import MIXES, draw_scene
from agerepro.datasets.synthetic.truth import Known

# People photographed as children: far more than in the real sets, so that a few hundred photos show childhood too, which
# the target of the cascade, FG-NET, is mostly about.
CHILDREN = 0.4

# First person of each data set; IMDB and AgeDB share some on purpose (see agedb.py).
FIRST_PERSON = {"imdb": 0, "agedb": 1_000_000, "fgnet": 2_000_000, "vggface2": 3_000_000, "wiki": 4_000_000, "adience": 5_000_000}
_SALT = {name: 100 + place for place, name in enumerate(FIRST_PERSON)}


@dataclass(frozen=True)
class Plan:
    """The pictures of a data set, and what writes its other files once their truth is known."""

    photos: Sequence[Photo]
    write_labels: Callable[[Path, Sequence[Known]], None]


def draws(name: str, seed: int, *what: int) -> np.random.Generator:
    """The random numbers of one thing in a data set, apart from everything else's."""
    return np.random.default_rng([_SALT[name], seed, *what])


def sit(name: str, seed: int, number: int, age: float, photo: int) -> Sitter:
    """Person `number` at `age` (years) with the nuisance of data set `name` in its photo number `photo`."""
    return Sitter(seed, number, age, draw_scene(MIXES[name], draw_person(seed, number), age, draws(name, seed, 1, photo)))


def person_name(number: int) -> str:
    """A name that nobody bears; equal numbers, equal names in every data set."""
    return f"Synthetic Person {number:04d}"


def spread(people: int, photos: int) -> list[int]:
    """Which of `people` is on each of `photos` pictures, person by person, as evenly as it goes."""
    return sorted(index % people for index in range(photos))


def within(value: float, low: float, high: float) -> float:
    """A value brought into low..high by reflection, which keeps a distribution's shape better than clipping."""
    width = high - low
    away = (value - low) % (2 * width)
    return low + (away if away <= width else 2 * width - away)


def middle_age(draw: np.random.Generator, mean: float, spread_people: float) -> float:
    """Years around which the photos of one person lie: normal, or childhood for a share of CHILDREN."""
    adult, child = draw.normal(mean, spread_people), draw.uniform(0, 20)
    return float(child if draw.random() < CHILDREN else adult)
