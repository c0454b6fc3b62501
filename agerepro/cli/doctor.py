"""`agerepro doctor`: what this machine has and lacks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click

from agerepro.cli.options import data_option, runs_option, weights_option


@click.command()
@data_option
@runs_option
@weights_option
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def doctor(data: Path | None, runs: Path, weights: Path | None, style: str | None) -> None:
    """Say what TensorFlow computes on, which versions are here, free disk, and which data sets and weights are found or missing.

    \b
      agerepro doctor --data /datasets
    """
    found = _found(data, runs, weights)
    if style == "json":
        click.echo(json.dumps(found, indent=2))
        return
    for section, lines in found.items():
        click.echo(section)
        for name, value in lines.items():
            click.echo(f"  {name:<22} {value}")
    click.echo("Next: make cascade-fgnet", err=True)


def _found(data: Path | None, runs: Path, weights: Path | None) -> dict[str, dict[str, Any]]:
    from agerepro.datasets import catalog
    from agerepro.runs.provenance import provenance
    from agerepro.training.device import suppress_stderr

    about = provenance()
    place = next(folder for folder in (runs.absolute(), *runs.absolute().parents) if folder.exists())
    machine: dict[str, Any] = {
        "platform": about["platform"],
        "python": about["python"],
        "processors": os.cpu_count(),
        "free disk (GB)": round(shutil.disk_usage(place).free / 1e9, 1),
    }
    try:
        with suppress_stderr():
            import keras
            import tensorflow as tf
        machine["devices"] = ", ".join(device.name.removeprefix("/physical_device:") for device in tf.config.list_physical_devices())
        machine["keras backend"] = keras.backend.backend()
    except ImportError as error:
        machine["devices"] = f"TensorFlow is missing: {error}. Run `make setup`."
        return {"machine": machine, "packages": about["packages"], "data": {}, "weights": {}}
    from agerepro.models.pretrained import PRETRAINED, find_local

    sets = {name: _where(catalog.folder_of(name, data) if data else None) for name in catalog.names()}
    found = {f"{source} {backbone}": find_local(source, backbone, folder=weights) for source, backbone in PRETRAINED}
    return {
        "machine": machine,
        "packages": about["packages"],
        "data": sets,
        "weights": {name: str(file or "missing") for name, file in found.items()},
    }


def _where(folder: Path | None) -> str:
    if folder is None:
        return "not looked for (give --data)"
    return str(folder) if folder.is_dir() else f"missing: no folder {folder}"
