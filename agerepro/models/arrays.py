"""A model's weights as named NumPy arrays, and the file that keeps them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agerepro.errors import UserError
from agerepro.files import write_then_rename

if TYPE_CHECKING:
    import keras


def variables_by_name(model: keras.Model) -> dict[str, keras.Variable]:
    """`layer/variable` -> Keras variable, in the order of the layers; the names are the same in every process."""
    return {f"{layer.name}/{_tail(layer, variable)}": variable for layer in model.layers for variable in layer.weights}


def weights_as_arrays(model: keras.Model) -> dict[str, np.ndarray]:
    """`layer/variable` -> a copy of its values, dtype as stored (float32)."""
    return {name: np.array(np.asarray(variable)) for name, variable in variables_by_name(model).items()}


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Write an `.npz` whole or not at all; equal arrays give equal bytes, in whatever order they come."""
    if path.suffix != ".npz":
        raise ValueError(f"{path.name} must end in .npz.")
    named: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    return write_then_rename(path, lambda temporary: np.savez(temporary, **named))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote, each array checked by its CRC; UserError when absent or damaged."""
    try:
        with path.open("rb") as file:  # ours to close: np.load leaves a damaged file open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one array without a name")
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}): remove it and run again.") from None


def _tail(layer: keras.layers.Layer, variable: keras.Variable) -> str:
    return variable.path.rsplit(f"{layer.name}/", 1)[-1]
