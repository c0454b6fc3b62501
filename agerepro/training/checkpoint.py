"""All that changes while a model trains: set back from memory, and kept on disk as one file."""

from __future__ import annotations

import errno
import itertools
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.io import atomic_write
from agerepro.training.optimizers import PlateauState

# What NumPy, zipfile and JSON raise for bytes that are no checkpoint; an OSError is another matter.
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, LookupError, TypeError, EOFError, RuntimeError, MemoryError)


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
        return cls(copy_variables(model.variables), copy_variables(model.optimizer.variables))

    def assign_to(self, model: keras.Model) -> None:
        """Set the model and its optimizer to these values; nothing is traced anew."""
        assign_variables(model.variables, self.model)
        assign_variables(model.optimizer.variables, self.optimizer)


def copy_variables(variables: Sequence[keras.Variable]) -> tuple[np.ndarray, ...]:
    """Copies on the host of the variables' values, in their order."""
    return tuple(keras.ops.convert_to_numpy(variable).copy() for variable in variables)


def assign_variables(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set each variable to the value at its place; ValueError when their numbers differ."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands after `epoch` epochs."""

    epoch: int
    variables: TrainState
    plateau: PlateauState = field(default_factory=PlateauState)
    history: tuple[dict[str, float], ...] = ()
    best: tuple[np.ndarray, ...] | None = None  # the model's variables at the best validation loss, where they are to be kept
    eval_outputs: dict[str, np.ndarray] = field(default_factory=dict)  # (epochs, ...) what the caller evaluates after each epoch


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under its final name, whole or not at all."""
    parts = {
        "now/model": checkpoint.variables.model,
        "now/optimizer": checkpoint.variables.optimizer,
        "best/model": checkpoint.best or (),
    }
    arrays = {f"{part}/{number:04d}": value for part, values in parts.items() for number, value in enumerate(values)}
    arrays |= {f"extra/{name}": value for name, value in checkpoint.eval_outputs.items()}
    about = {"epoch": checkpoint.epoch, "plateau": asdict(checkpoint.plateau), "history": checkpoint.history}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    atomic_write(path, write)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, or None when there is none to continue from.

    A damaged file (its zip members carry checksums) is set aside as `<name>.corrupt`, said on standard error, and counts as none.
    A file that cannot be read is a UserError: a training that began anew would overwrite it.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return _from_arrays({name: archive[name] for name in archive.files})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DAMAGED as error:
        _set_aside(path, error)
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a seek to where no file can reach: a damaged directory of the zip
            raise UserError(
                f"{path} is there but cannot be read ({error.strerror or error}). Run again when it can, or remove it."
            ) from None
        _set_aside(path, error)
    return None


def save_history(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Write one row an epoch as CSV."""
    atomic_write(path, lambda temporary: pd.DataFrame(list(history)).to_csv(temporary, index=False))


def _from_arrays(arrays: dict[str, np.ndarray]) -> Checkpoint:
    about: dict[str, Any] = json.loads(arrays["about"].tobytes())

    def part(prefix: str) -> tuple[np.ndarray, ...]:
        return tuple(arrays[name] for name in sorted(arrays) if name.startswith(prefix))

    state = TrainState(part("now/model/"), part("now/optimizer/"))
    if not state.model:
        raise KeyError("it holds no weights")
    return Checkpoint(
        epoch=about["epoch"],
        variables=state,
        plateau=PlateauState(**about["plateau"]),
        history=tuple(about["history"]),
        best=part("best/model/") or None,
        eval_outputs={name.removeprefix("extra/"): value for name, value in arrays.items() if name.startswith("extra/")},
    )


def _set_aside(path: Path, error: Exception) -> None:
    names = itertools.chain([f"{path.name}.corrupt"], (f"{path.name}.corrupt-{number}" for number in itertools.count(2)))
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    path.replace(aside)
    print(f"{path} is damaged ({error}): it is set aside as {aside.name}, and this training begins anew.", file=sys.stderr)
