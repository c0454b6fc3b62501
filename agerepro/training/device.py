"""The process set up for TensorFlow, once: settings from outside, memory, threads, determinism, devices; quiet while it loads."""

from __future__ import annotations

import ctypes
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from agerepro.config.schema import Machine
from agerepro.errors import UserError

# Variables of TensorFlow and the libraries under it that change results; those that only speak or place memory are left alone.
CHANGES_RESULTS = re.compile(r"(TF_(DETERMINISTIC|ENABLE|DISABLE|USE|CUDNN|XLA|CUBLAS)|XLA_|NVIDIA_TF32|ONEDNN_|DNNL_|CUDNN_|CUBLAS_)\w*")
# Of glibc's mallopt(3): blocks up to 1 GiB come from the heap, which keeps up to 2 GiB of freed memory and grows by 64 MiB.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEEP_MEMORY = {M_MMAP_THRESHOLD: 1 << 30, M_TRIM_THRESHOLD: (1 << 31) - 1, M_TOP_PAD: 64 << 20}

_configured: list[Machine] = []  # TensorFlow can be set up once a process
_facts: dict[str, str] = {}


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Load TensorFlow inside: its memory and settings are prepared, and its libraries' lines on the error stream are silenced.

    No setting of TensorFlow's reaches those lines.
    """
    keep_freed_memory()
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever a keras.json or the shell says: training is TensorFlow's
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def configure(machine: Machine) -> dict[str, str]:
    """Set up Keras and TensorFlow before their first operation and say what they compute on, for the provenance.

    Keras's own settings (its keras.json) are set to its defaults. Results are equal to the bit only for one number of threads, so
    `machine.threads` is part of a stage's name. Raises UserError where this process is already set up otherwise, or has
    computed with TensorFlow before.
    """
    with suppress_stderr():
        import keras
        import tensorflow as tf

    if _configured not in ([], [machine]):  # what is set up alike stays as it is
        raise UserError("These experiments compute in different ways (`machine:`), which one process cannot: run them one after the other.")
    known = bool(_configured)
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    gpus = tf.config.list_physical_devices("GPU")
    if not known:
        try:
            if machine.threads:
                tf.config.threading.set_intra_op_parallelism_threads(machine.threads)
                tf.config.threading.set_inter_op_parallelism_threads(machine.threads)
            for gpu in gpus:
                tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError as error:  # somebody, in a notebook for instance, has computed with TensorFlow already
            raise UserError(f"TensorFlow is in use in this process and can be set up no more ({error}). Start a fresh one.") from None
        if machine.deterministic:
            tf.config.experimental.enable_op_determinism()
        _configured[:] = [machine]
    _facts.update(
        {
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "gpus": ", ".join(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus),
            "threads": str(machine.threads or "default"),
            "precision": machine.precision,
            "tf32": "on" if gpus and tf.config.experimental.tensor_float_32_execution_enabled() else "off",
            **numeric_environment(os.environ),
        }
    )
    return device_facts()


def device_facts() -> dict[str, str]:
    """What `configure` has found this process to compute on: versions, GPUs, threads, precision, TF32; for the provenance."""
    return dict(_facts)


@functools.cache  # later this process keeps one of them to itself
def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name, one a GPU that this process might use when it began; TensorFlow is not loaded for it."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name.strip()]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=60, check=False)
    return [str(number) for number, _ in enumerate(line for line in listed.stdout.splitlines() if line.startswith("GPU "))]


def numeric_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are set from outside and change what TensorFlow computes: part of a stage's name and of the provenance."""
    return {name: value for name, value in sorted(environment.items()) if CHANGES_RESULTS.fullmatch(name)}


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for the next batch in place of giving it back; whether it was told.

    TensorFlow's CPU allocator frees and takes large blocks at every step; glibc maps each anew, and the kernel fills each page with
    zeros: that was half of a small training's time. No other allocator is touched; nothing happens where the user set MALLOC_
    variables or where the C library is not glibc.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  only glibc has it
        return all(libc.mallopt(parameter, value) == 1 for parameter, value in KEEP_MEMORY.items())
    except (OSError, AttributeError, TypeError):
        return False
