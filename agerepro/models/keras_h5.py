"""Tensors by name from a weights file that Keras 1 or 2 wrote (.h5), without Keras."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from agerepro.errors import UserError


def read_keras_h5(path: Path, *, not_used: Collection[str] = ()) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """(`weight name` as stored, e.g. "conv1_1/kernel:0" -> float32 array; the names left unread, in layers named in `not_used`).

    Read through the attributes `layer_names` and `weight_names`: a layer name with a slash is a nested group, so walking the tree
    would mix layers up. UserError when the file is damaged or holds no Keras weights.
    """
    try:
        with h5py.File(path, "r") as file:
            tensors: dict[str, np.ndarray] = {}
            unread: list[str] = []
            for layer in _names(file, "layer_names"):
                names = _names(file[layer], "weight_names")
                if layer in not_used:
                    unread += names
                else:
                    tensors |= {name: np.asarray(file[layer][name], np.float32) for name in names}
            return tensors, tuple(unread)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (OSError, KeyError, TypeError, ValueError) as error:  # what h5py raises for cut, foreign and incomplete files
        raise UserError(f"{path} is no weights file of Keras, or damaged ({error}): remove it and fetch it again.") from None


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, text or bytes; Keras splits one over 64 kB into `<attribute>0`, `<attribute>1`, ..."""
    if attribute in group.attrs:
        pieces = [attribute]
    else:
        pieces = list(itertools.takewhile(lambda piece: piece in group.attrs, (f"{attribute}{n}" for n in itertools.count())))
    if not pieces:
        raise KeyError(f"{group.name} has no attribute {attribute}")
    names = [name for piece in pieces for name in group.attrs[piece]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
