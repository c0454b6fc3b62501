"""`agerepro export`: a run's network as a file for other programs, with a model card."""

from __future__ import annotations

from pathlib import Path

import click

from agerepro.cli.options import ANY, FOLDER

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
    from agerepro.cli.configured import configured_like
    from agerepro.cli.progress import Talk
    from agerepro.runs.folder import find_run
    from agerepro.training.device import quiet_start

    if ensemble and fold is not None:
        raise click.UsageError("Give --fold or --ensemble, not both.")
    run = find_run(place)
    configured_like(run)
    with quiet_start():
        from agerepro.prediction.export import NAMES, missing_for_onnx
        from agerepro.prediction.export_run import export_run

    missing = missing_for_onnx()
    chosen = styles or tuple(name for name in NAMES if name != "onnx" or not missing)
    with Talk() as talk:
        wanted = "all" if ensemble else None if fold is None else str(fold)
        exported = export_run(run, out, folds=wanted, styles=chosen, on_progress=talk.count)
    for one in exported:
        worst = max(one.found, key=lambda found: found.largest / found.limit)
        click.echo(f"{out / one.path}: {one.size / 2**20:.1f} MiB; {worst.output} within {worst.largest:.1e} on {worst.photos} pictures")
    if missing and not styles:
        click.echo(f"No ONNX: pip install {' '.join(missing)}, then export again.", err=True)
    click.echo(f"Next: read {out / 'MODEL_CARD.md'}", err=True)
