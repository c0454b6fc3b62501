"""What a stage trains on and from: settings, data and starting weights, named by one digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agerepro.experiment.read import plain
from agerepro.experiment.schema import Age, Classes, CrossEntropy, Experiment, Groups, Loss, Stage, Value
from agerepro.files import digest_of
from agerepro.inputs.batches import Examples
from agerepro.inputs.prepare import Prepared
from agerepro.inputs.sources import Source
from agerepro.models.bins import bin_centres
from agerepro.protocols.groups import groups_of


@dataclass(frozen=True)
class Task:
    """One stage with its data: targets and weights by row of `data.photos`, and the values that the classes stand for."""

    stage: Stage
    data: Prepared
    head: Classes | Value
    loss: tuple[Loss, ...]
    bins: np.ndarray  # (bins,) float32 values of the classes; empty for a Value head
    targets: np.ndarray  # (n,) float32: years, or the number of the subject or group
    weights: np.ndarray  # (n,) float32, mean 1
    seed: int
    settings: dict[str, Any]  # all that shapes the result

    @property
    def digest(self) -> str:
        """The stage's name on disk."""
        return digest_of(self.settings)

    @property
    def outputs(self) -> int:
        """Outputs of the network's last layer."""
        return max(len(self.bins), 1)

    def examples(self, source: Source, rows: np.ndarray) -> Examples:
        """The rows of a source with their targets and weights."""
        return Examples(source, rows, self.targets[rows], self.weights[rows])


def plan_stage(experiment: Experiment, stage: Stage, data: Prepared, *, seed: int, start: str) -> Task:
    """The task of one stage. `start` names the weights it begins with: a digest of an artefact or of a weight file."""
    head: Classes | Value = experiment.head
    loss = experiment.loss
    if isinstance(stage.target, Age):
        targets = data.photos["age"].to_numpy(np.float32)
        if isinstance(head, Classes) and head.label == "nearest":
            targets = np.floor(targets + 0.5)
        bins = bin_centres(head, targets)
    else:
        # People and age groups are told apart by a plain softmax, whatever the experiment's head for ages is.
        head, loss = Classes(), (CrossEntropy(),)
        names = list(stage.target.labels) if isinstance(stage.target, Groups) else sorted(set(data.photos["subject"]))
        which = groups_of(data.photos, stage.target) if isinstance(stage.target, Groups) else data.photos["subject"]
        targets = which.map({name: i for i, name in enumerate(names)}).to_numpy(np.float32)
        bins = np.arange(len(names), dtype=np.float32)
    weights = np.ones(len(targets), np.float32)
    if experiment.example_weights == "age_std" and isinstance(stage.target, Age):
        weights = age_weights(data.photos["age_std"].to_numpy(float))
    settings = {
        "stage": {key: value for key, value in plain(stage).items() if key != "start_from"},
        "faces": plain(experiment.faces),
        "backbone": plain(experiment.backbone),
        "augment": plain(experiment.augment),
        "head": plain(head),
        "loss": plain(loss),
        "example_weights": experiment.example_weights,
        "machine": plain(experiment.machine),
        "test_time": experiment.test_time if stage.protocol else "",
        "decode": experiment.decode if stage.protocol else "",
        "seed": seed,
        "data": data.digest,
        "start": start,
    }
    return Task(stage, data, head, loss, bins, targets, weights, seed, settings)


def age_weights(age_std: np.ndarray) -> np.ndarray:
    """(n,) float32 with mean 1: 1 / (1 + (age_std / 2)^2), so that a row known to 2 years counts half; unknown counts as certain."""
    raw = 1 / (1 + (np.nan_to_num(age_std, nan=0.0) / 2) ** 2)
    return (raw / raw.mean()).astype(np.float32)
