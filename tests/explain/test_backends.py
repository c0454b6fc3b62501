"""Networks, losses and maps give the same numbers on TensorFlow, JAX and PyTorch, each in a process of its own."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

HERE, REPOSITORY = Path(__file__).parent, Path(__file__).parents[2]
TOLERANCE = 2e-5  # of the largest value of an array; float32 through 50 layers gave 1.2e-5
SMALLEST = 1e-5
# A pixel's slope jumps where a ReLU or a maximum changes sides, which the last digit of a deep network decides.
PIXEL_TOLERANCE = 1e-3

Numbers = Callable[[str], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    """What backend_numbers.py finds under a backend; skips where its package is not installed."""

    @functools.cache
    def found(backend: str) -> dict[str, np.ndarray]:
        if importlib.util.find_spec(backend) is None:
            pytest.skip(f"needs the package {backend} (not a dependency of agerepro)")
        path = tmp_path_factory.mktemp(backend) / "numbers.npz"
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(REPOSITORY), "TF_ENABLE_ONEDNN_OPTS": "0"}
        command = [sys.executable, str(HERE / "backend_numbers.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=REPOSITORY)
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(path) as archive:
            return {name.removeprefix(f"{backend}: "): archive[name] for name in archive.files}

    return found


def relative(one: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference over the reference's largest value, or over SMALLEST where all its values are below that."""
    return float(np.abs(one - reference).max()) / max(float(np.abs(reference).max()), SMALLEST)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_numbers_are_those_of_tensorflow(numbers: Numbers, backend: str) -> None:
    other = numbers(backend)
    reference = numbers("tensorflow")
    assert backend in other["loaded"] and "tensorflow" in reference["loaded"]
    names = set(reference) - {"loaded"}
    assert set(other) - {"loaded"} == names and len(names) > 30
    off = {name: relative(other[name], reference[name]) for name in names}
    assert not {name: value for name, value in off.items() if not value <= (PIXEL_TOLERANCE if name.endswith(" pixels") else TOLERANCE)}
