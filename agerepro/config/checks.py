"""What settings contradict each other, or would be ignored: told before anything is prepared or trained."""

from __future__ import annotations

from pathlib import Path

from agerepro.config.divisions import OfficialLists, OfficialSplit, Protocol, RandomParts, Split, validation_share
from agerepro.config.learning import (
    Age,
    AgeGroups,
    AgeRange,
    Classification,
    Cosine,
    CrossEntropy,
    MeanLoss,
    Plateau,
    Regression,
    Steps,
    VarianceLoss,
)
from agerepro.config.schema import AsItIs, AutoSklearn, BaseStage, ColumnFeature, Experiment, RegressionStage, Ridge, Stage
from agerepro.errors import UserError, suggest


def check(experiment: Experiment, path: Path) -> None:
    """UserError that names the file and says which settings contradict each other."""
    names: list[str] = []
    for stage in experiment.stages:
        if stage.name in names:
            raise UserError(f"{path}: two stages are called {stage.name!r}.")
        if stage.start_from not in ("weights", "scratch", *names):
            raise UserError(
                f"{path}: stage {stage.name!r} starts from {stage.start_from!r}, which is no earlier stage."
                f"{suggest(stage.start_from, ['weights', 'scratch', *names])}"
            )
        if stage.start_from == "weights" and experiment.backbone.weights == "none":
            raise UserError(f"{path}: stage {stage.name!r} starts from weights, but backbone.weights is none.")
        if stage.protocol is None and experiment.machine.xla and experiment.machine.devices != 1:
            raise UserError(f"{path}: XLA trains stage {stage.name!r} on one device only: leave `machine.xla` or `machine.devices` out.")
        if of := stage.predictions_of():
            if of not in names:
                raise UserError(f"{path}: stage {stage.name!r} needs predictions of {of!r}, which is no earlier stage.{suggest(of, names)}")
            if not isinstance(experiment.stage(of).target, Age):
                raise UserError(f"{path}: stage {stage.name!r} needs ages that {of!r} predicts, but that learns something else.")
        _check_target(experiment, stage, f"{path}: stage {stage.name!r}")
        names.append(stage.name)
        _check_division(stage.protocol, stage.split, stage is experiment.stages[-1], f"{path}: stage {stage.name!r}")
        validates = validation_share(stage.split or stage.protocol) > 0
        if isinstance(stage, RegressionStage):
            _check_regression(experiment, stage, f"{path}: stage {stage.name!r}")
            continue
        _check_schedule(stage, f"{path}: stage {stage.name!r}")
        if isinstance(stage.schedule, Plateau) and not validates:
            raise UserError(f"{path}: stage {stage.name!r} changes its rate by the validation loss but has no validation part.")
        if stage.checkpoint_selection == "best_validation" and not validates:
            raise UserError(f"{path}: stage {stage.name!r} keeps the best validated weights but has no validation part.")
    _check_dense(experiment, path)
    target = experiment.stages[-1]
    for stage in experiment.stages[:-1]:
        by_lists = isinstance(stage.split, OfficialSplit) and isinstance(target.protocol, OfficialLists)
        if stage.data == target.data and not by_lists:
            raise UserError(
                f"{path}: stage {stage.name!r} trains on {stage.data}, which stage {target.name!r} tests: every tested photo would "
                f"have been trained on. Take other data for {stage.name!r}, or leave the stage out; where the authors have lists, write "
                "`split: official` there and `protocol: official` here."
            )
    for stage in experiment.stages:
        seen = experiment.as_of(stage)
        for loss in seen.loss if isinstance(stage, Stage) else ():
            if isinstance(loss, (CrossEntropy, MeanLoss, VarianceLoss)) != isinstance(seen.head, Classification):
                raise UserError(
                    f"{path}: the loss {type(loss).__name__} does not fit a {type(seen.head).__name__} head (stage {stage.name!r})."
                )
        if not any(loss.weight for loss in seen.loss):
            raise UserError(f"{path}: every loss of stage {stage.name!r} weighs 0, so nothing would be learnt: give one of them a weight.")
    last = experiment.as_of(target)
    if isinstance(last.head, Regression) != (experiment.decode == "output"):
        raise UserError(f"{path}: `decode: output` belongs to `head: regression` or a regression on features, and to no other.")
    for head in (experiment.head, *(stage.head for stage in experiment.stages)):
        if isinstance(head, Regression) and head.init != "he_normal" and experiment.backbone.dense:
            raise UserError(f"{path}: a ridge regression starts the head on the backbone's own features: leave `backbone.dense` out.")
        if isinstance(head, Regression) and head.init == "ridge_best_subset" and head.features != "stages":
            raise UserError(f"{path}: `init: ridge_best_subset` chooses among the statistics of stages: write `features: stages`.")
        if isinstance(head, Classification) and isinstance(head.ages, AgeRange) and not head.ages.divides():
            raise UserError(f"{path}: steps of {head.ages.step:g} do not lead from {head.ages.first} to {head.ages.last}: change `step`.")
    if experiment.own.columns and experiment.own.pattern:
        raise UserError(f"{path}: `own` has both columns of a CSV file and a pattern of photos' names: leave one of them out.")
    if isinstance(experiment.stages[-1].target, AgeGroups) and experiment.decode != "argmax":
        raise UserError(f"{path}: the last stage tells age groups apart, of which one is predicted: write `decode: argmax`.")


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
                f"{path}: the published dense layers see the backbone's last map, but the head of stage {stage.name!r} sees other features: "
                "leave its `features` and `input_sizes` out, or write `dense_weights: fresh`."
            )


