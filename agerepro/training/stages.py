"""Shared stages of a cascade: what they train on and from, trained once, found on disk by every run that needs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agerepro.config.loading import to_dict
from agerepro.config.schema import (
    Age,
    AgeGroups,
    Augment,
    Backbone,
    Classification,
    CrossEntropy,
    Experiment,
    Identity,
    Loss,
    Machine,
    Regression,
    Stage,
)
from agerepro.faces.prepare import FaceDataset
from agerepro.io import WHEN_FREE, atomic_write, config_hash, is_complete, lock_folder, write_json, write_manifest
from agerepro.machine import loading_threads
from agerepro.models.build import Network, build_network
from agerepro.models.weights import (
    LoadedWeights,
    TransferPart,
    load_arrays,
    load_matching,
    load_strict,
    read_published,
    save_arrays,
    weights_as_arrays,
)
from agerepro.rng import derive_seed
from agerepro.splits.protocols import groups_of, held_out
from agerepro.tasks.decode import bin_centres
from agerepro.training.augment import AugmentedFaces, InputView
from agerepro.training.checkpoint import save_history
from agerepro.training.device import numeric_environment
from agerepro.training.loop import EpochLog, Reporter, Trainer
from agerepro.training.pipeline import Examples

FILES = ("settings.json", "bins.npy", "history.csv", "start.json", "final.weights.npz")


@dataclass(frozen=True)
class TrainingTask:
    """One stage with its data: targets and weights by row of `data.photos`, and the values that the classes stand for."""

    stage: Stage
    data: FaceDataset
    head: Classification | Regression
    loss: tuple[Loss, ...]
    bins: np.ndarray  # (bins,) float32 values of the classes; empty for a regression head
    targets: np.ndarray  # (n,) float32: years, or the number of the subject or group
    weights: np.ndarray  # (n,) float32, mean 1
    seed: int
    settings: dict[str, Any]  # all that shapes the result

    @property
    def digest(self) -> str:
        """The stage's name on disk."""
        return config_hash(self.settings)

    @property
    def outputs(self) -> int:
        """Outputs of the network's last layer."""
        return max(len(self.bins), 1)

    def examples(self, source: InputView, rows: np.ndarray) -> Examples:
        """The rows (n,) of a source with their targets and weights."""
        return Examples(source, rows, self.targets[rows], self.weights[rows])


def training_task(experiment: Experiment, stage: Stage, data: FaceDataset, *, seed: int, start: str) -> TrainingTask:
    """The task of one stage. `start` names the weights it begins with: a digest of a stage or of a weight file."""
    head: Classification | Regression = experiment.head
    loss = experiment.loss
    if isinstance(stage.target, Age):
        targets = data.photos["age"].to_numpy(np.float32)
        if isinstance(head, Classification) and head.label == "nearest":
            targets = np.floor(targets + 0.5)
        bins = bin_centres(head, targets)
    else:
        # People and age groups are told apart by a plain softmax, whatever the experiment's head for ages is.
        head, loss = Classification(), (CrossEntropy(),)
        names = list(stage.target.labels) if isinstance(stage.target, AgeGroups) else sorted(set(data.photos["subject"]))
        labels = groups_of(data.photos, stage.target) if isinstance(stage.target, AgeGroups) else data.photos["subject"]
        targets = labels.map({name: i for i, name in enumerate(names)}).to_numpy(np.float32)
        bins = np.arange(len(names), dtype=np.float32)
    weights = np.ones(len(targets), np.float32)
    if experiment.sample_weights == "age_std" and isinstance(stage.target, Age):
        weights = age_weights(data.photos["age_std"].to_numpy(float))
    settings = {
        "stage": {key: value for key, value in to_dict(stage).items() if key != "start_from"},
        "faces": to_dict(experiment.faces),
        "backbone": to_dict(experiment.backbone),
        "augment": to_dict(experiment.augment),
        "head": to_dict(head),
        "loss": to_dict(loss),
        "sample_weights": experiment.sample_weights,
        "machine": to_dict(experiment.machine),
        "tta": experiment.tta if stage.protocol else "",
        "decode": experiment.decode if stage.protocol else "",
        "seed": seed,
        "data": data.digest,
        "start": start,
        "environment": numeric_environment(os.environ),
    }
    return TrainingTask(stage, data, head, loss, bins, targets, weights, seed, settings)


def age_weights(age_std: np.ndarray) -> np.ndarray:
    """(n,) float32 with mean 1: 1 / (1 + (age_std / 2)^2), so that a row known to 2 years counts half; unknown counts as certain."""
    weights = 1 / (1 + (np.nan_to_num(age_std, nan=0.0) / 2) ** 2)
    return (weights / weights.mean()).astype(np.float32)


@dataclass(frozen=True)
class StageCheckpoint:
    """A trained stage on disk: final weights, what its classes stand for, what it learnt."""

    folder: Path
    digest: str
    target: Age | Identity | AgeGroups
    bins: np.ndarray

    @property
    def weights(self) -> Path:
        """The final weights of the full network."""
        return self.folder / "final.weights.npz"


@dataclass(frozen=True)
class Init:
    """Where a stage's first weights come from; `name` enters the stage's digest."""

    name: str
    checkpoint: StageCheckpoint | None = None
    published: LoadedWeights | None = None


