"""Several devices train as one does: the same losses without batch norm, whatever the batches' sizes; a stop changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Machine
from agerepro.errors import UserError
from agerepro.training.naming import stage_settings

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "runs" / "tiny.yaml"
NOISE = 1e-6  # relative; 1.1e-7 measured: another order of sums


def output_of(*command: str) -> str:
    # With oneDNN, batch norm fails on a CPU's second logical device.
    env = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, env=env, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def found_by(program: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output_of("-m", "tests.training.two_devices", program).splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def vgg16() -> dict[str, Any]:
    return found_by("vgg16")


@pytest.mark.parametrize("rows", ["35", "33"])  # in batches of 16: the last one of 3, and of 1, which is fewer than the devices
def test_losses_and_outputs_without_batch_norm_are_those_of_one_device(vgg16: dict[str, Any], rows: str) -> None:
    one, two = vgg16[rows]["one"], vgg16[rows]["two"]
    assert len(one["batches"]) == 6
    np.testing.assert_allclose(two["batches"], one["batches"], rtol=NOISE)
    pd.testing.assert_frame_equal(pd.DataFrame(two["history"]), pd.DataFrame(one["history"]), rtol=NOISE)
    np.testing.assert_allclose(two["outputs"], one["outputs"], atol=1e-5)
    assert vgg16[rows]["agree"]


def test_stopped_at_a_batch_or_an_epochs_end_it_continues_to_the_same_bits(vgg16: dict[str, Any]) -> None:
    assert vgg16["stop"] == {"stopped": True, "history": True, "state": True}


def test_a_loss_that_is_no_number_stops_it_at_its_batch(vgg16: dict[str, Any]) -> None:
    assert "epoch 1, batch" in vgg16["diverged"]


def test_more_devices_than_there_are_is_a_users_error_and_0_is_all_of_them(vgg16: dict[str, Any]) -> None:
    assert "machine.devices" in vgg16["too many"] and vgg16["too many"].count(". ") == 0
    assert vgg16["all"] == 2


def test_one_device_changes_no_name_and_several_those_of_shared_stages_only() -> None:
    one = read_experiment(TINY)
    several = replace(one, machine=replace(one.machine, devices=2))

    def settings(experiment: Any, stage: Any) -> dict[str, Any]:
        return stage_settings(experiment, stage, data="d", start="s", seed=0)

    *shared, folds = one.stages
    assert set(settings(one, shared[0])["machine"]) == {"precision", "xla", "deterministic", "threads"}
    assert all(settings(several, stage)["machine"] == settings(one, stage)["machine"] | {"devices": 2} for stage in shared)
    assert settings(several, folds) == settings(one, folds)


def test_several_devices_with_xla_are_refused_where_the_experiment_is_read() -> None:
    with pytest.raises(UserError, match=r"machine\.xla"):
        read_experiment(TINY, settings=["machine.devices=2", "machine.xla=true"])
    with pytest.raises(UserError, match=r"machine\.devices"):
        read_experiment(TINY, settings=["machine.devices=-1"])
    assert Machine().devices == 1


@pytest.mark.slow
def test_an_overflow_on_one_device_has_no_device_take_the_step() -> None:
    found = found_by("overflow")
    assert found["2"] == found["1"] == {"unchanged": True, "scale": 16384.0}


@pytest.mark.slow
def test_each_device_drops_by_masks_of_its_own_and_a_stop_changes_none() -> None:
    found = found_by("dropout")
    assert (found["stopped"], found["history"], found["state"], found["agree"]) == (True, True, True, True)
    assert found["masks"] == 6 and found["values"] == [0.0, 2.0]
    assert 0.45 < found["alike"] < 0.55  # of 8,000 numbers, as independent ones


@pytest.mark.slow
def test_batch_norm_sees_each_devices_part_and_keeps_the_mean_of_their_statistics() -> None:
    found = found_by("resnet50")
    one, two = found["one"], found["two"]
    assert found["agree"] and np.isfinite(two["outputs"]).all()
    (one_mean, one_variance), (two_mean, two_variance) = one["averages"][0], two["averages"][0]  # of the first layer, after a batch
    np.testing.assert_allclose(two_mean, one_mean, rtol=1e-5)
    # Within two halves photos vary no more than within the whole.
    assert (np.array(two_variance) <= one_variance).all() and not np.allclose(two_variance, one_variance, rtol=NOISE)
    difference = np.abs(np.array(two["batches"]) / one["batches"] - 1)
    assert 0.01 < difference[0] < 0.2, difference  # 0.076 measured: no noise


@pytest.mark.slow
def test_a_run_trains_its_shared_stages_on_several_devices_and_its_folds_on_one(tmp_path: Path) -> None:
    program = (
        "import runpy, sys, tensorflow as tf\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
        "sys.argv[0] = 'agerepro'\n"
        "runpy.run_module('agerepro', run_name='__main__')\n"
    )
    histories, tested, names = [], [], []
    for devices in ("1", "2"):
        runs = tmp_path / devices
        output_of("-c", program, "run", str(TINY), "--runs", str(runs), "--folds", "0", "--set", f"machine.devices={devices}")
        stages = sorted(path for path in (runs / "stages").iterdir() if path.is_dir() and (path / "history.csv").is_file())
        names.append([path.name for path in stages])
        histories.append([pd.read_csv(path / "history.csv") for path in stages])
        facts = [json.loads((path / "provenance.json").read_text())["device"]["devices"] for path in stages]
        assert len(stages) == 3 and facts == [devices] * 3
        (predictions,) = runs.glob("koenig2019/*/*/**/predictions.csv")
        tested.append(pd.read_csv(predictions))
    assert not set(names[0]) & set(names[1])
    for one, two in zip(*histories, strict=True):
        pd.testing.assert_frame_equal(two, one, rtol=1e-5)
    pd.testing.assert_frame_equal(tested[1], tested[0], rtol=1e-4)
