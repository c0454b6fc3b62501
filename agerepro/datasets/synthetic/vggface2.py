"""A synthetic VGGFace2 in its native layout: `train/n000001/0001_01.jpg` and the loose boxes and landmarks of `bb_landmark`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agerepro.datasets.synthetic.batch import Photo
from agerepro.datasets.synthetic.plan import FIRST_PERSON, Plan, draws, sit, spread, within
from agerepro.datasets.synthetic.truth import Known
from agerepro.experiment.schema import Synthetic
from agerepro.files import write_text

PEOPLE, PHOTOS_A_PERSON = 8_631, 364  # of the real training part
DEMO_PHOTOS = 20  # a person, where people are given and photos are not
MEAN_AGE, SPREAD_PEOPLE, SPREAD_PHOTOS = 40.0, 13.0, 7.0  # years


def plan(settings: Synthetic) -> Plan:
    """Identities photographed within some years of their lives."""
    people = settings.people or PEOPLE
    total = settings.photos or people * (DEMO_PHOTOS if settings.people else PHOTOS_A_PERSON)
    photos, seen = [], [0] * people
    for index, who in enumerate(spread(people, total)):
        middle = draws("vggface2", settings.seed, 0, who).normal(MEAN_AGE, SPREAD_PEOPLE)
        age = within(draws("vggface2", settings.seed, 2, index).normal(middle, SPREAD_PHOTOS), 3, 90)
        seen[who] += 1
        sitter = sit("vggface2", settings.seed, FIRST_PERSON["vggface2"] + who, float(age), index)
        photos.append(Photo(f"train/n{who + 1:06d}/{seen[who]:04d}_01.jpg", settings.size, sitter))
    return Plan(photos, _write_boxes)


def _write_boxes(root: Path, rows: Sequence[Known]) -> None:
    boxes, landmarks = ["NAME_ID,X,Y,W,H"], ["NAME_ID," + ",".join(f"P{n}X,P{n}Y" for n in range(1, 6))]
    for row in rows:
        assert row.shot is not None  # every picture of this set shows its person
        name = row.photo.path.removeprefix("train/").removesuffix(".jpg")
        left, top, right, bottom = (round(value) for value in row.shot.box)
        boxes.append(f'"{name}",{left},{top},{right - left},{bottom - top}')
        landmarks.append(f'"{name}",' + ",".join(f"{value:.3f}" for value in row.shot.landmarks.ravel()))
    write_text(root / "bb_landmark" / "loose_bb_train.csv", "\n".join(boxes) + "\n")
    write_text(root / "bb_landmark" / "loose_landmark_train.csv", "\n".join(landmarks) + "\n")
