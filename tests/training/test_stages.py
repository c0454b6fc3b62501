"""The first weights of a stage: what is copied of a published file, and what is fresh; the record says which."""

from __future__ import annotations

import numpy as np
import pytest

from agerepro.config.divisions import RandomSplit
from agerepro.config.learning import Adam, Classification, LayerFeatures, Regression
from agerepro.config.schema import Augment, Backbone, Machine, RegressionStage, Ridge, Stage
from agerepro.models.build import build_network
from agerepro.models.weights import LoadedWeights, weights_as_arrays
from agerepro.training.stages import Init, TrainingTask, build_and_init
from tests.training.conftest import TASK

SLIM = Backbone(name="vgg16", width=0.0625, dense=(8, 4))
STAGE = Stage(name="s", data="fgnet", epochs=1, batch_size=8, optimizer=Adam(0.001), split=RandomSplit(0.2))
HIDDEN = ["dense1/kernel", "dense1/bias", "dense2/kernel", "dense2/bias"]
LAST = ["logits/kernel", "logits/bias"]


def published(*, dense: bool) -> Init:
    """As if read from a file: weights of another seed."""
    network = build_network(SLIM, Classification(), outputs={"logits": 9}, size=32, seed=5)
    tensors, head = weights_as_arrays(network.backbone), weights_as_arrays(network.head)
    own = {name: head[name] for name in HIDDEN} if dense else {}
    return Init("w.h5 0", published=LoadedWeights("imagenet", "w.h5", "0", 7, "free", ("predictions_W_1:0",), tensors, own))


def task_of(stage: Stage | RegressionStage, head: Classification | Regression) -> TrainingTask:
    return TrainingTask(stage, None, head, TASK, {}, np.empty(0), 0, {})  # type: ignore[arg-type]  # no data are looked at


@pytest.mark.parametrize("dense", [True, False])
def test_the_record_says_what_a_published_file_gave_and_what_is_fresh(dense: bool) -> None:
    init, task = published(dense=dense), task_of(STAGE, Classification())
    network, record = build_and_init(task, init, SLIM, Augment(size=32), Machine())
    assert (record["sha256"], record["parameters"], record["licence"]) == ("0", 7, "free")
    assert list(record["copied"][26:]) == (HIDDEN if dense else []) and list(record["fresh"]) == ([] if dense else HIDDEN) + LAST
    assert record["unused"] == ("predictions_W_1:0",)
    assert init.published is not None
    arrays = weights_as_arrays(network.full)
    for name, array in (init.published.tensors | init.published.dense).items():
        np.testing.assert_array_equal(arrays[name], array)


def test_a_network_that_ends_at_a_layer_takes_what_stands_before_it() -> None:
    stage = RegressionStage(name="s", data="fgnet", regressor=Ridge(), features=LayerFeatures(layer="conv2_1"))
    task = task_of(stage, Regression(features=LayerFeatures(layer="conv2_1")))
    _, record = build_and_init(task, published(dense=True), Backbone(name="vgg16", width=0.0625), Augment(size=32), Machine())
    assert [name for name in record["copied"] if name.endswith("kernel")] == ["conv1_1/kernel", "conv1_2/kernel", "conv2_1/kernel"]
