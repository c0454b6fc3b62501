"""Shared stages of a cascade: what they train on and from, trained once, found on disk by every run that needs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agerepro.config.learning import Head, LayerFeatures
from agerepro.config.schema import Augment, Backbone, BaseStage, Experiment, Machine, Stage
from agerepro.errors import CheckFailed
from agerepro.faces.prepare import FaceDataset
from agerepro.io import WHEN_FREE, config_hash, finished_by, is_complete, lock_folder, verified, work_folder, write_folder, write_json
from agerepro.machine import loading_threads
from agerepro.models.build import Network, build_network
from agerepro.models.weights import (
    LoadedWeights,
    TransferPart,
    assign_published,
    load_arrays,
    load_matching,
    load_strict,
    read_published,
    save_arrays,
    variables_by_name,
    weights_as_arrays,
)
from agerepro.provenance import provenance
from agerepro.rng import derive_seed
from agerepro.splits.protocols import divide
from agerepro.stopping import check_stop
from agerepro.tasks.decode import decode
from agerepro.tasks.labels import judged
from agerepro.tasks.task import Task, make_task, restore_task
from agerepro.training.augment import AugmentedFaces, InputView, View, views_of
from agerepro.training.checkpoint import save_history
from agerepro.training.device import device_facts
from agerepro.training.loop import Trainer
from agerepro.training.naming import CHECKPOINT, FINAL, StageCheckpoint, stage_settings
from agerepro.training.pipeline import Examples, mean_over_views, predict_batches
from agerepro.training.replicas import data_parallel, scope_of
from agerepro.training.reporting import EpochLog


@dataclass(frozen=True)
class TrainingTask:
    """One stage with its data: what its head learns, and targets and weights by row of `data.photos`."""

    stage: BaseStage
    data: FaceDataset
    head: Head
    task: Task
    targets: dict[str, np.ndarray]  # (n, ...) float32 by output: years, or the number of the subject or group
    weights: np.ndarray  # (n,) float32, mean 1
    seed: int
    settings: dict[str, Any]  # all that shapes the result

    @property
    def digest(self) -> str:
        """The stage's name on disk."""
        return config_hash(self.settings)

    @property
    def values(self) -> np.ndarray:
        """(n,) float32 targets of the main output."""
        return self.targets[self.task.main]

    def examples(self, source: InputView, rows: np.ndarray) -> Examples:
        """The rows (n,) of a source with their targets and weights."""
        return Examples(source, rows, {name: values[rows] for name, values in self.targets.items()}, self.weights[rows])


def training_task(
    experiment: Experiment, stage: BaseStage, data: FaceDataset, *, seed: int, start: str, predictions: str = ""
) -> TrainingTask:
    """The task of one stage. `start` names the weights it begins with: a digest of a stage or of a weight file; `predictions` those that it
    needs of an earlier stage, whose column is in the photos."""
    seen = experiment.as_of(stage)
    task = make_task(experiment, stage, data.photos)
    targets = task.targets(data.photos)
    weights = np.ones(len(data.photos), np.float32)
    if seen.sample_weights == "age_std":
        weights = age_weights(judged(data.photos, stage.target)["age_std"].to_numpy(float))
    settings = stage_settings(experiment, stage, data=data.digest, start=start, seed=seed, predictions=predictions)
    return TrainingTask(stage, data, seen.head, task, targets, weights, seed, settings)


def age_weights(age_std: np.ndarray) -> np.ndarray:
    """(n,) float32 with mean 1: 1 / (1 + (age_std / 2)^2), so that a row known to 2 years counts half; unknown counts as certain."""
    weights = 1 / (1 + (np.nan_to_num(age_std, nan=0.0) / 2) ** 2)
    return (weights / weights.mean()).astype(np.float32)


@dataclass(frozen=True)
class Init:
    """Where a stage's first weights come from; `name` enters the stage's digest."""

    name: str
    checkpoint: StageCheckpoint | None = None
    published: LoadedWeights | None = None


def resolve_init(stage: BaseStage, backbone: Backbone, *, earlier: StageCheckpoint | None, weights_folder: Path | None) -> Init:
    """The first weights of a stage; `earlier`: the trained stage that it starts from. UserError, saying which file to put where, when
    published ones are missing."""
    if stage.start_from == "scratch":
        return Init("scratch")
    if stage.start_from == "weights":
        published = read_published(backbone, folder=weights_folder)
        return Init(f"{published.file} {published.sha256}", published=published)
    if earlier is None or not is_complete(earlier.folder):
        raise CheckFailed(
            f"Stage {stage.name!r} starts from {stage.start_from!r}, which is not trained yet: `agerepro plan` shows what is."
        )
    return Init(earlier.digest, checkpoint=earlier)


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
        outputs=task.task.outputs,
        size=augment.size,
        precision=machine.precision,
        seed=derive_seed("initial weights", task.seed, task.stage.name),
    )
    network.backbone.trainable = not task.stage.keeps_backbone()
    if (published := init.published) is not None:
        if isinstance(task.head.features, LayerFeatures):  # the network ends at that layer
            wanted = variables_by_name(network.backbone)
            published = replace(published, tensors={name: tensor for name, tensor in published.tensors.items() if name in wanted}, dense={})
        transfer = assign_published(published, network)
        about = {"sha256": published.sha256, "parameters": published.parameters, "licence": published.licence}
        return network, about | asdict(transfer)
    if (earlier := init.checkpoint) is None:
        return network, {"copied": [], "fresh": "all"}
    part: TransferPart = "backbone"
    if task.stage.target.same_kind(earlier.target) and np.array_equal(earlier.bins(), task.task.bins):
        part = "all"
    elif earlier.target.learns_ages == task.stage.target.learns_ages:
        part = "dense"
    return network, asdict(load_matching(load_arrays(earlier.weights), network, part=part))


