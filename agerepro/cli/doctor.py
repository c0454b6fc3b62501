"""`agerepro doctor`: what this machine has and lacks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agerepro.cli.options import data_option, runs_option, weights_option
from agerepro.errors import UserError

if TYPE_CHECKING:
    from agerepro.models.pretrained import DenseWeights

COMPUTES_ON = "computes on"


@click.command()
@data_option
@runs_option
@weights_option
@click.option("--require-gpu", is_flag=True, help="Exit code 2 where a small operation was not computed on a GPU.")
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def doctor(data: Path | None, runs: Path, weights: Path | None, require_gpu: bool, style: str | None) -> None:
    """Say what TensorFlow computes on, which versions are here, free disk, and which data sets and weights are found or missing.

    What it computes on is where a small operation was done, not what is listed.

    \b
      agerepro doctor --data /datasets
      agerepro doctor --require-gpu
    """
    from agerepro.training.device import check_gpu

    sections = _inspect(data, runs, weights)
    if style == "json":
        click.echo(json.dumps(sections, indent=2))
    else:
        for section, lines in sections.items():
            click.echo(section)
            for name, value in lines.items():
                click.echo(f"  {name:<22} {value}")
    check_gpu(seen=sections["machine"][COMPUTES_ON].startswith("GPU"), required=require_gpu)
    if style != "json":
        click.echo("Next: make cascade-fgnet", err=True)


def _inspect(data: Path | None, runs: Path, weights: Path | None) -> dict[str, dict[str, Any]]:
    from agerepro.datasets import catalog
    from agerepro.machine import cpu_count, memory_bytes
    from agerepro.provenance import provenance
    from agerepro.training.device import computing_device, numeric_environment, suppress_stderr

    about = provenance()
    place = next(folder for folder in (runs.absolute(), *runs.absolute().parents) if folder.exists())
    machine: dict[str, Any] = {
        "platform": about["platform"],
        "python": about["python"],
        "code": about["code"],
        "processors": cpu_count(),
        "free memory (GB)": round(memory_bytes() / 1e9, 1),
        "free disk (GB)": round(shutil.disk_usage(place).free / 1e9, 1),
        "runs go to": _writable(runs),
    }
    try:
        with suppress_stderr():
            import keras
            import tensorflow as tf
        machine["devices"] = ", ".join(device.name.removeprefix("/physical_device:") for device in tf.config.list_physical_devices())
        machine[COMPUTES_ON] = computing_device()
        machine["keras backend"] = keras.backend.backend()
        machine |= {f"set outside: {name}": value for name, value in numeric_environment(os.environ).items()}
    except ImportError as error:
        machine |= {"devices": f"TensorFlow is missing: {error}. Run `make setup`.", COMPUTES_ON: "nothing"}
        return {"machine": machine, "packages": about["packages"], "data": {}, "weights": {}}
    from agerepro.models.pretrained import PRETRAINED

    return {
        "machine": machine,
        "packages": about["packages"],
        "data": {name: _describe_set(name, data) for name in catalog.names()},
        "weights": {f"{source} {backbone}": _describe_weights(source, backbone, weights, "fresh") for source, backbone in PRETRAINED}
        | {
            f"{source} {backbone} dense": _describe_weights(source, backbone, weights, "published")
            for (source, backbone), published in PRETRAINED.items()
            if published.dense
        },
    }


def _writable(runs: Path) -> str:
    """The folder of runs, or why nothing can be written there."""
    from agerepro.io import check_writable

    made = next((folder for folder in (*reversed(runs.absolute().parents), runs.absolute()) if not folder.exists()), None)
    try:
        check_writable(runs)
    except OSError as error:
        return f"{runs} cannot be written: {error.strerror}"
    if made is not None:
        shutil.rmtree(made)  # looking leaves nothing behind
    return str(runs)


def _describe_set(name: str, data: Path | None) -> str:
    """Where a data set lies and that its labels can be read, as a run would read them; or what is wrong with it."""
    from agerepro.datasets import catalog
    from agerepro.runs.preflight import data_problem

    if data is None:
        return "not looked for (give --data)"
    folder = catalog.folder_of(name, data)
    problem = data_problem(name, data).partition(": ")[2]
    if not problem:
        return str(folder)
    return f"{'unusable' if folder.is_dir() else 'missing'}: {problem}"


def _describe_weights(source: str, backbone: str, folder: Path | None, dense_weights: DenseWeights) -> str:
    """Where a weight file lies and that it is one, as a run would check it; or what is wrong with it."""
    from agerepro.models.pretrained import find_local
    from agerepro.models.weights import check_weight_file

    path = find_local(source, backbone, folder=folder, dense_weights=dense_weights)
    if path is None:
        return "missing"
    try:
        check_weight_file(path, dense_weights=dense_weights)
    except UserError as error:
        return f"unusable: {error}"
    return str(path)
