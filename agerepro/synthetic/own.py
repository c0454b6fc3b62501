"""Synthetic photos as a user may have them: a folder of pictures, and a CSV file with headings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agerepro.config.schema import Synthetic
from agerepro.io import write_text
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

LABELS = "faces.csv"
PEOPLE, PHOTOS_A_PERSON = 40, 8
MEAN_AGE, STD_OF_PEOPLE, STD_OF_PHOTOS = 38.0, 16.0, 9.0  # years
YOUNGEST, OLDEST = 1, 90


def plan(settings: Synthetic) -> DrawingPlan:
    """People photographed over some years of their lives; `faces.csv` has the columns file, years, person and sex."""
    people = settings.people or PEOPLE
    photos = []
    for index, who in enumerate(spread(people, settings.photos or people * PHOTOS_A_PERSON)):
        middle = middle_age(draws_for("own", settings.seed, 0, who), MEAN_AGE, STD_OF_PEOPLE)
        rng = draws_for("own", settings.seed, 2, index)
        age = int(within(rng.normal(middle, STD_OF_PHOTOS), YOUNGEST, OLDEST + 0.999))
        subject = photo_subject("own", settings.seed, FIRST_PERSON["own"] + who, age + float(rng.random()), index)
        photos.append(Photo(f"photos/{index + 1:04d}.jpg", settings.size, subject, label_age=age))
    return DrawingPlan(photos, _write_labels)


def _write_labels(root: Path, rows: Sequence[GroundTruth]) -> None:
    lines = (f"{row.photo.path},{row.photo.label_age:g},{person_name(row.photo.subject.number)},{row.gender}" for row in rows)
    write_text(root / LABELS, "\n".join(["file,years,person,sex", *lines]) + "\n")
