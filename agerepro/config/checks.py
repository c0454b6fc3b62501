"""What settings contradict each other, or would be ignored: told before anything is prepared or trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from agerepro.config.divisions import OfficialLists, OfficialSplit, RandomParts, may_validate, validation_share
from agerepro.config.learning import (
    LOSSES,
    SGD,
    Age,
    AgeGroups,
    AgeRange,
    Classification,
    Cosine,
    CrossEntropy,
    Head,
    Identity,
    LayerFeatures,
    Loss,
    MeanLoss,
    Plateau,
    Regression,
    Steps,
    VarianceLoss,
)
from agerepro.config.schema import AsItIs, AutoSklearn, BaseStage, ColumnFeature, Experiment, RegressionStage, Ridge, Stage
from agerepro.errors import UserError, suggest

NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a stage; folders, steps of a plan and --set are named by it
RESERVED = re.compile(r".*-without-\d+-of-\d+")  # what Experiment.predictors calls the trainings of cross-fitted residuals
STARTS = ("weights", "scratch")  # that are no stage


def check(experiment: Experiment, path: Path) -> None:
    """UserError that names the file and says which settings contradict each other, or which would change nothing."""
    earlier: list[str] = []
    for stage in experiment.stages:
        where = f"{path}: stage {stage.name!r}"
        _check_name(stage, earlier, where)
        _check_needs(experiment, stage, earlier, where)
        _check_target(experiment, stage, where)
        _check_division(stage, stage is experiment.stages[-1], where)
        if isinstance(stage, RegressionStage):
            _check_regression(experiment, stage, where)
        if isinstance(stage, Stage):
            _check_training(experiment, stage, where)
        earlier.append(stage.name)
    _check_dense(experiment, path)
    for stage in experiment.stages[:-1]:
        _check_is_needed(experiment, stage, f"{path}: stage {stage.name!r}")
    for stage in experiment.stages:
        _check_loss(experiment, stage, path)
    _check_last(experiment, path)
    for head in (experiment.head, *(stage.head for stage in experiment.stages)):
        _check_head(head, bool(experiment.backbone.dense), path)
    _check_is_used(experiment, path)
    if experiment.own.columns and experiment.own.pattern:
        raise UserError(f"{path}: `own` has both columns of a CSV file and a pattern of photos' names: leave one of them out.")
    if len(set(experiment.seeds)) < len(experiment.seeds):
        raise UserError(f"{path}: `seeds: {list(experiment.seeds)}` has one of them twice, which would count as two trainings.")


def _default(settings: Any, name: str) -> Any:
    (field,) = (field for field in fields(settings) if field.name == name)
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _is_default(settings: Any, name: str) -> bool:
    return bool(getattr(settings, name) == _default(settings, name))


def _check_name(stage: BaseStage, earlier: Sequence[str], where: str) -> None:
    if stage.name in earlier:
        raise UserError(f"{where} stands twice: give one of them another name.")
    if stage.name in STARTS:
        raise UserError(f"{where} has a name that means something else in `start_from`: give it another.")
    if not NAME.fullmatch(stage.name):
        raise UserError(f"{where} has a name that folders cannot have: take letters, digits, `_` and `-` only.")
    if RESERVED.fullmatch(stage.name):
        raise UserError(f"{where} has a name that is kept for the trainings of cross-fitted residuals: give it another.")


def _check_needs(experiment: Experiment, stage: BaseStage, earlier: Sequence[str], where: str) -> None:
    if stage.start_from not in (*STARTS, *earlier):
        raise UserError(
            f"{where} starts from {stage.start_from!r}, which is no earlier stage.{suggest(stage.start_from, [*STARTS, *earlier])}"
        )
    if stage.start_from == "weights" and experiment.backbone.weights == "none":
        raise UserError(f"{where} starts from weights, but backbone.weights is none.")
    if stage.protocol is None and experiment.machine.xla and experiment.machine.devices != 1:
        raise UserError(f"{where} is trained on one device only by XLA: leave `machine.xla` or `machine.devices` out.")
    if of := stage.predictions_of():
        if of not in earlier:
            raise UserError(f"{where} needs predictions of {of!r}, which is no earlier stage.{suggest(of, earlier)}")
        if not isinstance(experiment.stage(of).target, Age):
            raise UserError(f"{where} needs ages that {of!r} predicts, but that learns something else.")


def _check_target(experiment: Experiment, stage: BaseStage, where: str) -> None:
    for name in ("head", "loss"):
        if getattr(stage, name) is not None and not stage.target.by_own_head:
            raise UserError(f"{where} learns names by a softmax over them and has no other {name}: leave its `{name}` out.")
    if not isinstance(stage.target, Age):
        return
    head = experiment.as_of(stage).head
    if stage.target.residual_of and isinstance(head, Classification) and head.label == "exact":
        raise UserError(f"{where} learns residuals, which are decimals: write `label: nearest` in its `head`.")
    if stage.target.column == "score" and experiment.sample_weights != "none":
        raise UserError(f"{where} learns a score, whose uncertainty nobody tells: leave `sample_weights` out.")
    if stage.target.residuals == "cross_fitted":
        _check_cross_fitting(experiment, stage, where)
    elif not _is_default(stage.target, "parts"):
        raise UserError(f"{where} divides its residuals into parts, which cross-fitting alone does: write `residuals: cross_fitted`, too.")


def _check_cross_fitting(experiment: Experiment, stage: BaseStage, where: str) -> None:
    if not stage.target.residual_of:
        raise UserError(f"{where} has cross-fitted residuals of no stage: write `residual_of` as well.")
    named = experiment.stage(stage.target.residual_of)
    if named.data != stage.data or not isinstance(named.split, OfficialSplit):
        raise UserError(f"{where} cross-fits residuals of {named.name!r}, which has to train on the same data with `split: official`.")
    if isinstance(named.target, Age) and named.target.residual_of and named.target.residuals != "cross_fitted":
        raise UserError(
            f"{where} cross-fits residuals of {named.name!r}, whose own are of photos that {named.target.residual_of!r} has seen: write "
            "`residuals: cross_fitted` there, too."
        )
    start = [] if named.start_from in STARTS else [experiment.stage(named.start_from)]
    for other in (*start, *(before for stage in start for before in experiment.earlier(stage))):
        if other.data == stage.data:
            raise UserError(
                f"{where} cross-fits residuals of {named.name!r}, whose first weights have seen every part in stage {other.name!r}: start "
                f"{named.name!r} from weights of other data, or write `residuals: in_sample`."
            )


def _check_division(stage: BaseStage, last: bool, where: str) -> None:
    protocol, split = stage.protocol, stage.split
    if last and protocol is None:
        raise UserError(f"{where} is the last one and needs a protocol, for instance `protocol: leave_one_subject_out`.")
    if not last and protocol is not None:
        raise UserError(f"{where} has a protocol; only the last stage may.")
    if protocol is not None and split is not None:
        raise UserError(f"{where} has both a split and a protocol; the protocol holds out its own validation part.")
    if isinstance(split, OfficialSplit) and split.without_part is not None:
        raise UserError(f"{where} leaves out a part of its training images, which cross-fitted residuals do by themselves: see `parts`.")
    if isinstance(protocol, RandomParts) and protocol.test + protocol.validation >= 1:
        raise UserError(
            f"{where} tests {protocol.test:g} and validates on {protocol.validation:g} of all, which leaves nothing to train on: the two "
            "shares must come to less than 1."
        )


def _check_training(experiment: Experiment, stage: Stage, where: str) -> None:
    schedule, optimizer = stage.schedule, stage.optimizer
    if isinstance(schedule, Steps):
        if bool(schedule.every) == bool(schedule.at):
            raise UserError(f"{where} changes its rate by steps: write either `every: EPOCHS` or `at: [EPOCH, ...]` under `steps`.")
        if list(schedule.at) != sorted(set(schedule.at)):
            raise UserError(f"{where} changes its rate at epochs {list(schedule.at)}: write each once, in rising order.")
    if isinstance(schedule, Cosine) and schedule.to >= optimizer.learning_rate:
        raise UserError(f"{where} falls from the rate {optimizer.learning_rate:g} to {schedule.to:g}, which is no fall: lower `cosine.to`.")
    if isinstance(optimizer, SGD) and optimizer.nesterov and not optimizer.momentum:
        raise UserError(f"{where} has Nesterov's momentum of 0: write `momentum`, or leave `nesterov` out.")
    validates = may_validate(stage.split or stage.protocol)
    if isinstance(schedule, Plateau) and not validates:
        raise UserError(f"{where} changes its rate by the validation loss but has no validation part.")
    if stage.keeps_best() and not validates:
        raise UserError(f"{where} keeps the best validated weights but has no validation part.")
    if not stage.epochs:
        _check_untrained(experiment, stage, where)


def _check_untrained(experiment: Experiment, stage: Stage, where: str) -> None:
    """What is not trained at all needs a last layer that an earlier stage has trained, or that ridge regression fits in each fold."""
    head = experiment.as_of(stage).head
    if head.init != "he_normal" and stage.protocol is not None:
        return
    if stage.start_from in STARTS:
        raise UserError(
            f"{where} trains for no epoch, and nobody has trained its last layer: start it from a stage that learns the same, or give it "
            "epochs."
        )
    start = experiment.stage(stage.start_from)
    if not (stage.target.same_kind(start.target) and _may_have_same_outputs(head, experiment.as_of(start).head)):
        raise UserError(
            f"{where} trains for no epoch, and the last layer of {start.name!r} stands for something else: give both stages the same "
            "`target` and `head`, or give it epochs."
        )


def _may_have_same_outputs(head: Head, other: Head) -> bool:
    """Whether one head's last layer may be the other's; of classes that are observed the photos say which."""
    if isinstance(head, Classification) and isinstance(other, Classification):
        return "observed" in (head.ages, other.ages) or head.ages == other.ages
    return isinstance(head, Regression) and isinstance(other, Regression) and replace(head, init=other.init) == other


def _check_regression(experiment: Experiment, stage: RegressionStage, where: str) -> None:
    if stage is not experiment.stages[-1]:
        raise UserError(f"{where} is a regression; only the last stage may be one.")
    experiment = experiment.as_of(stage)
    if not isinstance(experiment.head, Regression) or not isinstance(stage.target, Age):
        raise UserError(f"{where} is a regression of ages on features: write `features: {{layer: ...}}` in it, or `head: regression`.")
    if stage.head is not None and stage.features is not None:
        raise UserError(f"{where} has `features` and a `head`, which would say other ones: leave one of them out.")
    if stage.loss is not None:
        raise UserError(f"{where} is fitted by its regressor and by no loss: leave its `loss` out.")
    if isinstance(stage.features, ColumnFeature):
        _check_column(stage, stage.features, where)
    elif isinstance(stage.regressor, AsItIs):
        raise UserError(f"{where} predicts one number as it is: write `features: {{column: ...}}` or `{{predicted_by: ...}}`.")
    if experiment.backbone.dense:
        raise UserError(f"{where} sees the backbone's own features: leave `backbone.dense` out.")
    if isinstance(stage.regressor, Ridge) and stage.regressor.choose != "strength" and experiment.head.features != "stages":
        raise UserError(f"{where} takes subsets of the statistics of stages: write `head: {{regression: {{features: stages}}}}`.")
    if experiment.sample_weights != "none" and not isinstance(stage.regressor, Ridge):
        raise UserError(f"{where} weighs all photos alike: leave `sample_weights` out; only `regressor: ridge` heeds them.")
    if validation_share(stage.protocol) > 0:
        raise UserError(f"{where} chooses inside its training part and needs no validation part: set the protocol's share of it to 0.")


def _check_column(stage: RegressionStage, features: ColumnFeature, where: str) -> None:
    if stage.target.residual_of:
        raise UserError(f"{where} takes one number a photo and learns no residuals: leave `residual_of` out.")
    if bool(features.column) == bool(features.predicted_by):
        raise UserError(f"{where} takes one number a photo: write `column` or `predicted_by` in `features`, and one of them only.")
    if isinstance(stage.regressor, (Ridge, AutoSklearn)):
        raise UserError(f"{where} takes one number a photo: its regressor may be svr, flaml or as_it_is.")
    if stage.start_from != "scratch":
        raise UserError(f"{where} takes one number a photo and looks at no network: leave `start_from` out.")


def _check_dense(experiment: Experiment, path: Path) -> None:
    backbone = experiment.backbone
    if backbone.dropout and not backbone.dense:
        raise UserError(f"{path}: `backbone.dropout` is behind dense layers, and there are none: write `dense` or leave `dropout` out.")
    if backbone.dense_weights == "fresh":
        return
    if backbone.weights == "none":
        raise UserError(f"{path}: `backbone.dense_weights: published` needs published weights, and `backbone.weights` is none.")
    for stage in experiment.stages:
        head = experiment.as_of(stage).head
        if experiment.as_of(stage).backbone.dense and isinstance(head, Regression) and (head.features != "last" or head.input_sizes):
            raise UserError(
                f"{path}: the published dense layers see the backbone's last map, and the head of stage {stage.name!r} other features: "
                "leave its `features` and `input_sizes` out, or write `dense_weights: fresh`."
            )


def _check_is_needed(experiment: Experiment, stage: BaseStage, where: str) -> None:
    last = experiment.stages[-1]
    by_lists = isinstance(stage.split, OfficialSplit) and isinstance(last.protocol, OfficialLists)
    if stage.data == last.data and not by_lists:
        raise UserError(
            f"{where} trains on {stage.data}, which stage {last.name!r} tests: every tested photo would have been trained on. Take other "
            f"data for {stage.name!r}, or leave the stage out; where the authors have lists, write `split: official` there and "
            "`protocol: official` here."
        )
    if stage not in experiment.earlier(last):
        raise UserError(
            f"{where} is nothing that stage {last.name!r} builds on, so that it would never be trained: name it in `start_from`, "
            "`residual_of` or `predicted_by` of a later stage, or leave it out."
        )


def _check_loss(experiment: Experiment, stage: BaseStage, path: Path) -> None:
    seen = experiment.as_of(stage)
    for loss in seen.loss if isinstance(stage, Stage) else ():
        if isinstance(loss, (CrossEntropy, MeanLoss, VarianceLoss)) != isinstance(seen.head, Classification):
            raise UserError(
                f"{path}: the loss {type(loss).__name__} does not fit a {type(seen.head).__name__} head (stage {stage.name!r})."
            )
    if not any(loss.weight for loss in seen.loss):
        raise UserError(f"{path}: every loss of stage {stage.name!r} weighs 0, so nothing would be learnt: give one of them a weight.")


def _check_last(experiment: Experiment, path: Path) -> None:
    last = experiment.stages[-1]
    if isinstance(last.target, Identity):
        raise UserError(f"{path}: the last stage tells people apart, and only ages or age groups can be tested: write another `target`.")
    if isinstance(experiment.as_of(last).head, Regression) != (experiment.decode == "output"):
        raise UserError(f"{path}: `decode: output` belongs to `head: regression` or a regression on features, and to no other.")
    if isinstance(last.target, AgeGroups) and experiment.decode != "argmax":
        raise UserError(f"{path}: the last stage tells age groups apart, of which one is predicted: write `decode: argmax`.")


def _check_head(head: Head | None, dense: bool, path: Path) -> None:
    if isinstance(head, Classification) and isinstance(head.ages, AgeRange):
        if head.ages.first >= head.ages.last:
            raise UserError(f"{path}: ages from {head.ages.first} to {head.ages.last} are no two classes: put the younger age first.")
        if not head.ages.divides():
            raise UserError(f"{path}: steps of {head.ages.step:g} do not lead from {head.ages.first} to {head.ages.last}: change `step`.")
    if not isinstance(head, Regression):
        return
    if head.init != "he_normal" and dense:
        raise UserError(f"{path}: a ridge regression starts the head on the backbone's own features: leave `backbone.dense` out.")
    if head.init == "ridge_best_subset" and head.features != "stages":
        raise UserError(f"{path}: `init: ridge_best_subset` chooses among the statistics of stages: write `features: stages`.")
    if head.features != "stages" and not _is_default(head, "statistics"):
        raise UserError(f"{path}: `head.regression.statistics` are taken of stages: write `features: stages`, or leave them out.")
    if isinstance(head.features, LayerFeatures) and head.input_sizes:
        raise UserError(f"{path}: features of one layer are of one input size: leave `head.regression.input_sizes` out.")


def _check_is_used(experiment: Experiment, path: Path) -> None:
    """What the experiment says of its stages must be true of one of them; no kind of loss is counted twice."""
    by_own_head = [stage for stage in experiment.stages if stage.target.by_own_head]
    for name in ("head", "loss"):
        if all(getattr(stage, name) is not None for stage in by_own_head) and not _is_default(experiment, name):
            raise UserError(f"{path}: no stage learns by the experiment's `{name}`: leave it out.")
    if experiment.sample_weights != "none" and not by_own_head:
        raise UserError(f"{path}: no stage learns ages in years, which alone `sample_weights` weigh: leave them out.")
    for losses in (experiment.loss, *(stage.loss or () for stage in experiment.stages)):
        kinds = [_word(loss) for loss in losses]
        if twice := [kind for kind in kinds if kinds.count(kind) > 1]:
            raise UserError(f"{path}: the loss {twice[0]} stands twice: write it once, with its weight.")


def _word(loss: Loss) -> str:
    return next(word for word, kind in LOSSES.items() if kind is type(loss))
