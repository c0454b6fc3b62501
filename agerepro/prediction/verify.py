"""How far an exported model's outputs lie from the original's, loaded by a new Python process that knows the file only."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import agerepro
from agerepro.errors import FoundWanting

LIMIT = 1e-4  # of probabilities; of logits and years, times the largest value where that is above 1
HOME = Path(agerepro.__file__).parents[1]  # for a package that is not installed
LAST_LINES = 5  # of what a process that failed has said

# What a user's own program would be, and what must not be needed for it.
_KERAS = """
import keras
import agerepro.prediction.layers
found = keras.saving.load_model(path).predict(pixels, verbose=0)
"""
_SAVED_MODEL = """
import tensorflow as tf
model = tf.saved_model.load(path)
found = {name: value.numpy() for name, value in model.serve(pixels).items()}
"""
_ONNX = """
import onnxruntime
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
names = [one.name for one in session.get_outputs()]
found = dict(zip(names, session.run(names, {session.get_inputs()[0].name: pixels})))
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
np.savez(sys.argv[3], **found)
"""


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference of one output, what is allowed, and how many photos were compared."""

    output: str
    largest: float
    limit: float
    photos: int


def differences(style: str, path: Path, pixels: np.ndarray, expected: dict[str, np.ndarray]) -> tuple[Difference, ...]:
    """One row an output. pixels: (n, size, size, 3) uint8; expected: outputs of the original by name.

    style: a key of CHECKS. Raises FoundWanting when the file cannot be loaded, or gives other outputs or shapes.
    """
    with tempfile.TemporaryDirectory() as scratch:
        given, written = Path(scratch) / "pixels.npy", Path(scratch) / "found.npz"
        np.save(given, pixels)
        program = _PROGRAM.format(load=CHECKS[style], without=WITHOUT[style])
        # From an empty folder, so that nothing is imported that merely lies where we stand.
        done = subprocess.run(
            [sys.executable, "-c", program, str(path.resolve()), str(given), str(written)],
            capture_output=True,
            text=True,
            cwd=scratch,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HOME), os.environ.get("PYTHONPATH", "")])},
            check=False,
        )
        if done.returncode:
            said = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
            raise FoundWanting(f"The {style} model cannot be loaded again:\n{said}")
        with np.load(written, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    shapes = {name: value.shape for name, value in found.items()}
    if shapes != {name: value.shape for name, value in expected.items()}:
        raise FoundWanting(f"The {style} model, loaded again, gives other outputs: {shapes}.")
    return tuple(_difference(name, found[name], expected[name]) for name in sorted(expected))


def _difference(name: str, found: np.ndarray, expected: np.ndarray) -> Difference:
    limit = LIMIT * max(1.0, float(np.abs(expected).max(initial=0)))
    return Difference(name, float(np.abs(found.astype(np.float64) - expected).max(initial=0)), limit, len(expected))
