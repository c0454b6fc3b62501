"""The inference model as Keras, SavedModel and ONNX files, each verified in a fresh process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

import agerepro
from agerepro.config.schema import Experiment
from agerepro.errors import CheckFailed, UserError
from agerepro.faces.images import JpegImages
from agerepro.io import MANIFEST, check_writable, digest_of_file, is_complete, write_manifest
from agerepro.predict.inference_model import Difference, Exported, inference_model
from agerepro.predict.interval import summarise_tests
from agerepro.predict.model_card import card_files
from agerepro.predict.predict import folds_asked
from agerepro.rng import rng_for
from agerepro.runs.data import find_run_crops
from agerepro.runs.layout import Run
from agerepro.runs.model import load_run_model
from agerepro.training.augment import PLAIN, AugmentedFaces

COUNT = 16  # test inputs of each kind
LIMIT = 1e-4  # of probabilities; of logits and years, times the largest value where that is above 1
HOME = Path(agerepro.__file__).parents[1]  # for a package that is not installed
LAST_LINES = 5  # of what a process that failed wrote

# What a user's own program would be, and what must not be needed for it.
_KERAS = """
import keras
import agerepro.predict.inference_model
outputs = keras.saving.load_model(path).predict(pixels, verbose=0)
"""
_SAVED_MODEL = """
import tensorflow as tf
model = tf.saved_model.load(path)
outputs = {name: value.numpy() for name, value in model.serve(pixels).items()}
"""
_ONNX = """
import onnxruntime
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
outputs = dict(zip(names, session.run(names, {session.get_inputs()[0].name: pixels})))
"""
# TensorFlow loads Keras by itself.
WITHOUT = {"keras": (), "saved_model": ("agerepro",), "onnx": ("agerepro", "keras", "tensorflow")}
CHECKS = {"keras": _KERAS, "saved_model": _SAVED_MODEL, "onnx": _ONNX}
_PROGRAM = """
import sys
import numpy as np
path, pixels = sys.argv[1], np.load(sys.argv[2])
{load}
if [name for name in {without} if name in sys.modules]:
    sys.exit("the file needs one of {without}")
np.savez(sys.argv[3], **outputs)
"""
ONNX_PACKAGES = ("tf2onnx", "onnx", "onnxruntime")
NAMES = {"keras": "model.keras", "saved_model": "saved_model", "onnx": "model.onnx"}


def export_run(
    run: Run, folder: Path, *, folds: str | None, styles: Sequence[str], on_progress: Callable[[str, int, int], object]
) -> list[Exported]:
    """Export the first seed's fold, or the mean of the folds (`folds` as `folds_asked` reads it), in these styles.

    UserError for folds without weights, or a folder that is something else; OSError, before anything is computed, where its place
    cannot be written; CheckFailed where a file differs from Keras.
    """
    refuse_foreign(folder)
    check_writable(folder.parent)
    run_model = load_run_model(run)
    experiment = run_model.experiment
    seed = experiment.seeds[0]
    chosen = folds_asked(run_model, folds, seed=seed)
    model, _ = inference_model(run, chosen, seed=seed)
    test_inputs = [random_images(experiment.augment.size), faces_of_run(run, experiment)]
    card = partial(card_files, run, run_model, summarise_tests(run, experiment, seed=seed), chosen)
    return export(model, test_inputs, folder, styles=styles, card=card, on_progress=on_progress)


def export(
    model: keras.Model,
    test_inputs: Sequence[np.ndarray],
    folder: Path,
    *,
    styles: Sequence[str],
    card: Callable[[Sequence[Exported], dict[str, str]], dict[str, str]],
    on_progress: Callable[[str, int, int], object],
) -> list[Exported]:
    """Write the model in each style (a key of NAMES), verify each, and put `folder` in place, whole or not at all.

    test_inputs: batches (n, size, size, 3) uint8 that the outputs are compared on. card(exported, checksums) gives further files by
    name. Raises CheckFailed where outputs differ by more than the style's limit, and then leaves nothing.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.concatenate(test_inputs)
    expected = {name: np.asarray(value) for name, value in model.predict(pixels, verbose=0).items()}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        place = Path(scratch) / "new"
        place.mkdir()
        exported = []
        for count, style in enumerate(styles):
            on_progress("formats", count, len(styles))
            WRITE[style](model, place / NAMES[style])
            rows = differences(style, place / NAMES[style], pixels, expected)
            _refuse_different(style, rows)
            exported.append(Exported(style, NAMES[style], _size(place / NAMES[style]), rows))
        on_progress("formats", len(styles), len(styles))
        checksums = {name: digest_of_file(place / name) for name in _files(place)}
        for name, text in card(exported, checksums).items():
            (place / name).write_text(text, encoding="utf-8")
        write_manifest(place)
        if folder.exists():
            folder.rename(Path(scratch) / "earlier")
        place.rename(folder)
    return exported


