"""Folds of a regression on a layer's features, by the command line: a run as any other, failed folds, an engine that is not here."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from agerepro.config.learning import LayerFeatures, Regression
from agerepro.config.loading import read_experiment
from agerepro.config.schema import Augment, Backbone, Machine
from agerepro.errors import UserError
from agerepro.models.build import build_network
from agerepro.models.weights import LoadedWeights, weights_as_arrays
from agerepro.regression.automl import INTERPRETER
from agerepro.regression.engines import FitFailed
from agerepro.runs.layout import find_run
from agerepro.runs.plan import RunOptions, make_plan
from agerepro.training import folds as module
from agerepro.training.stages import Init, build_and_init
from tests.cli.place import invoke

REGRESSION = """
reproduces: {paper: koenig2019, table: table5, row: VGG-16-Faces2 First Layer}
faces:    {size: 40, smallest_face: 36}
backbone: {name: vgg16, width: 0.0625, dense: [16]}
augment:  {size: 32}
synthetic:
  vggface2: {people: 4, photos: 16, size: 96, seed: 3}
  fgnet:    {people: 4, size: 96, seed: 4}
stages:
  - name: people
    data: vggface2
    target: identity
    start_from: scratch
    split: {random: 0.2}
    epochs: 1
    batch_size: 8
    optimizer: {adam: 0.001}
  - name: fgnet
    data: fgnet
    start_from: people
    protocol: {leave_one_subject_out: {validation_subjects: 0.0}}
    features: {layer: first_conv}
    regressor: svr
decode: output
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("regression") / "mine" / "regression.yaml"
    path.parent.mkdir()
    path.write_text(REGRESSION, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(experiment: Path) -> Path:
    result = invoke("run", experiment, "--runs", experiment.parent / "runs")
    assert result.exit_code == 0, result.output
    assert "R2 (mean over folds)" in result.stdout
    return find_run(experiment.parent / "runs" / "koenig2019" / "regression").folder


def test_a_fold_is_what_scikit_learn_makes_of_the_stored_features(experiment: Path, finished: Path) -> None:
    (features,) = (experiment.parent / "runs" / "features").glob("*/plain.npy")
    plan = make_plan(RunOptions(experiment, runs=experiment.parent / "runs"))
    photos = plan.prepared["fgnet"].load().photos
    values, ages, people = np.load(features), photos["age"].to_numpy(float), photos["subject"].to_numpy()
    folds = pd.read_csv(finished / "folds.csv", dtype={"photo": str})
    part = folds.loc[folds["fold"] == 2].set_index("photo")["part"].reindex(photos["photo"])
    train, test = (part == "train").to_numpy(), (part == "test").to_numpy()
    inner = GroupKFold(len(set(people[train])))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SVR(epsilon=1.0)), {"svr__C": [1.0, 10.0, 100.0]}, scoring="neg_mean_absolute_error", cv=inner
    ).fit(values[train].astype(np.float64), ages[train], groups=people[train])
    stored = pd.read_csv(finished / "folds" / "002" / "predictions.csv").set_index("photo")["predicted"]
    expected = search.predict(values[test].astype(np.float64))
    np.testing.assert_allclose(stored.reindex(photos["photo"][test]), expected, atol=1e-3)
    assert json.loads((finished / "folds" / "002" / "fit.json").read_text())["engine"] == "svr"


def test_another_layer_is_another_run_on_the_same_shared_stage(experiment: Path, finished: Path) -> None:
    regression = make_plan(RunOptions(experiment, runs=experiment.parent / "runs"))
    training = read_experiment(experiment, settings=("stages.fgnet.features={layer: last_conv, pooling: mean}",))
    other = make_plan(RunOptions(experiment, runs=experiment.parent / "runs"), training)
    people = regression.experiment.stage("people")
    assert regression.digest(people, 0) == other.digest(people, 0) and regression.digest(people, 0) is not None
    assert regression.digest(regression.target, 0) != other.digest(other.target, 0)


def test_a_search_that_finds_nothing_is_a_failed_fold_and_the_others_go_on(
    experiment: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, calls = module.fit_engine, []

    def fail_once(*arguments: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise FitFailed("No trial ended within 5 s.")
        return fit(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "fit_engine", fail_once)
    result = invoke("run", experiment, "--runs", experiment.parent / "runs", "--set", "stages.fgnet.regressor={svr: {epsilon: 2.0}}")
    assert result.exit_code and "3 of 4 folds" in result.stdout and "No trial ended within 5 s." in str(result.exception)


def test_an_environment_that_is_missing_is_said_before_anything_starts(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERPRETER, str(tmp_path / "python"))
    result = invoke("run", experiment, "--runs", tmp_path / "runs", "--set", "stages.fgnet.regressor=autosklearn")
    assert isinstance(result.exception, UserError) and "make setup-automl" in str(result.exception)
    assert not (tmp_path / "runs").exists()


def test_settings_that_contradict_each_other_are_refused(experiment: Path) -> None:
    for setting, told in {
        "decode=expectation": "decode: output",
        "stages.fgnet.protocol={leave_one_subject_out: {validation_subjects: 0.2}}": "validation",
        "stages.fgnet.regressor={ridge: {choose: subset}}": "subsets",
        "stages.fgnet.regressor={svr: {cost: 1}}": "Did you mean 'costs'",
        "stages.fgnet.features={layer: first_conv, pooling: median}": "pooling",
    }.items():
        with pytest.raises(UserError, match=told):
            read_experiment(experiment, settings=(setting,))


def test_published_weights_enter_a_network_that_ends_at_an_early_layer() -> None:
    backbone, head = Backbone(name="vgg16", width=0.0625), Regression(features=LayerFeatures(layer="first_conv"))
    whole = build_network(backbone, Regression(), outputs={"years": 1}, size=32, seed=7).backbone
    tensors = weights_as_arrays(whole)
    published = LoadedWeights("vggface", "file.h5", "0" * 64, 1, "none", (), tensors)
    stage = SimpleNamespace(name="fgnet", keeps_backbone=lambda: True)
    task = SimpleNamespace(head=head, task=SimpleNamespace(outputs={"years": 1}), seed=0, stage=stage)
    network, about = build_and_init(task, Init("weights", published=published), backbone, Augment(size=32), Machine())  # type: ignore[arg-type]
    np.testing.assert_array_equal(weights_as_arrays(network.backbone)["conv1_1/kernel"], tensors["conv1_1/kernel"])
    assert set(weights_as_arrays(network.backbone)) == {"conv1_1/kernel", "conv1_1/bias"} and about["sha256"] == "0" * 64