def resolve_init(start_from: str, backbone: Backbone, *, checkpoints: dict[str, StageCheckpoint], weights_folder: Path | None) -> Init:
    """Look up the first weights of a stage; UserError, saying which file to put where, when published ones are missing."""
    if start_from == "scratch":
        return Init("scratch")
    if start_from == "weights":
        published = read_published(backbone, folder=weights_folder)
        return Init(f"{published.file} {published.sha256}", published=published)
    checkpoint = checkpoints[start_from]
    return Init(checkpoint.digest, checkpoint=checkpoint)


def build_and_init(
    task: TrainingTask, init: Init, backbone: Backbone, augment: Augment, machine: Machine
) -> tuple[Network, dict[str, Any]]:
    """The task's network with its first weights, its backbone frozen where the stage says so, and what was copied and what is fresh.

    The dense layers go along between stages that learn ages or age groups, the last layer only when its classes are the same.
    From people to ages only the backbone goes along, as the published face-recognition files are without their top.
    """
    network = build_network(
        backbone,
        task.head,
        outputs=task.outputs,
        size=augment.size,
        precision=machine.precision,
        seed=derive_seed("initial weights", task.seed, task.stage.name),
    )
    network.backbone.trainable = task.stage.train != "head"
    if (published := init.published) is not None:
        load_strict(network.backbone, published.tensors, source=published.file)
        return network, {"sha256": published.sha256, "parameters": published.parameters, "licence": published.licence}
    if (earlier := init.checkpoint) is None:
        return network, {"copied": [], "fresh": "all"}
    part: TransferPart = "backbone"
    if earlier.target == task.stage.target and np.array_equal(earlier.bins, task.bins):
        part = "all"
    elif isinstance(earlier.target, Identity) == isinstance(task.stage.target, Identity):
        part = "dense"
    return network, asdict(load_matching(load_arrays(earlier.weights), network, part=part))


def train_or_load(
    experiment: Experiment, task: TrainingTask, init: Init, *, runs: Path, threads: int, on_epoch: Callable[[EpochLog], None]
) -> StageCheckpoint:
    """A stage with a split, trained; a second process that needs it waits for the first to finish it."""
    folder = stage_folder(runs, stage=task.stage.name, backbone=experiment.backbone.name, digest=task.digest)
    checkpoint = StageCheckpoint(folder, task.digest, task.stage.target, task.bins)
    if is_complete(folder):
        return checkpoint
    with lock_folder(folder, wait=WHEN_FREE):
        if not is_complete(folder):
            _train(experiment, task, init, checkpoint, threads, on_epoch)
    return checkpoint


def train_prerequisites(
    stage: Stage,
    experiment: Experiment,
    sets: Mapping[str, FaceDataset],
    *,
    seed: int,
    runs: Path,
    weights_folder: Path | None,
    reporter: Reporter,
) -> tuple[TrainingTask, Init]:
    """The task and first weights of `stage`, one of the experiment's; only the stages that it builds on are trained."""
    by_name = {other.name: other for other in experiment.stages}
    chain = [stage]
    while (start_from := chain[0].start_from) in by_name:
        chain.insert(0, by_name[start_from])
    checkpoints: dict[str, StageCheckpoint] = {}
    for earlier in chain[:-1]:
        init = resolve_init(earlier.start_from, experiment.backbone, checkpoints=checkpoints, weights_folder=weights_folder)
        checkpoints[earlier.name] = train_or_load(
            experiment,
            training_task(experiment, earlier, sets[earlier.data], seed=seed, start=init.name),
            init,
            runs=runs,
            threads=num_workers(),
            on_epoch=partial(reporter.epoch, earlier.name, fold=None, folds_done=0, folds=0),
        )
    init = resolve_init(stage.start_from, experiment.backbone, checkpoints=checkpoints, weights_folder=weights_folder)
    return training_task(experiment, stage, sets[stage.data], seed=seed, start=init.name), init


def num_workers() -> int:
    """Threads that load pictures ahead of their use."""
    return loading_threads()


def stage_folder(runs: Path, *, stage: str, backbone: str, digest: str) -> Path:
    """Where a trained stage lies, shared by all runs that need the same one."""
    return runs / "stages" / f"{stage}-{backbone}-{digest}"


def _train(
    experiment: Experiment, task: TrainingTask, init: Init, checkpoint: StageCheckpoint, threads: int, on_epoch: Callable[[EpochLog], None]
) -> None:
    folder, stage, photos = checkpoint.folder, task.stage, task.data.photos
    write_json(folder / "settings.json", task.settings)
    network, transfer = build_and_init(task, init, experiment.backbone, experiment.augment, experiment.machine)
    write_json(folder / "start.json", {"from": init.name, **transfer})
    rng_key = (task.seed, stage.name)
    validation = task.data.rows(held_out(photos, stage.split, rng_key=rng_key))
    training = np.setdiff1d(np.arange(len(photos)), validation)
    faces = AugmentedFaces(task.data.pixels(), list(photos["photo"]), experiment.augment, rng_key)
    trainer = Trainer(network.full, stage, task.loss, task.bins, experiment.machine, threads=threads)
    result = trainer.fit(
        task.examples(faces, training),
        task.examples(faces, validation),
        rng_key=rng_key,
        checkpoint=folder / "checkpoint.npz",
        on_epoch=on_epoch,
    )
    atomic_write(folder / "bins.npy", lambda temporary: np.save(temporary, task.bins))
    save_history(folder / "history.csv", result.history)
    save_arrays(checkpoint.weights, weights_as_arrays(network.full))
    write_manifest(folder, FILES)
    (folder / "checkpoint.npz").unlink(missing_ok=True)
