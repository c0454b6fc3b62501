"""`agerepro predict`: the ages of the faces in one's own photos."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from agerepro.cli.options import ANY, FILE, FOLDER, how_option

if TYPE_CHECKING:
    from agerepro.explain.maps import Kind


@click.command(no_args_is_help=True)
@click.argument("photos", nargs=-1, required=True, type=ANY, metavar="PHOTO|FOLDER...")
@click.option("--run", "place", type=ANY, required=True, help="The finished run whose network estimates, or a folder above just one.")
@click.option("--largest", is_flag=True, help="Only the largest face of each photo, as training takes it (default: all faces).")
@click.option("--folds", default=None, help="Average over these folds, for instance 0,3, or `all` (default: the first with weights).")
@click.option("--format", "style", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="Of standard output.")
@click.option("--distribution", is_flag=True, help="Add the probability of every age, or group.")
@click.option("--map", "maps", type=FOLDER, default=None, help="Also draw where the network looked on each face, into this folder.")
@how_option
@click.option("--sheet", type=FILE, default=None, help="Also draw a contact sheet, a PNG.")
def predict(
    photos: tuple[Path, ...],
    place: Path,
    largest: bool,
    folds: str | None,
    style: str,
    distribution: bool,
    maps: Path | None,
    how: str,
    sheet: Path | None,
) -> None:
    """Estimate the age of every face, with an interval that held four of five true ages of the run's test photos.

    One row a face goes to standard output. Exit code 0: every photo gave a face; 1: some gave none or could not be read (listed);
    2: usage.

    \b
      agerepro predict portrait.jpg --run runs/congress/ridge-pooled
      agerepro predict holiday/ --run runs/congress/ridge-pooled --folds all --format csv --sheet holiday.png > holiday.csv
      agerepro predict portrait.jpg --run runs/congress/ridge-pooled --map maps --how sensitivity
    """
    from agerepro.cli.configured import configured_like
    from agerepro.cli.progress import Talk
    from agerepro.files import write_bytes
    from agerepro.prediction.photo_files import photo_files
    from agerepro.runs.folder import find_run
    from agerepro.training.device import quiet_start

    if sheet is not None and sheet.suffix.lower() != ".png":
        raise click.BadParameter(f"{sheet}: a contact sheet is a PNG; give it a name that ends in .png.", param_hint="--sheet")
    if maps is None and click.get_current_context().get_parameter_source("how") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("it says how --map draws: add --map FOLDER.", param_hint="--how")
    run, files = find_run(place), photo_files(photos)
    configured_like(run)
    with quiet_start():
        from agerepro.prediction.contact_sheet import contact_sheet
        from agerepro.prediction.formats import FORMATS
        from agerepro.prediction.maps import explainable, maps_in_words, with_maps
        from agerepro.prediction.predict import predicted
        from agerepro.prediction.summary import failed, summary
        from agerepro.training.restore import restored

    network, kind = restored(run), cast("Kind", how)
    if maps is not None:
        explainable(network, kind)
    with Talk() as talk:
        found = predicted(network, files, folds=folds, which="largest" if largest else "all", on_progress=talk.count)
        if maps is not None:
            rows = with_maps(network, found.rows, maps, how=kind, folds=found.folds, on_progress=lambda at, of: talk.count("maps", at, of))
            found = replace(found, rows=rows)
    click.echo(FORMATS[style](found.rows, found.classes, distribution=distribution), nl=False)
    if sheet is not None:
        write_bytes(sheet, contact_sheet(found.rows))
    for line in summary(found, network.kept(network.experiment.seeds[0])):
        click.echo(line, err=True)
    if maps is not None:
        click.echo(maps_in_words(network, kind, maps), err=True)
    sys.exit(1 if failed(found.rows) else 0)
