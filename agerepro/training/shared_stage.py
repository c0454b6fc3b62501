"""A stage that is trained once and serves every fold and every run that starts from the same: found on disk, or trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from agerepro.experiment.schema import Experiment
from agerepro.files import is_sealed, seal, write_json, write_then_rename
from agerepro.inputs.sources import Faces
from agerepro.models.arrays import save_arrays, weights_as_arrays
from agerepro.protocols.holdout import held_out
from agerepro.runs.claims import WHEN_FREE, claim
from agerepro.runs.folder import stage_folder
from agerepro.training.plan import Task
from agerepro.training.start import Artefact, Start, network_for
from agerepro.training.state import save_history
from agerepro.training.trainer import EpochDone, Trainer

FILES = ("settings.json", "bins.npy", "history.csv", "start.json", "final.weights.npz")


def trained(
    experiment: Experiment, task: Task, start: Start, *, runs: Path, threads: int, on_epoch: Callable[[EpochDone], None]
) -> Artefact:
    """The artefact of a stage with a split; a second process that needs it waits for the first to finish it."""
    folder = stage_folder(runs, stage=task.stage.name, backbone=experiment.backbone.name, digest=task.digest)
    artefact = Artefact(folder, task.digest, task.stage.target, task.bins)
    if is_sealed(folder):
        return artefact
    with claim(folder, wait=WHEN_FREE):
        if not is_sealed(folder):
            _train(experiment, task, start, artefact, threads, on_epoch)
    return artefact


def _train(
    experiment: Experiment, task: Task, start: Start, artefact: Artefact, threads: int, on_epoch: Callable[[EpochDone], None]
) -> None:
    folder, stage, photos = artefact.folder, task.stage, task.data.photos
    write_json(folder / "settings.json", task.settings)
    network, said = network_for(task, start, experiment.backbone, experiment.augment, experiment.machine)
    write_json(folder / "start.json", {"from": start.name, **said})
    purpose = (task.seed, stage.name, task.digest)
    validation = task.data.rows(held_out(photos, stage.split, purpose=(task.seed, stage.name)))
    training = np.setdiff1d(np.arange(len(photos)), validation)
    faces = Faces(task.data.pixels(), list(photos["photo"]), experiment.augment, purpose)
    trainer = Trainer(network.full, stage, task.loss, task.bins, experiment.machine, threads=threads)
    done = trainer.fit(
        task.examples(faces, training),
        task.examples(faces, validation),
        purpose=purpose,
        checkpoint=folder / "checkpoint.npz",
        on_epoch=on_epoch,
    )
    write_then_rename(folder / "bins.npy", lambda temporary: np.save(temporary, task.bins))
    save_history(folder / "history.csv", done)
    save_arrays(artefact.weights, weights_as_arrays(network.full))
    seal(folder, FILES)
    (folder / "checkpoint.npz").unlink(missing_ok=True)
