"""All that changes while a model trains: set back from memory, and kept on disk as one file."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agerepro.io import atomic_write
from agerepro.training.optimizers import PlateauState


@dataclass(frozen=True)
class TrainState:
    """Copies of every variable of a model and its optimizer: weights, seeds of dropout, moments, step and learning rate.

    Weights alone are not enough: Adam's moments and the learning rate would leak from fold to fold.
    """

    model: tuple[np.ndarray, ...]
    optimizer: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, model: keras.Model) -> TrainState:
        """Copies of the compiled model's variables as they are now; builds the optimizer's slots if need be."""
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        return cls(
            tuple(keras.ops.convert_to_numpy(v).copy() for v in model.variables),
            tuple(keras.ops.convert_to_numpy(v).copy() for v in model.optimizer.variables),
        )

    def assign_to(self, model: keras.Model) -> None:
        """Set the model and its optimizer to these values; nothing is traced anew."""
        for variable, value in zip([*model.variables, *model.optimizer.variables], [*self.model, *self.optimizer], strict=True):
            variable.assign(value)


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands after `epoch` epochs."""

    epoch: int
    variables: TrainState
    plateau: PlateauState = field(default_factory=PlateauState)
    history: tuple[dict[str, float], ...] = ()
    best: TrainState | None = None  # the weights of the best validation loss, where they are to be kept
    extra: dict[str, np.ndarray] = field(default_factory=dict)  # what the caller collects epoch by epoch


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under its final name, whole or not at all."""
    arrays: dict[str, np.ndarray] = {f"extra/{name}": value for name, value in checkpoint.extra.items()}
    for part, variables in (("now", checkpoint.variables), ("best", checkpoint.best)):
        if variables is not None:
            arrays.update({f"{part}/model/{i:04d}": value for i, value in enumerate(variables.model)})
            arrays.update({f"{part}/optimizer/{i:04d}": value for i, value in enumerate(variables.optimizer)})
    about = {"epoch": checkpoint.epoch, "plateau": asdict(checkpoint.plateau), "history": checkpoint.history}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    atomic_write(path, write)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`; None when there is none, or when it is damaged (its zip members carry checksums)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about: dict[str, Any] = json.loads(arrays.pop("about").tobytes())
        now = _variables(arrays, "now")
        if now is None:
            return None
        return Checkpoint(
            epoch=about["epoch"],
            variables=now,
            plateau=PlateauState(**about["plateau"]),
            history=tuple(about["history"]),
            best=_variables(arrays, "best"),
            extra={n.removeprefix("extra/"): v for n, v in arrays.items() if n.startswith("extra/")},
        )
    except (FileNotFoundError, zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError):
        return None


def save_history(path: Path, checkpoint: Checkpoint) -> None:
    """Write one row an epoch as CSV."""
    atomic_write(path, lambda temporary: pd.DataFrame(list(checkpoint.history)).to_csv(temporary, index=False))


def _variables(arrays: dict[str, np.ndarray], part: str) -> TrainState | None:
    model, optimizer = (tuple(arrays[n] for n in sorted(arrays) if n.startswith(f"{part}/{kind}/")) for kind in ("model", "optimizer"))
    return TrainState(model, optimizer) if model else None
