"""All that changes while a model trains: set back from memory, and kept on disk as one file."""

from __future__ import annotations

import errno
import itertools
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
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


Arrays = dict[str, np.ndarray]  # values by the path of their variable


@dataclass(frozen=True)
class TrainState:
    """Copies of every variable of a model and its optimizer, by path: weights, seeds of dropout, moments, step and learning rate.

    Weights alone are not enough: Adam's moments and the learning rate would leak from fold to fold. By path, since another version
    of Keras may list variables in another order, and equal shapes would then change places in silence.
    """

    model: Arrays
    optimizer: Arrays

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


def copy_variables(variables: Sequence[keras.Variable]) -> Arrays:
    """Copies on the host of the variables' values, by path; ValueError where two have one path."""
    return copy_values(_by_path(variables))


def copy_values(variables: Mapping[str, keras.Variable]) -> Arrays:
    """Copies on the host of the values of variables that have names."""
    return {name: keras.ops.convert_to_numpy(variable).copy() for name, variable in variables.items()}


def assign_variables(variables: Sequence[keras.Variable], values: Arrays) -> None:
    """Set each variable to the value of its path; ValueError where paths or shapes differ, before any is set."""
    assign_values(_by_path(variables), values)


def assign_values(variables: Mapping[str, keras.Variable], values: Arrays) -> None:
    """Set each variable to the value of its name; ValueError where names or shapes differ, before any is set."""
    if missing := sorted(variables.keys() ^ values.keys()):
        raise ValueError(f"{len(missing)} variables are on one side only, first {missing[0]}.")
    for name, variable in variables.items():
        if tuple(variable.shape) != values[name].shape:
            raise ValueError(f"{name} is of shape {values[name].shape}, not {tuple(variable.shape)}.")
    for name, variable in variables.items():
        variable.assign(values[name])


def _by_path(variables: Sequence[keras.Variable]) -> dict[str, keras.Variable]:
    named = {variable.path: variable for variable in variables}
    if len(named) != len(variables):
        paths = [variable.path for variable in variables]
        raise ValueError(f"Variables of one path: {', '.join(sorted({path for path in paths if paths.count(path) > 1}))}.")
    return named


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands: `batch` batches into the epoch after the first `epoch` ones."""

    epoch: int
    variables: TrainState
    batch: int = 0
    metrics: Arrays = field(default_factory=dict)  # running sums of loss and metric in the epoch that has begun
    logs: dict[str, float] = field(default_factory=dict)  # what these sums come to, as means
    plateau: PlateauState = field(default_factory=PlateauState)
    history: tuple[dict[str, float], ...] = ()
    best: Arrays | None = None  # the model's variables at the best validation loss, where they are to be kept
    eval_outputs: dict[str, np.ndarray] = field(default_factory=dict)  # (epochs, ...) what the caller evaluates after each epoch


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under its final name, whole or not at all."""
    parts = {
        "model": checkpoint.variables.model,
        "optimizer": checkpoint.variables.optimizer,
        "metrics": checkpoint.metrics,
        "best": checkpoint.best or {},
        "eval": checkpoint.eval_outputs,
    }
    arrays = {f"{part}:{name}": value for part, values in parts.items() for name, value in values.items()}
    about = {
        "epoch": checkpoint.epoch,
        "batch": checkpoint.batch,
        "logs": checkpoint.logs,
        "plateau": asdict(checkpoint.plateau),
        "history": checkpoint.history,
        "has_best": checkpoint.best is not None,
    }
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
        set_aside(path, error)
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a seek to where no file can reach: a damaged directory of the zip
            raise UserError(
                f"{path} is there but cannot be read ({error.strerror or error}). Run again when it can, or remove it."
            ) from None
        set_aside(path, error)
    return None


def save_history(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Write one row an epoch as CSV."""
    atomic_write(path, lambda temporary: pd.DataFrame(list(history)).to_csv(temporary, index=False))


def _from_arrays(arrays: Arrays) -> Checkpoint:
    about: dict[str, Any] = json.loads(arrays["about"].tobytes())

    def part(name: str) -> Arrays:
        return {key.partition(":")[2]: value for key, value in arrays.items() if key.partition(":")[0] == name}

    state = TrainState(part("model"), part("optimizer"))
    if not state.model:
        raise KeyError("it holds no weights")
    return Checkpoint(
        epoch=about["epoch"],
        variables=state,
        batch=about["batch"],
        metrics=part("metrics"),
        logs=about["logs"],
        plateau=PlateauState(**about["plateau"]),
        history=tuple(about["history"]),
        best=part("best") if about["has_best"] else None,
        eval_outputs=part("eval"),
    )


def set_aside(path: Path, error: Exception) -> None:
    """Rename a checkpoint that cannot be continued to `<name>.corrupt`, and say so on standard error."""
    names = itertools.chain([f"{path.name}.corrupt"], (f"{path.name}.corrupt-{number}" for number in itertools.count(2)))
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    path.replace(aside)
    print(f"{path} cannot be continued ({error}): it is set aside as {aside.name}, and this training begins anew.", file=sys.stderr)