def _check_target(experiment: Experiment, stage: BaseStage, where: str) -> None:
    if stage.head is not None and not stage.target.by_own_head:
        raise UserError(f"{where} learns names by a softmax over them and has no other head: leave its `head` out.")
    if not isinstance(stage.target, Age):
        return
    head = experiment.as_of(stage).head
    if stage.target.residual_of and isinstance(head, Classification) and head.label == "exact":
        raise UserError(f"{where} learns residuals, which are decimals: write `label: nearest` in its `head`.")
    if stage.target.residuals == "cross_fitted":
        _check_cross_fitting(experiment, stage, where)


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


def _check_schedule(stage: Stage, where: str) -> None:
    schedule = stage.schedule
    if isinstance(schedule, Steps):
        if bool(schedule.every) == bool(schedule.at):
            raise UserError(f"{where} changes its rate by steps: write either `every: EPOCHS` or `at: [EPOCH, ...]` under `steps`.")
        if list(schedule.at) != sorted(set(schedule.at)):
            raise UserError(f"{where} changes its rate at epochs {list(schedule.at)}: write each once, in rising order.")
    if isinstance(schedule, Cosine) and schedule.to >= stage.optimizer.learning_rate:
        raise UserError(
            f"{where} falls from the rate {stage.optimizer.learning_rate:g} to {schedule.to:g}, which is no fall: lower `cosine.to`."
        )


def _check_regression(experiment: Experiment, stage: RegressionStage, where: str) -> None:
    if stage is not experiment.stages[-1]:
        raise UserError(f"{where} is a regression; only the last stage may be one.")
    experiment = experiment.as_of(stage)
    if not isinstance(experiment.head, Regression) or not isinstance(stage.target, Age):
        raise UserError(f"{where} is a regression of ages on features: write `features: {{layer: ...}}` in it, or `head: regression`.")
    if stage.head is not None and stage.features is not None:
        raise UserError(f"{where} has `features` and a `head`, which would say other ones: leave one of them out.")
    if isinstance(stage.features, ColumnFeature):
        if stage.target.residual_of:
            raise UserError(f"{where} takes one number a photo and learns no residuals: leave `residual_of` out.")
        if bool(stage.features.column) == bool(stage.features.predicted_by):
            raise UserError(f"{where} takes one number a photo: write `column` or `predicted_by` in `features`, and one of them only.")
        if isinstance(stage.regressor, (Ridge, AutoSklearn)):
            raise UserError(f"{where} takes one number a photo: its regressor may be svr, flaml or as_it_is.")
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


def _check_division(protocol: Protocol | None, split: Split | None, last: bool, where: str) -> None:
    if last and protocol is None:
        raise UserError(f"{where} is the last one and needs a protocol, for instance `protocol: leave_one_subject_out`.")
    if not last and protocol is not None:
        raise UserError(f"{where} has a protocol; only the last stage may.")
    if protocol is not None and split is not None:
        raise UserError(f"{where} has both a split and a protocol; the protocol holds out its own validation part.")
    if isinstance(protocol, RandomParts) and protocol.test + protocol.validation >= 1:
        raise UserError(
            f"{where} tests {protocol.test:g} and validates on {protocol.validation:g} of all, which leaves nothing to train on: the two "
            "shares must come to less than 1."
        )