def missing_for_onnx() -> list[str]:
    """Packages that ONNX needs and this environment lacks."""
    return [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]


def refuse_foreign(folder: Path) -> None:
    """Return if an export may be written to `folder`: it is absent, empty, or an earlier export; else a UserError."""
    if folder.is_dir() and any(folder.iterdir()) and not (is_complete(folder) and (folder / "MODEL_CARD.md").is_file()):
        raise UserError(f"{folder} holds something that is not an undamaged export. Give --out a folder that does not exist yet.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Give --out a folder that does not exist yet.")


def random_images(size: int, count: int = COUNT) -> np.ndarray:
    """(count, size, size, 3) uint8, every value as likely as any other; the same whenever asked for."""
    return rng_for("export", size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def faces_of_run(run: Run, experiment: Experiment, count: int = COUNT) -> np.ndarray:
    """Up to `count` faces of the run's own data as the network sees them, (n, size, size, 3) uint8.

    They lie in the folder of faces beside the run, not in it: n is 0 where the run was moved without it.
    """
    crops, size = find_run_crops(run.folder, experiment.stages[-1].data), experiment.augment.size
    if crops is None:
        return np.empty((0, size, size, 3), np.uint8)
    store = crops.store()
    images = [store.read(key) for key in crops.photos.loc[crops.photos["status"] == "ok", "image"] if key in store][:count]
    source = AugmentedFaces(JpegImages(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    return source.batch(np.arange(len(images)), PLAIN) if images else np.empty((0, size, size, 3), np.uint8)


def differences(style: str, path: Path, pixels: np.ndarray, expected: dict[str, np.ndarray]) -> tuple[Difference, ...]:
    """One row an output. pixels: (n, size, size, 3) uint8; expected: outputs of the original by name.

    style: a key of CHECKS. Raises CheckFailed when the file cannot be loaded, or gives other outputs or shapes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given, written = Path(scratch) / "pixels.npy", Path(scratch) / "outputs.npz"
        np.save(given, pixels)
        program = _PROGRAM.format(load=CHECKS[style], without=WITHOUT[style])
        # From an empty folder, so that nothing is imported that merely lies in the working folder.
        process = subprocess.run(
            [sys.executable, "-c", program, str(path.resolve()), str(given), str(written)],
            capture_output=True,
            text=True,
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HOME), os.environ.get("PYTHONPATH", "")])},
            check=False,
        )
        if process.returncode:
            text = "\n".join(process.stderr.strip().splitlines()[-LAST_LINES:])
            raise CheckFailed(f"The {style} model cannot be loaded again:\n{text}")
        with np.load(written, allow_pickle=False) as archive:
            outputs = {name: archive[name] for name in archive.files}
    shapes = {name: value.shape for name, value in outputs.items()}
    if shapes != {name: value.shape for name, value in expected.items()}:
        raise CheckFailed(f"The {style} model, loaded again, gives other outputs: {shapes}.")
    return tuple(_difference(name, outputs[name], expected[name]) for name in sorted(expected))


def _difference(name: str, output: np.ndarray, expected: np.ndarray) -> Difference:
    limit = LIMIT * max(1.0, float(np.abs(expected).max(initial=0)))
    return Difference(name, float(np.abs(output.astype(np.float64) - expected).max(initial=0)), limit, len(expected))


def _refuse_different(style: str, rows: Sequence[Difference]) -> None:
    wrong = [row for row in rows if not row.largest <= row.limit]
    if wrong:
        named = ", ".join(f"{row.output} by {row.largest:.2g} (limit {row.limit:.2g})" for row in wrong)
        raise CheckFailed(f"The {style} model, loaded again, differs from Keras: {named}. Leave this format out with --format.")


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size


def _keras(model: keras.Model, path: Path) -> None:
    model.save(path)


def _saved_model(model: keras.Model, path: Path) -> None:
    import tensorflow as tf

    try:
        model.export(str(path), format="tf_saved_model", verbose=False)
    except tf.errors.OpError as error:  # TensorFlow writes by itself: a full disk is no OSError of Python's
        reason = error.message.rpartition("; ")[2]
        raise UserError(f"The SavedModel cannot be written in {path.parents[2]}: {reason}. The same command starts anew.") from None


def _onnx(model: keras.Model, path: Path) -> None:
    if missing := missing_for_onnx():
        raise UserError(f"ONNX needs {', '.join(missing)}, which are not installed: pip install {' '.join(missing)}.")
    with warnings.catch_warnings():
        # Keras 3.15 looks for np.object before it mends tf2onnx 1.17 for NumPy 2; the look itself warns.
        warnings.filterwarnings("ignore", message="In the future `np.object`", category=FutureWarning)
        model.export(str(path), format="onnx", verbose=False)


WRITE: dict[str, Callable[[keras.Model, Path], None]] = {"keras": _keras, "saved_model": _saved_model, "onnx": _onnx}
