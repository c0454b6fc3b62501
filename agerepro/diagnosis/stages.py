"""Whether a run's trunk has learnt ages, and which runs are the same network before and after."""

from __future__ import annotations

from typing import Literal

from agerepro.experiment.schema import Age, Experiment, Groups

Tuned = Literal["before", "after"]
BACKBONES = {"resnet50": "ResNet-50", "senet50": "SENet-50", "vgg16": "VGG-16", "dlib_resnet": "dlib ResNet"}  # in koenig2019's order


def tuned(experiment: Experiment) -> Tuned:
    """`after` where any stage trained all layers on ages, else `before`: then only a classifier was fitted to a trunk that knows people."""
    of_age = [stage for stage in experiment.stages if isinstance(stage.target, (Age, Groups))]
    return "after" if any(stage.train == "all" and stage.epochs > 0 for stage in of_age) else "before"


def backbone_in_words(experiment: Experiment) -> str:
    """The backbone as papers write it."""
    return BACKBONES.get(experiment.backbone.name, experiment.backbone.name)