def num_workers() -> int:
    """Threads that load pictures ahead of their use."""
    return loading_threads()


def train_stage(
    experiment: Experiment,
    task: TrainingTask,
    init: Init,
    folder: Path,
    *,
    on_epoch: Callable[[EpochLog], None],
    on_batch: Callable[[str], object] = lambda progress: None,
) -> None:
    """Train a stage with a split, on from where it was stopped, and put what it came to into `folder`, whole.

    Raises Diverged and Interrupted as `Trainer.fit`.
    """
    stage, photos, began = task.stage, task.data.photos, time.monotonic()
    assert isinstance(stage, Stage)  # only the last one may be a regression
    replicas = data_parallel(experiment.machine)
    with scope_of(replicas):
        network, transfer = build_and_init(task, init, experiment.backbone, experiment.augment, experiment.machine)
    rng_key = (task.seed, stage.name)
    training, validation = (task.data.rows(part) for part in divide(photos, stage.split, rng_key=rng_key))
    faces = AugmentedFaces(task.data.pixels(), list(photos["photo"]), experiment.augment, rng_key)
    trainer = Trainer(network.full, stage, task.task, experiment.machine, threads=num_workers(), replicas=replicas)
    checkpoint = work_folder(folder) / CHECKPOINT
    result = trainer.fit(
        task.examples(faces, training),
        task.examples(faces, validation),
        rng_key=rng_key,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        on_batch=on_batch,
    )

    def write(place: Path) -> None:
        write_json(place / "settings.json", task.settings)
        write_json(place / "start.json", {"from": init.name, **transfer})
        np.save(place / "bins.npy", task.task.bins)
        save_history(place / "history.csv", result.history)
        save_arrays(place / FINAL, weights_as_arrays(network.full))
        write_json(
            place / "provenance.json",
            provenance(
                device=device_facts() | {"devices": str(len(replicas) if replicas else 1)}, seconds=round(time.monotonic() - began, 1)
            ),
        )

    write_folder(folder, write, made_by=task.digest)
    checkpoint.unlink(missing_ok=True)


def stage_predictions(experiment: Experiment, stage: BaseStage, place: StageCheckpoint, data: FaceDataset, *, runs: Path) -> np.ndarray:
    """(n,) float64 what a trained shared stage predicts of every photo, as `predict_years`; computed once, kept under `runs`.

    data: with what the stage itself is a residual of, if it is one. UserError where the stage's files are damaged.
    """
    name = config_hash([place.digest, data.digest, experiment.tta])
    folder = runs / "predictions" / f"{stage.name}-{name}"
    if finished_by(folder) != name:
        with lock_folder(folder, wait=WHEN_FREE):
            if finished_by(folder) != name:
                _write_predictions(folder, name, place, lambda: _predict_all(experiment, stage, place, data))
    kept: np.ndarray = np.load(verified(folder / "predictions.npy"), allow_pickle=False)
    return kept


def _write_predictions(folder: Path, name: str, place: StageCheckpoint, predict: Callable[[], np.ndarray]) -> None:
    began = time.monotonic()
    predictions = predict()
    about = provenance(stage=place.folder.name, device=device_facts(), seconds=round(time.monotonic() - began, 1))

    def write(into: Path) -> None:
        np.save(into / "predictions.npy", predictions)
        write_json(into / "provenance.json", about)

    write_folder(folder, write, made_by=name)


def _predict_all(experiment: Experiment, stage: BaseStage, place: StageCheckpoint, data: FaceDataset) -> np.ndarray:
    network, task = trained_network(experiment, stage, place)
    photos = data.photos
    faces = AugmentedFaces(data.pixels(), list(photos["photo"]), experiment.augment, ())
    return predict_years(experiment, network, task, faces, len(photos), offset=task.offset(photos))


def trained_network(experiment: Experiment, stage: BaseStage, place: StageCheckpoint) -> tuple[Network, Task]:
    """A shared stage's network with its final weights, and what it has learnt. UserError where its files are damaged."""
    seen, task = experiment.as_of(stage), restore_task(experiment, stage, place.bins())
    network = build_network(
        seen.backbone, seen.head, outputs=task.outputs, size=seen.augment.size, precision=seen.machine.precision, seed=0
    )
    load_strict(network.full, load_arrays(place.weights), source=str(place.folder / FINAL))
    return network, task


def predict_years(
    experiment: Experiment, network: Network, task: Task, faces: InputView, count: int, *, offset: np.ndarray | float = 0.0
) -> np.ndarray:
    """(n,) float64 years of the first `count` faces, looked at as the experiment's tests are; offset as `decode`'s.

    The expectation of a posterior, or the one number: what another stage builds on does not depend on how the experiment decodes.
    """
    rows, parts = np.arange(count), [np.empty((0, len(task.bins) or 1))]

    def answers(view: View) -> Iterator[np.ndarray]:
        for outputs in predict_batches(network.full, faces, rows, view):
            check_stop("an earlier stage's predictions")
            yield task.answer(outputs)

    parts += mean_over_views([answers(view) for view in views_of(experiment)])
    how = "expectation" if len(task.bins) else "output"
    return np.asarray(decode(np.concatenate(parts), task.bins, how, offset=offset)["predicted"], np.float64)
