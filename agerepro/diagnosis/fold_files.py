"""Arrays of a fold that are made once: kept beside what they were made from, made again where that has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from agerepro.files import SEAL, digest_of, digest_of_bytes, write_then_rename
from agerepro.training.restore import Restored

MADE_FROM = "made_from"
Arrays = dict[str, np.ndarray]


def once(path: Path, made_from: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays in `path` if they were made from the same, else those that `make` gives, then kept there."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as file:
            if str(file[MADE_FROM]) == made_from:
                return {key: file[key] for key in file.files if key != MADE_FROM}
    arrays = make()
    save_arrays(path, {**arrays, MADE_FROM: np.array(made_from)})
    return arrays


def save_arrays(path: Path, arrays: Arrays) -> Path:
    """Write an .npz whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    return write_then_rename(path, write)


def fold_digest(back: Restored, fold: int, photos: list[str], *more: str | int) -> str:
    """Names what a fold's arrays are made from: its sealed files, weights among them, the photos, and what else is given."""
    first = back.experiment.seeds[0]
    sealed = (back.run.fold_folder(first, fold, first_seed=first) / SEAL).read_bytes()
    return digest_of([digest_of_bytes(sealed), photos, *more])
