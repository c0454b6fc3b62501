"""Tasks: what a head gives, what it is compared with, and the columns that come of it; made with data, and restored without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from agerepro.config.divisions import OfficialLists, OfficialSplit
from agerepro.config.learning import (
    Adam,
    Age,
    AgeGroups,
    AgeRange,
    Classification,
    CrossEntropy,
    Identity,
    MeanLoss,
    Regression,
    SquaredError,
    VarianceLoss,
)
from agerepro.config.schema import Backbone, Experiment, Faces, Stage
from agerepro.errors import UserError
from agerepro.tasks.decode import DECODE
from agerepro.tasks.labels import prediction_column
from agerepro.tasks.task import Accuracy, AgeMAE, AgeTask, make_task, restore_task
from tests.tasks.test_labels import photos

RESIDUAL = Classification(ages=AgeRange(first=-50, last=50), label="nearest")
SETTINGS = {"epochs": 1, "batch_size": 8, "optimizer": Adam(0.001), "data": "appareal"}
PEOPLE = Stage(name="people", target=Identity(), start_from="scratch", **SETTINGS)
GROUPS = Stage(name="groups", target=AgeGroups(labels=("0-20", "21-100")), start_from="people", **SETTINGS)
REAL = Stage(name="real", start_from="people", split=OfficialSplit(), **SETTINGS)
LAST = Stage(name="last", target=Age(residual_of="real"), head=RESIDUAL, start_from="people", protocol=OfficialLists(), **SETTINGS)
EXPERIMENT = Experiment(
    faces=Faces(),
    backbone=Backbone(name="vgg16"),
    stages=(PEOPLE, GROUPS, REAL, LAST),
    loss=(CrossEntropy(), MeanLoss(0.2), VarianceLoss(0.05)),
)
TABLE = photos(**{prediction_column("real"): [28.25, 8.5, 75.0]})
SCORES = dataclasses.replace(
    EXPERIMENT, head=Regression(), loss=(SquaredError(),), decode="output", stages=(dataclasses.replace(REAL, target=Age(column="score")),)
)


def posteriors(*rows: list[float]) -> np.ndarray:
    return np.array(rows, float)


@pytest.mark.parametrize(
    ("experiment", "stage", "outputs", "targets"),
    [
        (EXPERIMENT, PEOPLE, {"logits": 2}, [0, 0, 1]),
        (EXPERIMENT, GROUPS, {"logits": 2}, [1, 0, 1]),
        (EXPERIMENT, REAL, {"logits": 3}, [30, 4, 71]),
        (EXPERIMENT, LAST, {"logits": 101}, [2, -4, -4]),  # 1.75, -4.5 (the older of two as near), -4
        (SCORES, SCORES.stages[0], {"years": 1}, [0.25, 0.7, 0.95]),
    ],
)
def test_outputs_and_targets_of_every_kind(experiment: Experiment, stage: Stage, outputs: dict[str, int], targets: list[float]) -> None:
    task = make_task(experiment, stage, TABLE)
    assert task.outputs == outputs and task.main == next(iter(outputs))
    (values,) = task.targets(TABLE).values()
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, targets)
    assert task.targets(TABLE).keys() == task.losses().keys() == task.metrics().keys() == outputs.keys()


def test_a_task_says_what_its_classes_stand_for() -> None:
    tasks = [restore_task(EXPERIMENT, stage, np.empty(0)) for stage in EXPERIMENT.stages]
    assert [task.stands_for for task in tasks] == ["name", "name", "age", "residual"]
    assert restore_task(SCORES, SCORES.stages[0], np.empty(0)).stands_for == "score"


@pytest.mark.parametrize("stage", EXPERIMENT.stages, ids=lambda stage: stage.name)
def test_a_task_comes_back_from_its_classes(stage: Stage) -> None:
    made = make_task(EXPERIMENT, stage, TABLE)
    back = restore_task(EXPERIMENT, stage, made.bins)
    assert type(back) is type(made) and back.outputs == made.outputs and back.labels == made.labels and back.main == made.main
    for field in dataclasses.fields(made):
        if field.name == "names" and stage is PEOPLE:
            assert made.names == ("1", "2") and back.names == ()  # who they are is not kept
        elif field.name == "bins":
            np.testing.assert_array_equal(back.bins, made.bins)
        else:
            assert getattr(back, field.name) == getattr(made, field.name)
    logits = np.random.default_rng(0).normal(size=(3, len(made.bins))).astype(np.float32)
    np.testing.assert_array_equal(back.answer({"logits": logits}), made.answer({"logits": logits}))
    if stage is not PEOPLE:
        answers = made.answer({"logits": logits})
        ours, theirs = (task.columns(answers, TABLE, how="argmax") for task in (made, back))
        pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs))


def test_a_stage_s_own_head_stands_in_place_of_the_experiment_s() -> None:
    np.testing.assert_array_equal(make_task(EXPERIMENT, LAST, TABLE).bins, np.arange(-50, 51))
    np.testing.assert_array_equal(make_task(EXPERIMENT, REAL, TABLE).bins, [4, 30, 71])


def test_losses_by_output_are_the_weighted_ones_by_hand() -> None:
    task = make_task(EXPERIMENT, REAL, TABLE)
    logits = np.log(posteriors([0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.125, 0.125, 0.75]))
    mean = np.exp(logits) @ task.bins
    variance = np.exp(logits) @ task.bins**2 - mean**2
    expected = -np.log([0.5, 0.5, 0.75]) + 0.2 * (mean - [30, 4, 71]) ** 2 / 2 + 0.05 * variance
    np.testing.assert_allclose(np.asarray(task.losses()["logits"](np.array([30.0, 4.0, 71.0]), logits)), expected, rtol=1e-4)
    people = make_task(EXPERIMENT, PEOPLE, TABLE)  # told apart by cross-entropy alone
    cross_entropy = people.losses()["logits"](np.array([0.0, 1.0]), np.log(posteriors([0.25, 0.75], [0.5, 0.5])))
    np.testing.assert_allclose(np.asarray(cross_entropy), -np.log([0.25, 0.5]), rtol=1e-5)


def test_an_answer_is_a_posterior_or_one_number() -> None:
    task = make_task(EXPERIMENT, REAL, TABLE)
    logits = np.log(posteriors([0.25, 0.5, 0.25], [0.5, 0.25, 0.25])).astype(np.float32)
    np.testing.assert_allclose(task.answer({"logits": logits}), posteriors([0.25, 0.5, 0.25], [0.5, 0.25, 0.25]), rtol=1e-6)
    scores = make_task(SCORES, SCORES.stages[0], TABLE)
    answer = scores.answer({"years": np.array([[0.5], [0.75]], np.float32)})
    assert answer.dtype == np.float64
    np.testing.assert_array_equal(answer, [[0.5], [0.75]])


@pytest.mark.parametrize("how", list(DECODE))
def test_the_earlier_prediction_is_added_to_every_decoding_and_rounding_comes_after(how: str) -> None:
    task = AgeTask(Age(residual_of="real"), RESIDUAL, (CrossEntropy(),), np.array([-1, 0, 3], np.float32))
    answers = posteriors([0.25, 0.5, 0.25], [0.6, 0.2, 0.2], [0.1, 0.3, 0.6])
    columns = task.columns(answers, TABLE, how=how)
    base = np.array([28.25, 8.5, 75.0])
    by_hand = {
        "expectation": [28.75, 8.5, 76.7],
        "median": [28.25, 7.5, 78.0],
        "argmax": [28.25, 7.5, 78.0],
        "rounded": [29.0, 9.0, 77.0],  # before the addition, the residuals 0.5, 0 and 1.7 would have given 29.25, 8.5 and 77
    }
    for name, years in by_hand.items():
        np.testing.assert_allclose(columns[name], years, err_msg=name)
    np.testing.assert_allclose(columns["predicted"], by_hand[how])
    np.testing.assert_array_equal(columns["age"], TABLE["age"])  # judged by the label, not by the residual
    np.testing.assert_array_equal(task.offset(TABLE), base)


def test_the_earlier_prediction_is_added_to_one_number() -> None:
    task = AgeTask(Age("apparent_age", residual_of="real"), Regression(), (SquaredError(),))
    columns = task.columns(np.array([[1.5], [-4.0], [0.0]]), TABLE, how="output")
    np.testing.assert_allclose(columns["predicted"], [29.75, 4.5, 75])
    np.testing.assert_array_equal(columns["age"], TABLE["apparent_age"])
    assert all(np.isnan(columns[name]).all() for name in DECODE)


@pytest.mark.parametrize("stage", [PEOPLE, GROUPS, REAL], ids=lambda stage: stage.name)
def test_what_is_no_residual_is_added_to_nothing(stage: Stage) -> None:
    np.testing.assert_array_equal(make_task(EXPERIMENT, stage, TABLE).offset(TABLE), np.zeros(3))


def test_groups_become_names_in_the_table() -> None:
    task = make_task(EXPERIMENT, GROUPS, TABLE)
    columns = task.columns(posteriors([0.25, 0.75], [0.25, 0.75], [0.5, 0.5]), TABLE, how="argmax")
    assert columns["group"].tolist() == ["21-100", "0-20", "21-100"]
    assert columns["predicted_group"].tolist() == ["21-100", "21-100", "0-20"]  # of equals the younger


def test_a_label_of_no_class_is_refused_where_it_has_to_be_exact() -> None:
    exact = dataclasses.replace(EXPERIMENT, head=Classification(ages=AgeRange(first=0, last=60)))
    with pytest.raises(UserError, match="1 of 3 labels are no class"):
        make_task(exact, REAL, TABLE)
    with pytest.raises(UserError, match="first: b"):
        make_task(EXPERIMENT, REAL, TABLE.assign(age=[30.0, np.nan, 71.0]))


@pytest.mark.parametrize(
    ("metric", "target", "outputs", "value"),
    [
        (AgeMAE(np.array([10, 20], np.float32)), [10.0, 25.0], np.log([[0.75, 0.25], [0.5, 0.5]]), (2.5 + 10) / 2),
        (AgeMAE(np.empty(0, np.float32)), [10.0, 25.0], [[11.0], [22.0]], (1 + 3) / 2),
        (Accuracy(np.arange(2, dtype=np.float32)), [0.0, 1.0], [[3.0, 1.0], [3.0, 1.0]], 0.5),
    ],
)
def test_metrics_by_hand_whatever_the_weights_of_examples(metric: AgeMAE, target: list[float], outputs: object, value: float) -> None:
    metric.update_state(np.array(target, np.float32), np.array(outputs, np.float32), sample_weight=np.array([5.0, 1.0]))
    assert float(metric.result()) == pytest.approx(value, rel=1e-5)
