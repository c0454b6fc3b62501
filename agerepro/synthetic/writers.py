"""Synthetic data sets written in their native layouts, each by one function; AgeDB, FG-NET, VGGFace2 and UTKFace here."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agerepro.config.schema import Synthetic
from agerepro.errors import UserError, suggest
from agerepro.io import write_json, write_text
from agerepro.synthetic import aadb, adience, apparent, imdb_wiki, morph, own
from agerepro.synthetic.person import draw_person
from agerepro.synthetic.population import (
    FIRST_PERSON,
    DrawingPlan,
    GroundTruth,
    Photo,
    draw_all,
    draws_for,
    ground_truth,
    middle_age,
    person_name,
    photo_subject,
    spread,
    within,
    write_truth,
)

AGEDB_PEOPLE, AGEDB_PHOTOS = 568, 16_488  # of the real set
AGEDB_SHARED = 0.1  # of its people are also in IMDB, under the same name and with the same face
AGEDB_YOUNGEST, AGEDB_OLDEST = 1, 101
AGEDB_MEAN_AGE, AGEDB_STD_OF_PEOPLE, AGEDB_STD_OF_PHOTOS = 50.0, 12.0, 10.6  # years; together 16
FGNET_NAMES = Path(__file__).parents[1] / "datasets" / "cards" / "fgnet_filenames.txt"
FGNET_FOLDER = "FGNET/images"
VGGFACE2_PEOPLE, VGGFACE2_PHOTOS_A_PERSON = 8_631, 364  # of the real training part
VGGFACE2_DEMO_PHOTOS = 20  # a person, where people are given and photos are not
VGGFACE2_MEAN_AGE, VGGFACE2_STD_OF_PEOPLE, VGGFACE2_STD_OF_PHOTOS = 40.0, 13.0, 7.0  # years
UTKFACE_PHOTOS = 23_705  # of the real set, aligned and cropped
UTKFACE_MEAN_AGE, UTKFACE_STD = 33.0, 20.0  # years
UTKFACE_BEGIN = datetime(2017, 1, 1)  # when the first photo is said to have been collected, each next a second later
RENDERER = 3  # raise it when the same settings give other pictures
FINISHED = "synthetic.json"
STARTED = ".synthetic-started.json"


def plan_agedb(settings: Synthetic) -> DrawingPlan:
    """Public figures photographed over their lives, some of them film actors of the synthetic IMDB."""
    people = settings.people or AGEDB_PEOPLE
    total = settings.photos or (round(people * AGEDB_PHOTOS / AGEDB_PEOPLE))
    shared = math.ceil(AGEDB_SHARED * people)
    photos = []
    for index, who in enumerate(spread(people, total)):
        number = FIRST_PERSON["imdb"] + who if who < shared else FIRST_PERSON["agedb"] + who
        person = draw_person(settings.seed, number)
        middle = middle_age(draws_for("agedb", settings.seed, 0, who), AGEDB_MEAN_AGE, AGEDB_STD_OF_PEOPLE)
        rng = draws_for("agedb", settings.seed, 2, index)
        age = int(within(rng.normal(middle, AGEDB_STD_OF_PHOTOS), AGEDB_YOUNGEST, AGEDB_OLDEST + 0.999))
        path = f"{index}_{person_name(number).replace(' ', '')}_{age}_{person.sex}.jpg"
        subject = photo_subject("agedb", settings.seed, number, age + float(rng.random()), index)
        photos.append(Photo(path, settings.size, subject, label_age=age))
    return DrawingPlan(photos, _no_labels_file)


def plan_fgnet(settings: Synthetic) -> DrawingPlan:
    """The first `people` of the real list (0: all 82) at their listed ages; with `photos`, only so many names of these."""
    names = FGNET_NAMES.read_text(encoding="utf-8").split()
    who = sorted({name[:3] for name in names})[: settings.people or None]
    chosen = [name for name in names if name[:3] in who][: settings.photos or None]
    photos = []
    for index, name in enumerate(chosen):
        age = int(name[4:6])
        exact = age + float(draws_for("fgnet", settings.seed, 2, index).random())
        subject = photo_subject("fgnet", settings.seed, FIRST_PERSON["fgnet"] + int(name[:3]), exact, index)
        photos.append(Photo(f"{FGNET_FOLDER}/{name}", settings.size, subject, label_age=age))
    return DrawingPlan(photos, _no_labels_file)


def plan_vggface2(settings: Synthetic) -> DrawingPlan:
    """Identities photographed within some years of their lives."""
    people = settings.people or VGGFACE2_PEOPLE
    total = settings.photos or people * (VGGFACE2_DEMO_PHOTOS if settings.people else VGGFACE2_PHOTOS_A_PERSON)
    photos, counts = [], [0] * people
    for index, who in enumerate(spread(people, total)):
        middle = draws_for("vggface2", settings.seed, 0, who).normal(VGGFACE2_MEAN_AGE, VGGFACE2_STD_OF_PEOPLE)
        age = within(draws_for("vggface2", settings.seed, 2, index).normal(middle, VGGFACE2_STD_OF_PHOTOS), 3, 90)
        counts[who] += 1
        subject = photo_subject("vggface2", settings.seed, FIRST_PERSON["vggface2"] + who, float(age), index)
        photos.append(Photo(f"train/n{who + 1:06d}/{counts[who]:04d}_01.jpg", settings.size, subject))
    return DrawingPlan(photos, _write_boxes)


def plan_utkface(settings: Synthetic) -> DrawingPlan:
    """People of all ages, one photo each unless `people` are fewer than `photos`; race, which nobody is drawn by, is always 4 (others)."""
    total = settings.photos or settings.people or UTKFACE_PHOTOS
    photos = []
    for index, who in enumerate(spread(settings.people or total, total)):
        number = FIRST_PERSON["utkface"] + who
        rng = draws_for("utkface", settings.seed, 2, index)
        age = int(within(rng.normal(UTKFACE_MEAN_AGE, UTKFACE_STD), 1, 116.999))
        gender = "01"[draw_person(settings.seed, number).sex == "f"]
        moment = UTKFACE_BEGIN + timedelta(seconds=index)
        path = f"UTKFace/{age}_{gender}_4_{moment:%Y%m%d%H%M%S}000.jpg.chip.jpg"
        subject = photo_subject("utkface", settings.seed, number, age + float(rng.random()), index)
        photos.append(Photo(path, settings.size, subject, label_age=age))
    return DrawingPlan(photos, _no_labels_file)


WRITERS: dict[str, Callable[[Synthetic], DrawingPlan]] = {
    "imdb": imdb_wiki.plan_imdb,
    "wiki": imdb_wiki.plan_wiki,
    "agedb": plan_agedb,
    "fgnet": plan_fgnet,
    "vggface2": plan_vggface2,
    "adience": adience.plan,
    "utkface": plan_utkface,
    "own": own.plan,
    "morph": morph.plan,
    "appareal": apparent.plan_appareal,
    "clap2015": apparent.plan_clap2015,
    "clap2016": apparent.plan_clap2016,
    "aadb": aadb.plan,
    "imdbwiki": imdb_wiki.plan_both,
}


def write(name: str, root: Path, settings: Synthetic, *, jobs: int, on_progress: Callable[[int, int], None]) -> None:
    """Draw data set `name` (one of WRITERS) into `root` in its native layout, with `synthetic-truth.csv` beside it.

    The same settings give the same bytes for any number of processes (`jobs`). Safe to repeat and to kill: finished photos
    are kept, and a finished set (`synthetic.json`) returns at once. `on_progress` gets photos done and photos in all.
    Raises UserError for an unknown name, for a folder drawn with other settings, and for one that holds anything else.
    """
    if name not in WRITERS:
        raise UserError(f"No synthetic version of the data set {name!r} exists.{suggest(name, WRITERS)}")
    order = drawing_order(name, settings)
    if _is_finished(root, order):
        return
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / STARTED, order)
    plan = WRITERS[name](settings)
    draw_all(root, plan.photos, jobs=jobs, on_progress=on_progress)
    truth = ground_truth(plan.photos)
    plan.write_labels(root, truth)
    write_truth(root, truth)
    write_json(root / FINISHED, order)
    (root / STARTED).unlink(missing_ok=True)


def drawing_order(name: str, settings: Synthetic) -> dict[str, Any]:
    """What is ordered of the renderer, as a finished set's mark says it: the same order gives the same bytes."""
    return {"dataset": name, "renderer": RENDERER, "settings": dataclasses.asdict(settings)}


