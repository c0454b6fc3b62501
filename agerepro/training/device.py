"""TensorFlow set up once a process: threads, determinism, GPU memory; quiet while it loads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from agerepro.config.schema import Machine
from agerepro.errors import UserError

_configured: list[Machine] = []  # TensorFlow can be set up once a process


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Silence what TensorFlow's libraries write to the error stream while they load (no setting reaches those lines)."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def configure(machine: Machine) -> dict[str, str]:
    """Set up TensorFlow before its first operation and say what it computes on, for the provenance.

    Results are equal to the bit only for one number of threads, so `machine.threads` is part of a stage's name.
    """
    with suppress_stderr():
        import keras
        import tensorflow as tf

    if _configured not in ([], [machine]):
        raise UserError("These experiments compute in different ways (`machine:`), which one process cannot: run them one after the other.")
    _configured[:] = [machine]
    if machine.threads:
        tf.config.threading.set_intra_op_parallelism_threads(machine.threads)
        tf.config.threading.set_inter_op_parallelism_threads(machine.threads)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if machine.deterministic:
        tf.config.experimental.enable_op_determinism()
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "gpus": ", ".join(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "threads": str(machine.threads or "default"),
    }
