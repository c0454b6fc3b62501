"""A synthetic Adience in its native layout: five fold files and `aligned/<user>/landmark_aligned_face.<person>.<photo>`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agerepro.config.schema import Synthetic
from agerepro.io import write_text
from agerepro.synthetic.person import draw_person
from agerepro.synthetic.population import FIRST_PERSON, DrawingPlan, GroundTruth, Photo, draws_for, photo_subject, spread

Ages = tuple[int, int]  # first and last, both included
Kind = Ages | str  # one of GROUPS or of ODD

PEOPLE, PHOTOS = 2_284, 19_370  # of the current fold files
PEOPLE_A_USER = 14  # of them in one album
FOLDS = 5
# Photos by what their label says, counted over the current fold files; odd pairs are given more than their 130, so that a small
# set has some. As in the real files, all photos of a person bear one label.
GROUPS: dict[Kind, int] = {
    (25, 32): 5004, (0, 2): 2488, (38, 43): 2293, (4, 6): 2140, (8, 12): 2124, (15, 20): 1642, (60, 100): 872, (48, 53): 830,
}  # fmt: skip
ODD: dict[Kind, int] = {"no_label": 748, "single_age": 1099, "odd_pair": 500}
SINGLE_AGES = {35: 293, 13: 168, 22: 149, 34: 105, 23: 96, 45: 88, 55: 76, 36: 56, 57: 24, 3: 18, 29: 11, 58: 5, 2: 3, 32: 3}
ODD_PAIRS = {(27, 32): 77, (38, 42): 46, (38, 48): 6, (8, 23): 1}
GENDERS = (0.91, 0.06, 0.03)  # shares of people whose gender is given, given as u, and left blank
TILT = 0.2  # of the roll that is left after in-plane alignment
HEADING = (
    "user_id", "original_image", "face_id", "age", "gender", "x", "y", "dx", "dy", "tilt_ang", "fiducial_yaw_angle", "fiducial_score",
)  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """A person as the fold files have them."""

    face_id: int
    fold: int
    user: str
    label: str
    kind: str  # one of ODD, or "" for one of the eight groups
    gender: str
    ages: Ages  # between which the person is photographed


def plan(settings: Synthetic) -> DrawingPlan:
    """People of albums, each at one time of life, in one fold with all of their album."""
    count = settings.people or PEOPLE
    people = _people(settings.seed, count)
    photos, rows = [], []
    for index, who in enumerate(spread(count, settings.photos or round(count * PHOTOS / PEOPLE))):
        person, rng = people[who], draws_for("adience", settings.seed, 2, index)
        first, last = person.ages
        # Of those aged 60 to 100 most are nearer 60; the other groups are too narrow to matter.
        age = first + (last + 1 - first) * float(rng.random()) ** (2 if last == 100 else 1)
        subject = photo_subject("adience", settings.seed, FIRST_PERSON["adience"] + who, age, index)
        subject = replace(subject, scene=replace(subject.scene, roll=subject.scene.roll * TILT))
        name = f"{10_000_000_000 + index}_{int(rng.integers(1 << 40)):010x}_o.jpg"
        path = f"aligned/{person.user}/landmark_aligned_face.{person.face_id}.{name}"
        photos.append(Photo(path, settings.size, subject, person.kind))
        place = (int(rng.integers(0, 2500)), int(rng.integers(0, 1500)), side := int(rng.integers(90, 1400)), side)
        angles = (5 * int(rng.integers(-23, 37)), 15 * round(subject.scene.yaw / 15), int(rng.integers(5, 160)))
        row = (person.user, name, person.face_id, person.label, person.gender, *place, *angles)
        rows.append((person.fold, "\t".join(map(str, row))))

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        for fold in range(FOLDS):
            lines = ["\t".join(HEADING), *(line for row_fold, line in rows if row_fold == fold)]
            write_text(root / f"fold_{fold}_data.txt", "\n".join(lines) + "\n")

    return DrawingPlan(photos, write_labels)


def _people(seed: int, count: int) -> list[Labelled]:
    """Everybody's label, fold and user. Labels have the shares of GROUPS and ODD as exactly as `count` allows."""
    kinds = _in_shares({**GROUPS, **ODD}, count)
    order = draws_for("adience", seed, 3).permutation(count)
    people = []
    for who in range(count):
        rng, kind = draws_for("adience", seed, 0, who), kinds[order[who]]
        fold, album = who % FOLDS, who // FOLDS // PEOPLE_A_USER
        label, ages = _label(kind, rng)
        sex = draw_person(seed, FIRST_PERSON["adience"] + who).sex
        gender = (sex, "u", "")[int(rng.choice(3, p=GENDERS))]
        user = f"{10_000_000 + 7_919 * (FOLDS * album + fold)}@N0{fold + 2}"
        people.append(Labelled(who + 1, fold, user, label, kind if isinstance(kind, str) else "", gender, ages))
    return people


def _in_shares(weights: dict[Kind, int], count: int) -> list[Kind]:
    """`count` keys, each as often as its weight wants, to within about one; the heaviest come first."""
    total, counts = sum(weights.values()), dict.fromkeys(weights, 0)
    chosen = []
    for n in range(1, count + 1):
        short = max(weights, key=lambda key: weights[key] / total * n - counts[key])
        counts[short] += 1
        chosen.append(short)
    return chosen


def _label(kind: Kind, rng: np.random.Generator) -> tuple[str, Ages]:
    """The text of a label, and the ages that it covers."""
    if kind == "no_label":
        return "None", (1, 80)
    if kind == "single_age":
        age = list(SINGLE_AGES)[_draw_index(SINGLE_AGES.values(), rng)]
        return str(age), (age, age)
    pair = list(ODD_PAIRS)[_draw_index(ODD_PAIRS.values(), rng)] if isinstance(kind, str) else kind
    return str(pair), pair


def _draw_index(weights: Iterable[int], rng: np.random.Generator) -> int:
    """The place of one of the weights, drawn with them."""
    shares = np.array(list(weights), float)
    return int(rng.choice(len(shares), p=shares / shares.sum()))
