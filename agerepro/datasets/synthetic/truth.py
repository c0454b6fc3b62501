"""`synthetic-truth.csv`: what was really drawn in every photo, whatever its data set's labels say."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agerepro.datasets.synthetic.batch import Photo
from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.render import LANDMARKS, Shot, aim
from agerepro.files import write_then_rename

TRUTH = "synthetic-truth.csv"
COLUMNS = (
    "photo",  # path relative to the data set's folder
    "person",  # number of the person in its world
    "age",  # true years, as drawn
    "label_age",  # whole years that the data set's labels say; empty when they say none
    "gender",  # m or f, as drawn
    "kind",  # of label noise, empty for none
    "left", "top", "right", "bottom",  # the true face, pixels; empty when no face was drawn
    *(f"{name}_{axis}" for name in LANDMARKS for axis in "xy"),  # pixels; "left" is the one at smaller x
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A photo and the geometry of its face; None where nobody was drawn."""

    photo: Photo
    gender: str
    shot: Shot | None


def known(photos: Iterable[Photo]) -> list[Known]:
    """The truth about photos, without drawing them."""
    found = []
    for photo in photos:
        person = draw_person(photo.sitter.seed, photo.sitter.number)
        shot = None if photo.empty else aim(person, photo.sitter.age, photo.sitter.scene, photo.size)
        found.append(Known(photo, person.sex, shot))
    return found


def write_truth(root: Path, rows: Sequence[Known]) -> Path:
    """Write the truth table of a data set."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(_row(row) for row in rows)

    return write_then_rename(root / TRUTH, write)


def _row(row: Known) -> list[str]:
    photo, shot = row.photo, row.shot
    label = "" if photo.label_age != photo.label_age else f"{photo.label_age:g}"
    places = [""] * 14 if shot is None else [f"{value:.2f}" for value in (*shot.box, *shot.landmarks.ravel())]
    return [photo.path, str(photo.sitter.number), f"{photo.sitter.age:.3f}", label, row.gender, photo.kind, *places]
