"""The network of a task with the weights that it begins with, and where those came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agerepro.draws import seed_of
from agerepro.experiment.schema import Age, Augment, Backbone, Groups, Machine, Subject
from agerepro.models.arrays import load_arrays
from agerepro.models.network import Network, build_network
from agerepro.models.transfer import Part, assign_all, copy_matching
from agerepro.models.weights import LoadedWeights, read_published
from agerepro.training.plan import Task


@dataclass(frozen=True)
class Artefact:
    """A trained stage on disk: final weights, what its classes stand for, what it learnt."""

    folder: Path
    digest: str
    target: Age | Subject | Groups
    bins: np.ndarray

    @property
    def weights(self) -> Path:
        """The final weights of the full network."""
        return self.folder / "final.weights.npz"


@dataclass(frozen=True)
class Start:
    """Where a stage's first weights come from; `name` enters the stage's digest."""

    name: str
    artefact: Artefact | None = None
    published: LoadedWeights | None = None


def start_of(start_from: str, backbone: Backbone, *, artefacts: dict[str, Artefact], weights_folder: Path | None) -> Start:
    """Look up the first weights of a stage; UserError, saying which file to put where, when published ones are missing."""
    if start_from == "scratch":
        return Start("scratch")
    if start_from == "weights":
        published = read_published(backbone, folder=weights_folder)
        return Start(f"{published.file} {published.sha256}", published=published)
    artefact = artefacts[start_from]
    return Start(artefact.digest, artefact=artefact)


def network_for(task: Task, start: Start, backbone: Backbone, augment: Augment, machine: Machine) -> tuple[Network, dict[str, Any]]:
    """The task's network with its first weights, its trunk frozen where the stage says so, and what was copied and what is fresh.

    The dense layers go along between stages that learn ages or age groups, the last layer only when its classes are the same.
    From people to ages only the trunk goes along, as the published face-recognition files are without their top.
    """
    network = build_network(
        backbone,
        task.head,
        outputs=task.outputs,
        size=augment.size,
        precision=machine.precision,
        seed=seed_of("initial weights", task.seed, task.stage.name),
    )
    network.trunk.trainable = task.stage.train != "classifier"
    if start.published is not None:
        assign_all(network.trunk, start.published.tensors, source=start.published.file)
        return network, {"sha256": start.published.sha256, "parameters": start.published.parameters, "licence": start.published.licence}
    if start.artefact is None:
        return network, {"copied": [], "fresh": "all"}
    earlier = start.artefact
    part: Part = "trunk"
    if earlier.target == task.stage.target and np.array_equal(earlier.bins, task.bins):
        part = "all"
    elif isinstance(earlier.target, Subject) == isinstance(task.stage.target, Subject):
        part = "dense"
    return network, asdict(copy_matching(load_arrays(earlier.weights), network, part=part))
