"""Features of a frozen backbone give the numbers of the whole network, in every epoch and view."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from agerepro.training.augment import MIRRORED, PLAIN
from agerepro.training.features import FeatureCache


def test_head_on_stored_features_equals_the_whole_network(tiny, tmp_path: Path) -> None:
    features = FeatureCache(tiny.network.backbone, tiny.source, 48, tmp_path)
    features.precompute(2, mirrored=True)
    assert sorted(file.name for file in tmp_path.glob("*.npy")) == ["epoch-000.npy", "epoch-001.npy", "mirrored.npy", "plain.npy"]
    rows = np.array([5, 0, 47])
    for epoch in (PLAIN, MIRRORED, 0, 1):
        whole = tiny.network.full.predict_on_batch(tiny.source.batch(rows, epoch))
        by_parts = tiny.network.head.predict_on_batch(features.batch(rows, epoch))
        np.testing.assert_allclose(by_parts["logits"], whole["logits"], rtol=1e-5, atol=1e-5)


def test_training_on_stored_features_leaves_the_backbone_alone(tiny, tmp_path: Path) -> None:
    before = [np.asarray(weight).copy() for weight in tiny.network.backbone.weights]
    features = FeatureCache(tiny.network.backbone, tiny.source, 48, tmp_path / "f")
    features.precompute(1, mirrored=False)
    trainer = tiny.trainer(dataclasses.replace(tiny.stage, epochs=1), tiny.network.head)
    rows = np.arange(40)
    examples = dataclasses.replace(tiny.examples(rows), source=features)
    trainer.fit(
        examples,
        dataclasses.replace(tiny.examples(np.arange(40, 48)), source=features),
        rng_key=(0,),
        checkpoint=tmp_path / "c.npz",
        on_epoch=lambda log: None,
    )
    for weight, old in zip(tiny.network.backbone.weights, before, strict=True):
        np.testing.assert_array_equal(np.asarray(weight), old)
