"""Refusals for settings that are each allowed but make no experiment together."""

from __future__ import annotations

from pathlib import Path

from agerepro.errors import UserError, near
from agerepro.experiment.schema import Classes, CrossEntropy, Experiment, Groups, HoldOutImages, HoldOutPeople, Protocol, Value


def check(experiment: Experiment, path: Path) -> None:
    """UserError that names the file and says which settings contradict each other."""
    names: list[str] = []
    for stage in experiment.stages:
        if stage.name in names:
            raise UserError(f"{path}: two stages are called {stage.name!r}.")
        if stage.start_from not in ("weights", "scratch", *names):
            raise UserError(
                f"{path}: stage {stage.name!r} starts from {stage.start_from!r}, which is no earlier stage."
                f"{near(stage.start_from, ['weights', 'scratch', *names])}"
            )
        if stage.start_from == "weights" and experiment.backbone.weights == "none":
            raise UserError(f"{path}: stage {stage.name!r} starts from weights, but backbone.weights is none.")
        names.append(stage.name)
        _check_division(stage.protocol, stage.split, stage is experiment.stages[-1], f"{path}: stage {stage.name!r}")
        if stage.halve_after and not _has_validation(stage.split or stage.protocol):
            raise UserError(f"{path}: stage {stage.name!r} halves its rate on the validation loss but has no validation part.")
        if stage.keep == "best_validation" and not _has_validation(stage.split or stage.protocol):
            raise UserError(f"{path}: stage {stage.name!r} keeps the best validated weights but has no validation part.")
    softmax = isinstance(experiment.head, Classes)
    for loss in experiment.loss:
        if isinstance(loss, CrossEntropy) != softmax:
            raise UserError(f"{path}: the loss {type(loss).__name__} does not fit a {type(experiment.head).__name__} head.")
    if isinstance(experiment.head, Value) != (experiment.decode == "value"):
        raise UserError(f"{path}: `decode: value` belongs to `head: value`, and to no other.")
    head = experiment.head
    if isinstance(head, Value) and head.start != "he_normal" and experiment.backbone.dense:
        raise UserError(f"{path}: a ridge regression starts the head on the backbone's own features: leave `backbone.dense` out.")
    if isinstance(head, Value) and head.start == "ridge_of_subset" and head.features != "stages":
        raise UserError(f"{path}: `start: ridge_of_subset` chooses among the statistics of stages: write `features: stages`.")
    if isinstance(experiment.stages[-1].target, Groups) and experiment.decode != "argmax":
        raise UserError(f"{path}: the last stage tells age groups apart, of which one is predicted: write `decode: argmax`.")


def _check_division(protocol: Protocol | None, split: HoldOutImages | HoldOutPeople | None, last: bool, where: str) -> None:
    if last and protocol is None:
        raise UserError(f"{where} is the last one and needs a protocol, for instance `protocol: leave_one_person_out`.")
    if not last and protocol is not None:
        raise UserError(f"{where} has a protocol; only the last stage may.")
    if protocol is not None and split is not None:
        raise UserError(f"{where} has both a split and a protocol; the protocol holds out its own validation people.")


def _has_validation(division: Protocol | HoldOutImages | HoldOutPeople | None) -> bool:
    if division is None:
        return False
    return (division.share if isinstance(division, (HoldOutImages, HoldOutPeople)) else division.validation_people) > 0
