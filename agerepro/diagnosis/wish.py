"""What maps are wanted: how they are made, what they explain, at which layer, of how many photos."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

import numpy as np

from agerepro.errors import UserError
from agerepro.experiment.schema import Experiment, Groups, Value
from agerepro.explain.maps import PIXELS, SENSITIVITY, Kind
from agerepro.explain.targets import Target, class_numbers, predicted_classes
from agerepro.protocols.groups import years
from agerepro.training.restore import Restored

EXPECTED, PREDICTED = "expected_age", "predicted"
Aim = Union[str, int]  # EXPECTED, PREDICTED, or an age in years


@dataclass(frozen=True)
class Wish:
    """Settings of one `agerepro explain`; aim and layer as given, None for the run's own; photos and checks 0 for all and none."""

    how: Kind = "mean"
    aim: Aim | None = None
    layer: str | None = None
    photos: int = 0
    checks: int = 64


def read_aim(text: str) -> Aim:
    """`expected_age`, `predicted`, or an age: `30` or `age 30`. UserError for anything else."""
    if text in (EXPECTED, PREDICTED):
        return text
    found = re.fullmatch(r"(?:age[ :-]?)?(\d{1,3})", text.strip())
    if not found:
        raise UserError(f"{text!r} is nothing that a map explains: take {EXPECTED}, {PREDICTED}, or an age in years, for instance 30.")
    return int(found[1])


def aim_of(wish: Wish, experiment: Experiment) -> Aim:
    """What the maps of this run explain: as wished, else the expected age, or for age groups the predicted group.

    Raises UserError where the run has no such thing, or where no single map is behind its prediction.
    """
    head, groups = experiment.head, isinstance(experiment.stages[-1].target, Groups)
    if wish.how == SENSITIVITY and (groups or wish.aim not in (None, EXPECTED)):
        raise UserError("Sensitivity maps say how the expected age depends on the pixels. For groups or single ages take mean or grad_cam.")
    several = isinstance(head, Value) and (head.features == "stages" or bool(head.also_at))
    if several and not groups and wish.how != SENSITIVITY:
        raise UserError(
            "This run predicts from several stages or sizes at once (head.value), so that no one layer's map is behind its prediction. "
            "Take maps of the pixels (--how sensitivity), or a run whose head sees the last map only, for instance one with a softmax."
        )
    if wish.aim is None:
        return PREDICTED if groups else EXPECTED
    if groups and wish.aim == EXPECTED:
        raise UserError(
            f"This run tells age groups apart and expects no age: take the target {PREDICTED}, or an age of the group you mean."
        )
    return wish.aim


def layer_of(wish: Wish, last_map: str) -> str:
    """The layer whose map is taken: as wished, else the network's last map; PIXELS for sensitivity maps, UserError if they got one."""
    if wish.how != SENSITIVITY:
        return wish.layer or last_map
    if wish.layer:
        raise UserError("Sensitivity maps are maps of the pixels: leave --layer out, or take --how mean or grad_cam.")
    return PIXELS


def classes_for(aim: Aim, back: Restored, images: np.ndarray) -> Target:
    """The target of these photos (n, s, s, 3) for `class_activation_maps`, predicted classes held fixed; UserError for an unknown age."""
    if aim == EXPECTED:
        return "expected_age"
    if aim == PREDICTED:
        return predicted_classes(back.network.full, images) if len(back.bins) else "predicted_class"
    if back.labels:
        holding = [number for number, label in enumerate(back.labels) if years(label)[0] <= int(aim) <= years(label)[1]]
        if not holding:
            raise UserError(f"No group of this run holds the age {aim}. It has {', '.join(back.labels)}.")
        return holding[0]
    return int(class_numbers(np.array([float(aim)]), back.bins)[0])


def name_of(wish: Wish, aim: Aim, layer: str) -> str:
    """The name of the folder that holds maps of these settings: mean-expected_age-conv5_3, with the number of photos where not all."""
    of = aim if isinstance(aim, str) else f"age-{aim}"
    return f"{wish.how}-{of}-{layer}" + (f"-{wish.photos}-photos" if wish.photos else "")
