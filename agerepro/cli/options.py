"""Options that several commands share, defined once."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)

runs_option = click.option(
    "--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs, trained stages and faces live."
)
data_option = click.option(
    "--data", type=FOLDER, default=None, help="One folder a data set, named as `agerepro data list` names it, each in its native layout."
)
jobs_option = click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that share the folds.")
how_option = click.option(
    "--how",
    type=click.Choice(["mean", "grad_cam", "sensitivity"]),
    default="mean",
    show_default=True,
    help="koenig2019's class activation maps, Grad-CAM, or how the age depends on each pixel (agustsson2017).",
)
weights_option = click.option("--weights", type=FOLDER, default=None, help="Where published weight files lie (default: Keras's own cache).")
