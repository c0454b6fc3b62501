"""`agerepro predict` and `agerepro export`: ages in one's own photos, and a network for other programs."""

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
    from agerepro.predict.photos import Which


@click.command(no_args_is_help=True)
@click.argument("photos", nargs=-1, required=True, type=ANY, metavar="PHOTO|FOLDER...")
@click.option("--run", "place", type=ANY, required=True, help="The finished run whose network estimates, or a folder above just one.")
@click.option("--largest", is_flag=True, help="Only the largest face of each photo, as training takes it (default: all faces).")
@click.option("--folds", default=None, help="Average over these folds, for instance 0,3, or `all` (default: the first with weights).")
@click.option("--format", "style", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="Of standard output.")
@click.option("--distribution", is_flag=True, help="Add the probability of every age, group, residual or score.")
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
    """Estimate the age of every face, with an interval whose coverage was measured on the run's tested people.

    One row a face goes to standard output. Exit code 0: every photo gave a face; 1: some gave none or could not be read (listed);
    2: usage.

    \b
      agerepro predict portrait.jpg --run runs/congress/ridge-pooled
      agerepro predict holiday/ --run runs/congress/ridge-pooled --folds all --format csv --sheet holiday.png > holiday.csv
      agerepro predict portrait.jpg --run runs/congress/ridge-pooled --map maps --how sensitivity
    """
    from agerepro.cli.options import ProgressReporter, configure_from_run
    from agerepro.io import check_writable, write_bytes
    from agerepro.predict.photos import photo_files
    from agerepro.runs.layout import find_run
    from agerepro.training.device import suppress_stderr

    if sheet is not None and sheet.suffix.lower() != ".png":
        raise click.BadParameter(f"{sheet}: a contact sheet is a PNG; give it a name that ends in .png.", param_hint="--sheet")
    if maps is None and click.get_current_context().get_parameter_source("how") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("it says how --map draws: add --map FOLDER.", param_hint="--how")
    run, files = find_run(place), photo_files(photos)
    configure_from_run(run)
    with suppress_stderr():
        from agerepro.predict.pictures import contact_sheet, explainable, maps_in_words, with_maps
        from agerepro.predict.predict import FORMATS, failed, predict_photos, summary
        from agerepro.runs.model import load_run_model

    run_model, kind = load_run_model(run), cast("Kind", how)
    if maps is not None:
        explainable(run_model, kind)
        check_writable(maps)
    if sheet is not None:
        check_writable(sheet.parent)
    with ProgressReporter() as progress:
        which: Which = "largest" if largest else "all"
        predictions = predict_photos(run_model, files, folds=folds, which=which, on_progress=progress.count)
        if maps is not None:
            rows = with_maps(
                run_model, predictions.rows, maps, how=kind, folds=predictions.folds, on_progress=lambda *at: progress.count("maps", *at)
            )
            predictions = replace(predictions, rows=rows)
    click.echo(FORMATS[style](predictions.rows, predictions.classes, distribution=distribution), nl=False)
    if sheet is not None:
        write_bytes(sheet, contact_sheet(predictions.rows))
    for line in summary(predictions, run_model.folds_with_weights(run_model.experiment.seeds[0])):
        click.echo(line, err=True)
    if maps is not None:
        click.echo(maps_in_words(run_model, kind, maps), err=True)
    sys.exit(1 if failed(predictions.rows) else 0)


STYLES = ("keras", "saved_model", "onnx")


@click.command(no_args_is_help=True)
@click.argument("place", type=ANY, metavar="RUN")
@click.option("--out", type=FOLDER, required=True, help="Folder to write; an earlier export there is replaced.")
@click.option("--fold", type=click.IntRange(min=0), default=None, help="The fold to export (default: the first with weights).")
@click.option("--ensemble", is_flag=True, help="Export the mean of all folds that have weights, as one model.")
@click.option(
    "--format", "styles", type=click.Choice(STYLES), multiple=True, help="Repeat for several (default: all; ONNX where it is installed)."
)
def export(place: Path, out: Path, fold: int | None, ensemble: bool, styles: tuple[str, ...]) -> None:
    """Write model.keras, a SavedModel, model.onnx and MODEL_CARD.md: RGB faces in, years and posterior out.

    Every file is loaded again in a fresh process and compared with Keras on noise and on faces of the run: exit code 1, and no
    folder, where one differs by more than 1e-4.

    \b
      agerepro export runs/congress/ridge-pooled --out exported
      agerepro export runs/congress/ridge-pooled --out exported --ensemble --format onnx
    """
    from agerepro.cli.options import ProgressReporter, configure_from_run
    from agerepro.io import printable
    from agerepro.runs.layout import find_run
    from agerepro.training.device import suppress_stderr

    if ensemble and fold is not None:
        raise click.UsageError("Give --fold or --ensemble, not both.")
    run = find_run(place)
    configure_from_run(run)
    with suppress_stderr():
        from agerepro.predict.export import NAMES, export_run, missing_for_onnx

    missing = missing_for_onnx()
    chosen = styles or tuple(name for name in NAMES if name != "onnx" or not missing)
    with ProgressReporter() as progress:
        folds = "all" if ensemble else None if fold is None else str(fold)
        exported = export_run(run, out, folds=folds, styles=chosen, on_progress=progress.count)
    for file in exported:
        worst = max(file.differences, key=lambda difference: difference.largest / difference.limit)
        size = f"{file.size / 2**20:.1f} MiB"
        click.echo(f"{printable(str(out / file.path))}: {size}; {worst.output} within {worst.largest:.1e} on {worst.photos} pictures")
    if missing and not styles:
        click.echo(f"No ONNX: pip install {' '.join(missing)}, then export again.", err=True)
    click.echo(f"Next: read {printable(str(out / 'MODEL_CARD.md'))}", err=True)