def drawn_mark(root: Path, *, parts: Sequence[str] = ()) -> dict[str, Any] | None:
    """The order by which a data set's folder was drawn here, None where it was not.

    It lies in the folder, in one of the two folders above it, or in a folder in it: so a drawn set stays known as one when it was
    packed into one folder more, or a folder in it is given. parts: the folders of a set that is several, whose marks alone count
    among those in it, since other sets may lie beside them. UserError for a mark that cannot be read.
    """
    above = root.resolve().parents[:2]
    marks = [_read(place) for folder in (root, *above) if (place := folder / FINISHED).is_file()]
    if parts and not marks:
        found = [_read(place) for part in parts if (place := root / part / FINISHED).is_file()]
        return {"parts": [str(root.resolve()), *found]} if found else None
    marks += [_read(place) for place in sorted(root.glob(f"*/{FINISHED}"))] if not marks else []
    return marks[0] if marks else None


def is_drawn(root: Path, *, parts: Sequence[str] = ()) -> bool:
    """Whether a data set's folder was drawn here [drawn_mark]."""
    return drawn_mark(root, parts=parts) is not None


def _no_labels_file(root: Path, rows: Sequence[GroundTruth]) -> None:
    """The labels of AgeDB, FG-NET and UTKFace are their file names."""


def _write_boxes(root: Path, rows: Sequence[GroundTruth]) -> None:
    boxes, landmarks = ["NAME_ID,X,Y,W,H"], ["NAME_ID," + ",".join(f"P{n}X,P{n}Y" for n in range(1, 6))]
    for row in rows:
        assert row.shot is not None  # every picture of this set shows its person
        name = row.photo.path.removeprefix("train/").removesuffix(".jpg")
        left, top, right, bottom = (round(value) for value in row.shot.box)
        boxes.append(f'"{name}",{left},{top},{right - left},{bottom - top}')
        landmarks.append(f'"{name}",' + ",".join(f"{value:.3f}" for value in row.shot.landmarks.ravel()))
    write_text(root / "bb_landmark" / "loose_bb_train.csv", "\n".join(boxes) + "\n")
    write_text(root / "bb_landmark" / "loose_landmark_train.csv", "\n".join(landmarks) + "\n")


def _is_finished(root: Path, order: dict[str, Any]) -> bool:
    """Whether `root` holds exactly what is ordered; UserError when it holds something else."""
    for marker in (FINISHED, STARTED):
        if not (root / marker).exists():
            continue
        settings = _read(root / marker)
        if settings != order:
            raise UserError(
                f"{root} holds a synthetic data set drawn with other settings ({json.dumps(settings)}). "
                "Delete the folder to draw it anew, or name another one."
            )
        return marker == FINISHED
    if root.is_dir() and any(not path.name.startswith(".") for path in root.iterdir()):
        raise UserError(f"{root} is not empty and was not drawn here. Name an empty or new folder, so that no data is mixed or lost.")
    return False


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). Delete the folder to draw the data set anew.") from None
