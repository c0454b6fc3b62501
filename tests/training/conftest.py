"""A tiny problem that trains in a second: bright squares are old, dark ones young."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pytest

from agerepro.config.divisions import RandomSplit
from agerepro.config.learning import Adam, Age, Classification, CrossEntropy, Plateau
from agerepro.config.schema import Augment, Backbone, Machine, Stage
from agerepro.faces.images import InMemoryImages
from agerepro.models.build import Network, build_network
from agerepro.rng import derive_seed
from agerepro.tasks.task import AgeTask
from agerepro.training.augment import AugmentedFaces
from agerepro.training.loop import Trainer
from agerepro.training.pipeline import Examples

AGES = np.array([10.0, 20.0, 30.0, 40.0], np.float32)
TASK = AgeTask(Age(), Classification(), (CrossEntropy(),), AGES)


@dataclass(frozen=True)
class Tiny:
    network: Network
    stage: Stage
    source: AugmentedFaces
    targets: np.ndarray

    def examples(self, rows: np.ndarray) -> Examples:
        return Examples(self.source, rows, {"logits": self.targets[rows]}, np.ones(len(rows), np.float32))

    def trainer(self, stage: Stage | None = None, model: keras.Model | None = None) -> Trainer:
        return Trainer(model or self.network.full, stage or self.stage, TASK, Machine(), threads=2)


@pytest.fixture
def tiny() -> Tiny:
    rng = np.random.default_rng(0)
    targets = np.tile(AGES, 12)
    faces = np.clip(targets[:, None, None, None] * 5 + rng.normal(0, 10, (48, 36, 36, 3)), 0, 255).astype(np.uint8)
    augment = Augment(rotate_degrees=10, shift=0.05, zoom_crop=0.1, size=32)
    network = build_network(
        Backbone(name="vgg16", width=0.0625, dense=(8,)), Classification(), outputs={"logits": 4}, size=32, seed=derive_seed("tiny")
    )
    stage = Stage(
        name="tiny",
        data="fgnet",
        epochs=4,
        batch_size=16,
        optimizer=Adam(learning_rate=0.003),
        start_from="scratch",
        split=RandomSplit(fraction=0.2),
        schedule=Plateau(1),
    )
    return Tiny(network, stage, AugmentedFaces(InMemoryImages(faces), [f"fgnet/{i}" for i in range(48)], augment, (0, "tiny")), targets)
