"""An experiment with its last stage replaced by a regression on features: what `agerepro regress` fits, as a run of its own."""

from __future__ import annotations

from dataclasses import replace

from agerepro.config.divisions import ImageKFold, OfficialLists, Protocol, RandomParts
from agerepro.config.learning import Age, LayerFeatures
from agerepro.config.schema import SVR, AutoSklearn, Experiment, Flaml, RegressionStage, Reproduces, Ridge, Stage

Regressor = Ridge | AutoSklearn | Flaml | SVR


def as_regression(
    experiment: Experiment,
    start_from: str,
    features: LayerFeatures,
    regressor: Regressor,
    *,
    seed: int,
    reproduces: Reproduces | None = None,
) -> Experiment:
    """The experiment with a regression of ages for its last stage, on the same data and folds; stages that it does not need are left out.

    Whoever validated joins the training part: a regression chooses inside it.
    """
    target = experiment.stages[-1]
    stage = RegressionStage(
        name=target.name,
        data=target.data,
        target=Age(column=target.target.column) if isinstance(target.target, Age) else Age(),
        start_from=start_from,
        protocol=without_validation(target.protocol) if target.protocol is not None else None,
        features=features,
        regressor=regressor,
    )
    stages = (*chain_of(experiment, start_from), stage)
    weights = experiment.sample_weights if isinstance(regressor, Ridge) else "none"  # the other engines weigh photos alike
    return replace(experiment, stages=stages, decode="output", seeds=(seed,), reproduces=reproduces, sample_weights=weights)


def chain_of(experiment: Experiment, start_from: str) -> list[Stage | RegressionStage]:
    """The shared stages that lead to the weights that `start_from` means, those whose predictions are needed with them, in order."""
    last = next((stage for stage in experiment.stages if stage.name == start_from), None)
    needed = {stage.name for stage in (*experiment.earlier(last), last)} if last else set()
    return [stage for stage in experiment.stages if stage.name in needed]


def chain_of_weights(experiment: Experiment, start_from: str) -> list[Stage | RegressionStage]:
    """The shared stages whose weights hand on to the next, in order, the last being `start_from`; none for published ones."""
    stages, chain = {stage.name: stage for stage in experiment.stages}, []
    while start_from in stages:
        chain.append(stages[start_from])
        start_from = stages[start_from].start_from
    return chain[::-1]


def without_validation(protocol: Protocol) -> Protocol:
    """The protocol with nobody held out to choose by."""
    if isinstance(protocol, RandomParts):
        return replace(protocol, validation=0.0)
    if isinstance(protocol, (ImageKFold, OfficialLists)):
        return replace(protocol, validation_images=0.0)
    return replace(protocol, validation_subjects=0.0)
