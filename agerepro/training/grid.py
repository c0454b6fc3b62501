"""The grid search of a stage: every learning rate with every batch size, trained for one epoch, judged by validation loss."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pandas as pd

from agerepro.config.learning import GRID_BATCHES, GRID_RATES
from agerepro.config.loading import to_dict
from agerepro.config.schema import Experiment, Stage
from agerepro.errors import UserError
from agerepro.faces.prepare import FaceDataset
from agerepro.io import config_hash, write_json
from agerepro.splits.protocols import TRAIN, VALIDATION, divide, make_folds
from agerepro.training.augment import AugmentedFaces
from agerepro.training.checkpoint import TrainState
from agerepro.training.loop import Diverged, Trainer
from agerepro.training.replicas import data_parallel, scope_of
from agerepro.training.stages import Init, TrainingTask, build_and_init, num_workers, training_task


@dataclass(frozen=True)
class Grid:
    """What is tried: learning rates, batch sizes, epochs, and the folds of a stage with a protocol (others ignore them)."""

    rates: tuple[float, ...] = GRID_RATES
    batches: tuple[int, ...] = GRID_BATCHES
    epochs: int = 1
    folds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Division:
    """Keys of the photos that one training of a cell learns from and is judged by."""

    fold: int
    training: frozenset[str]
    validation: frozenset[str]


def divisions(stage: Stage, photos: pd.DataFrame, folds: tuple[int, ...], *, seed: int) -> list[Division]:
    """The stage's own split, or the named folds of its protocol without those they test: nobody who is tested chooses anything.

    Raises UserError for a fold that the protocol lacks, and when there is no validation part to judge by.
    """
    if stage.protocol is None:
        training, validation = divide(photos, stage.split, rng_key=(seed, stage.name))
        result = [Division(0, frozenset(training), frozenset(validation))]
    else:
        table = make_folds(photos, stage.protocol)
        if unknown := sorted(set(folds) - set(table["fold"])):
            raise UserError(f"The protocol of stage {stage.name!r} has folds 0 to {table['fold'].max()}, not {unknown[0]}.")
        parts = [table.loc[table["fold"] == fold].groupby("part")["photo"].agg(frozenset) for fold in folds]
        result = [Division(fold, part[TRAIN], part.get(VALIDATION, frozenset())) for fold, part in zip(folds, parts)]
    if not all(division.validation for division in result):
        raise UserError(
            f"A grid search judges by the validation loss, but stage {stage.name!r} holds nothing out: give it a validation part."
        )
    return result


def grid_folder(runs: Path, experiment: Experiment, task: TrainingTask, grid: Grid) -> Path:
    """Where the cells lie: named by all that shapes them but rate and batch."""
    stage = {key: value for key, value in task.settings["stage"].items() if key not in ("optimizer", "batch_size", "schedule")}
    ((optimizer, settings),) = to_dict(_stage_of(task).optimizer).items()
    stage |= {key: value for key, value in settings.items() if key != "learning_rate"}
    if optimizer != "adam":  # which had no name here when it was the only one
        stage["optimizer"] = optimizer
    digest = config_hash([{**task.settings, "stage": stage}, grid.epochs, to_dict(grid.folds)])
    return runs / "grids" / f"{task.stage.name}-{experiment.backbone.name}-{digest[:12]}"


def search(
    experiment: Experiment, stage: Stage, data: FaceDataset, init: Init, grid: Grid, *, folder: Path, on_cell: Callable[[int, int], None]
) -> pd.DataFrame:
    """One row a cell and division: `learning_rate`, `batch`, `fold`, `validation_loss` (infinite where the training diverged).

    Every cell is written to `folder` when it is done, and never trained again. on_cell gets cells done and cells in all.
    """
    seed = experiment.seeds[0]
    cells = list(product(grid.rates, grid.batches))
    rows: list[dict[str, float]] = []
    trainer: Trainer | None = None  # one traced model for all cells, made when the first one is missing
    for number, (rate, batch) in enumerate(cells):
        on_cell(number, len(cells))
        path = folder / "cells" / f"{rate:g}-{batch}.json"
        if not path.is_file():
            optimizer = replace(stage.optimizer, learning_rate=rate)
            cell_stage = replace(
                stage, epochs=grid.epochs, batch_size=batch, optimizer=optimizer, schedule=None, checkpoint_selection="last"
            )
            task = training_task(experiment, cell_stage, data, seed=seed, start=init.name)
            trainer = trainer or _trainer(experiment, task, init)
            parts = divisions(stage, data.photos, grid.folds, seed=seed)
            losses = _losses(trainer, experiment, task, parts, folder)
            write_json(path, [[division.fold, loss] for division, loss in zip(parts, losses)])
        for fold, loss in json.loads(path.read_text(encoding="utf-8")):
            rows.append({"learning_rate": rate, "batch": batch, "fold": fold, "validation_loss": math.inf if loss is None else loss})
    on_cell(len(cells), len(cells))
    return pd.DataFrame(rows)


def _stage_of(task: TrainingTask) -> Stage:
    assert isinstance(task.stage, Stage)  # a regression is not searched
    return task.stage


def _trainer(experiment: Experiment, task: TrainingTask, init: Init) -> Trainer:
    replicas = data_parallel(experiment.machine) if task.stage.protocol is None else None
    with scope_of(replicas):
        network, _ = build_and_init(task, init, experiment.backbone, experiment.augment, experiment.machine)
    return Trainer(network.full, _stage_of(task), task.task, experiment.machine, threads=num_workers(), replicas=replicas)


def _losses(trainer: Trainer, experiment: Experiment, task: TrainingTask, parts: list[Division], folder: Path) -> Iterator[float | None]:
    """The validation loss after the last epoch of each division; None where the loss stopped being a number."""
    trainer.stage = stage = _stage_of(task)
    trainer.initial_state.assign_to(trainer.model)
    trainer.model.optimizer.learning_rate = stage.optimizer.learning_rate
    initial_state = TrainState.of(trainer.model)
    for division in parts:
        shared: tuple[str | int, ...] = (task.seed, task.stage.name)
        rng_key = (*shared, division.fold) if task.stage.protocol else shared
        faces = AugmentedFaces(task.data.pixels(), list(task.data.photos["photo"]), experiment.augment, shared)
        sides = [task.examples(faces, task.data.rows(set(side))) for side in (division.training, division.validation)]
        checkpoint = folder / f"{task.digest[:12]}-{division.fold}.npz"
        try:
            result = trainer.fit(*sides, rng_key=rng_key, checkpoint=checkpoint, on_epoch=lambda log: None, initial_state=initial_state)
            loss = result.history[-1]["validation_loss"]
            yield loss if math.isfinite(loss) else None
        except Diverged:
            yield None
        finally:
            checkpoint.unlink(missing_ok=True)
