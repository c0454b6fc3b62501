"""An exported model: `.keras`, SavedModel and ONNX, each loaded again in a fresh process, with checksums."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agerepro.errors import FoundWanting, UserError
from agerepro.files import SEAL, digest_of_file, is_sealed, seal
from agerepro.prediction.verify import Difference, differences

ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
NAMES = {"keras": "model.keras", "saved_model": "saved_model", "onnx": "model.onnx"}


@dataclass(frozen=True)
class Exported:
    """One format: its path below the folder, its size, and how far a fresh process's outputs lie from Keras's here."""

    style: str
    path: str
    size: int  # bytes
    found: tuple[Difference, ...]


def missing_for_onnx() -> list[str]:
    """Packages that ONNX needs and this environment lacks."""
    return [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]


def refuse_foreign(folder: Path) -> None:
    """Return if an export may be written to `folder`: it is absent, empty, or an earlier export; else a UserError."""
    if folder.is_dir() and any(folder.iterdir()) and not (is_sealed(folder) and (folder / "MODEL_CARD.md").is_file()):
        raise UserError(f"{folder} holds something that is not an undamaged export. Give --out a folder that does not exist yet.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Give --out a folder that does not exist yet.")


def export(
    model: keras.Model,
    samples: Sequence[np.ndarray],
    folder: Path,
    *,
    styles: Sequence[str],
    card: Callable[[Sequence[Exported], dict[str, str]], dict[str, str]],
    on_progress: Callable[[str, int, int], object],
) -> list[Exported]:
    """Write the model in each style (a key of NAMES), verify each, and put `folder` in place, whole or not at all.

    samples: batches (n, size, size, 3) uint8 that the outputs are compared on. card(exported, checksums) gives further files by
    name. Raises FoundWanting where outputs differ by more than the style's limit, and then leaves nothing.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.concatenate(samples)
    expected = {name: np.asarray(value) for name, value in model.predict(pixels, verbose=0).items()}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        place = Path(scratch) / folder.name
        place.mkdir()
        exported = []
        for done, style in enumerate(styles):
            on_progress("formats", done, len(styles))
            WRITE[style](model, place / NAMES[style])
            found = differences(style, place / NAMES[style], pixels, expected)
            _refuse_different(style, found)
            exported.append(Exported(style, NAMES[style], _size(place / NAMES[style]), found))
        on_progress("formats", len(styles), len(styles))
        checksums = {name: digest_of_file(place / name) for name in _files(place)}
        for name, text in card(exported, checksums).items():
            (place / name).write_text(text, encoding="utf-8")
        seal(place, _files(place))
        if folder.exists():
            shutil.rmtree(folder)
        place.rename(folder)
    return exported


def _keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _saved_model(model: keras.Model, path: Path) -> None:
    model.export(str(path), format="tf_saved_model", verbose=False)


def _onnx(model: keras.Model, path: Path) -> None:
    if missing := missing_for_onnx():
        raise UserError(f"ONNX needs {', '.join(missing)}, which are not installed: pip install {' '.join(missing)}.")
    with warnings.catch_warnings():
        # Keras 3.15 looks for np.object before it mends tf2onnx 1.17 for NumPy 2; the look itself warns.
        warnings.filterwarnings("ignore", message="In the future `np.object`", category=FutureWarning)
        model.export(str(path), format="onnx", verbose=False)


WRITE: dict[str, Callable[[keras.Model, Path], None]] = {"keras": _keras, "saved_model": _saved_model, "onnx": _onnx}


def _refuse_different(style: str, found: Sequence[Difference]) -> None:
    wrong = [one for one in found if not one.largest <= one.limit]
    if wrong:
        named = ", ".join(f"{one.output} by {one.largest:.2g} (limit {one.limit:.2g})" for one in wrong)
        raise FoundWanting(f"The {style} model, loaded again, differs from Keras: {named}. Leave this format out with --format.")


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != SEAL)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
