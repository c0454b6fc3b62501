"""The process as training finds it, whatever stands in files and variables outside."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from agerepro.errors import NoGpuWarning, UserError
from agerepro.training import device
from agerepro.training.device import check_gpu, numeric_environment


def run_python(program: str, **environment: str) -> str:
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env).stdout.splitlines()[-1]


def test_settings_of_keras_from_outside_change_nothing(tmp_path: Path) -> None:
    outside = {"floatx": "float16", "epsilon": 0.01, "image_data_format": "channels_first", "backend": "jax"}
    (tmp_path / "keras.json").write_text(json.dumps(outside))
    program = (
        "from agerepro.config.schema import Machine\nfrom agerepro.training.device import configure\nconfigure(Machine())\n"
        "import keras\nc = keras.config\n"
        "print(c.floatx(), c.epsilon(), c.image_data_format(), c.backend(), c.dtype_policy().name)"
    )
    assert run_python(program, KERAS_HOME=str(tmp_path), KERAS_BACKEND="torch") == "float32 1e-07 channels_last tensorflow float32"


def test_variables_that_change_results_are_told_from_those_that_do_not() -> None:
    changing = dict.fromkeys(["NVIDIA_TF32_OVERRIDE", "TF_CUDNN_USE_AUTOTUNE", "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS"], "0")
    others = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "1", "CUDA_VISIBLE_DEVICES": "0", "HOME": "/", "LANG": "C"}
    assert numeric_environment({**others, **changing}) == changing


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_freed_memory_is_kept_for_the_next_batch() -> None:
    program = """
import resource, sys
import numpy as np
from agerepro.training.device import keep_freed_memory
if sys.argv[1:] or KEEP:
    assert keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    np.empty(48_000_000, np.uint8)[::4096] = 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    given_back, kept = (int(run_python(f"KEEP = {keep}\n{program}")) for keep in (False, True))
    assert kept < given_back / 5


def test_a_users_own_malloc_settings_stand() -> None:
    program = "from agerepro.training.device import keep_freed_memory\nprint(keep_freed_memory())"
    assert run_python(program, MALLOC_ARENA_MAX="2") == "False"


def test_a_process_that_has_computed_already_is_a_users_error_and_one_set_up_alike_is_not() -> None:
    program = """
from agerepro.config.schema import Machine
from agerepro.errors import UserError
from agerepro.training.device import configure
import tensorflow as tf
USED
try:
    configure(Machine(threads=1)); tf.ones(1) + 1; configure(Machine(threads=1)); print("set up twice")
except UserError as error:
    print("UserError")
"""
    assert run_python(program.replace("USED", "")) == "set up twice"
    assert run_python(program.replace("USED", "tf.ones(1) + 1")) == "UserError"


@pytest.mark.parametrize(
    ("libraries", "driver", "gpus", "named"),
    [
        (False, True, ["0"], "ACCELERATOR=cuda"),
        (True, False, [], "driver"),
        (True, True, [], "CUDA_VISIBLE_DEVICES"),
        (True, True, ["0"], "LD_LIBRARY_PATH"),
    ],
)
def test_a_missing_gpu_is_said_in_one_line_with_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch, libraries: bool, driver: bool, gpus: list[str], named: str
) -> None:
    monkeypatch.setattr(device, "cuda_libraries", lambda: Path("nvidia") if libraries else None)
    monkeypatch.setattr(device, "driver_is_here", lambda: driver)
    monkeypatch.setattr(device, "visible_gpus", lambda: gpus)
    with pytest.warns(NoGpuWarning, match=named) as said:
        check_gpu(seen=False, required=False)
    assert len(said) == 1 and "\n" not in str(said[0].message)
    with pytest.raises(UserError, match=named):
        check_gpu(seen=False, required=True)
    check_gpu(seen=True, required=True)


def test_where_nothing_speaks_of_a_gpu_nothing_is_said_but_a_required_one_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_libraries", lambda: None)
    monkeypatch.setattr(device, "driver_is_here", lambda: False)
    check_gpu(seen=False, required=False)  # a warning would be an error
    with pytest.raises(UserError, match="ACCELERATOR=cuda"):
        check_gpu(seen=False, required=True)


def test_a_process_that_computes_warns_or_refuses_before_its_first_operation() -> None:
    program = """
import os, pathlib, warnings
from agerepro.config.schema import Machine
from agerepro.errors import UserError
from agerepro.training import device
device.cuda_libraries = lambda: pathlib.Path("nvidia")
os.environ[device.REQUIRE_GPU] = "1"
try:
    device.configure(Machine())
except UserError:
    os.environ[device.REQUIRE_GPU] = "0"
    with warnings.catch_warnings(record=True) as said:
        for _ in range(2):
            device.configure(Machine())
    print([warning.category.__name__ for warning in said if warning.category.__name__ == "NoGpuWarning"], device.computing_device())
"""
    assert run_python(program, CUDA_VISIBLE_DEVICES="") == "['NoGpuWarning'] CPU:0"
