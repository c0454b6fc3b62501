"""The process set up for TensorFlow, once: settings from outside, memory, threads, determinism, devices; quiet while it loads."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from agerepro.config.schema import Machine
from agerepro.errors import NoGpuWarning, UserError

# Variables of TensorFlow and the libraries under it that change results; those that only speak or place memory are left alone.
CHANGES_RESULTS = re.compile(r"(TF_(DETERMINISTIC|ENABLE|DISABLE|USE|CUDNN|XLA|CUBLAS)|XLA_|NVIDIA_TF32|ONEDNN_|DNNL_|CUDNN_|CUBLAS_)\w*")
# Of glibc's mallopt(3): blocks up to 1 GiB come from the heap, which keeps up to 2 GiB of freed memory and grows by 64 MiB.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
KEEP_MEMORY = {M_MMAP_THRESHOLD: 1 << 30, M_TRIM_THRESHOLD: (1 << 31) - 1, M_TOP_PAD: 64 << 20}

REQUIRE_GPU = "AGEREPRO_REQUIRE_GPU"  # 1: every process of a run refuses to compute without a GPU

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
    computed with TensorFlow before. Warns, or refuses, as `check_gpu` does.
    """
    with suppress_stderr():
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")  # where there is no driver, TensorFlow has a line of its own to say

    if _configured not in ([], [machine]):  # what is set up alike stays as it is
        raise UserError("These experiments compute in different ways (`machine:`), which one process cannot: run them one after the other.")
    known = bool(_configured)
    # Every network is traced once; TensorFlow takes several networks for one that is traced again and again, and says so at length.
    tf.get_logger().addFilter(_says_no_retracing)
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    if not known:
        check_gpu(seen=bool(gpus), required=os.environ.get(REQUIRE_GPU) == "1")
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


def _says_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in str(record.msg)


def device_facts() -> dict[str, str]:
    """What `configure` has found this process to compute on: versions, GPUs, threads, precision, TF32; for the provenance."""
    return dict(_facts)


def check_gpu(*, seen: bool, required: bool) -> None:
    """Say where TensorFlow sees no GPU although one might be expected: in an environment made for CUDA, or beside an NVIDIA driver.

    A NoGpuWarning of one line, or with `required`, in whatever environment, a UserError.
    """
    made_for_cuda, driver = cuda_libraries() is not None, driver_is_here()
    if seen or not (required or made_for_cuda or driver):
        return
    if not made_for_cuda:
        why = "this environment is the one for processors (make: ACCELERATOR=cuda)"
    elif not driver:
        why = "no NVIDIA driver is here (a container: --gpus all, apptainer: --nv; Slurm: --gpus 1)"
    elif not visible_gpus():
        why = f"no GPU is given to this process (CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')}; see nvidia-smi)"
    else:
        why = "its CUDA libraries do not load (LD_LIBRARY_PATH may hide them; TF_CPP_MIN_LOG_LEVEL=0 agerepro doctor names them)"
    if required:
        raise UserError(f"A GPU is required, and TensorFlow sees none: {why}.")
    warnings.warn(f"TensorFlow sees no GPU and computes on the CPU: {why}.", NoGpuWarning, stacklevel=3)


def cuda_libraries() -> Path | None:
    """Where NVIDIA's libraries lie beside TensorFlow, which looks for them there; None where they are not installed."""
    spec = find_spec("tensorflow")
    folder = Path(spec.origin).parents[1] / "nvidia" if spec and spec.origin else None
    return folder if folder and folder.is_dir() else None


def driver_is_here() -> bool:
    """Whether the library of the NVIDIA driver loads, without which no CUDA library is of use; no device is touched."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def computing_device() -> str:
    """`GPU:0 (name)` or `CPU:0`: where TensorFlow has really done a small convolution; or why it could not.

    A GPU may be listed and still be of no use, with a cuDNN that does not fit for instance. Takes no more of its memory than it needs.
    """
    with suppress_stderr():
        import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    try:
        for gpu in gpus:
            if not tf.config.experimental.get_memory_growth(gpu):
                tf.config.experimental.set_memory_growth(gpu, True)
        nines = tf.nn.conv2d(tf.ones((1, 8, 8, 1)), tf.ones((3, 3, 1, 1)), strides=1, padding="VALID")
        right = bool(tf.reduce_all(nines == 9))
    except tf.errors.OpError as error:
        return f"unusable: {error.message.strip().splitlines()[0]}"
    name = nines.device.rpartition("device:")[2]
    used = [gpu for gpu in gpus if gpu.name.endswith(name)]
    named = tf.config.experimental.get_device_details(used[0]).get("device_name", "") if used else ""
    return (f"{name} ({named})" if named else name) + ("" if right else ", which computes wrongly")


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
