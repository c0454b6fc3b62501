"""Names on disk: what is new in the settings moves no old one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Experiment
from agerepro.io import config_hash
from agerepro.training.naming import stage_settings

CASCADE = Path(__file__).parents[2] / "experiments" / "koenig2019" / "vgg16-imdb-agedb.yaml"
REGRESSION = CASCADE.with_name("regression-faces2.yaml")


def settings_of(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """By stage, apart from the variables that this process was started with."""
    named = {stage.name: stage_settings(experiment, stage, data="data", start="start", seed=0) for stage in experiment.stages}
    return {stage: {key: value for key, value in settings.items() if key != "environment"} for stage, settings in named.items()}


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("paper", {"imdb": "9d55ae0790bb19e2", "agedb": "8ff4809c226bb220", "fgnet": "100089b5a257e6b5"}),
        (
            "demo",
            {"people": "d7d8e8c83df3219d", "imdb": "c05beef36486990d", "agedb": "24c6a32f7fa58674", "fgnet": "4d7995b2fcf85328"},
        ),
    ],
)
def test_stages_are_named_as_before_there_were_other_optimizers_schedules_and_crops(profile: str, names: dict[str, str]) -> None:
    experiment = read_experiment(CASCADE, profile=profile)
    assert {stage: config_hash(settings) for stage, settings in settings_of(experiment).items()} == names


def test_every_stage_that_is_trained_otherwise_has_another_name() -> None:
    usual = read_experiment(CASCADE)
    names = {config_hash(settings_of(usual)["fgnet"])}
    changes = ["optimizer={sgd: 0.0001}", "optimizer={rmsprop: 0.0001}", "optimizer={sgd: {learning_rate: 0.0001, momentum: 0.9}}"]
    changes += ["schedule={steps: 3}", "schedule={steps: {at: [3]}}", "schedule=cosine", "schedule=constant"]
    for change in changes:
        names.add(config_hash(settings_of(read_experiment(CASCADE, settings=[f"stages.fgnet.{change}"]))["fgnet"]))
    names.add(config_hash(settings_of(replace(usual, augment=replace(usual.augment, random_crop=0.875)))["fgnet"]))
    dense = [replace(usual.backbone, dropout=0.5), replace(usual.backbone, dense_weights="published")]
    names |= {config_hash(settings_of(replace(usual, backbone=backbone))["fgnet"]) for backbone in dense}
    assert len(names) == 1 + len(changes) + 1 + len(dense)


def test_a_regression_on_features_before_the_dense_layers_is_named_without_them() -> None:
    usual = read_experiment(REGRESSION)
    other = replace(usual, backbone=replace(usual.backbone, dense=(4096, 4096), dense_weights="published", dropout=0.5))
    stage = usual.stages[-1].name
    assert settings_of(other)[stage] == settings_of(usual)[stage]


def test_a_constant_rate_has_the_name_of_no_schedule() -> None:
    constant, none = (read_experiment(CASCADE, settings=[f"stages.fgnet.schedule={word}"]) for word in ("constant", "null"))
    assert settings_of(constant) == settings_of(none)


def test_a_loss_of_a_stage_names_that_stage_alone_and_none_names_nothing() -> None:
    usual, none, own = (
        settings_of(read_experiment(CASCADE, settings=settings))
        for settings in ([], ["stages.fgnet.loss=null"], ["stages.fgnet.loss=[cross_entropy, {mean: 0.2}]"])
    )
    assert none == usual and "loss" not in usual["fgnet"]["stage"]
    assert {stage for stage in usual if own[stage] != usual[stage]} == {"fgnet"}
    assert own["fgnet"]["loss"] == own["fgnet"]["stage"]["loss"] == [{"cross_entropy": {}}, {"mean": {"weight": 0.2, "unit": 1.0}}]


def test_a_training_without_a_part_has_another_name_than_the_whole() -> None:
    residual = read_experiment(Path(__file__).parents[1] / "runs" / "residual.yaml")
    trainings = [residual.stage("real"), *residual.predictors(residual.stage("middle"))[1:]]
    names = {config_hash(stage_settings(residual, stage, data="data", start="start", seed=0)) for stage in trainings}
    assert len(names) == len(trainings) == 3
