"""`agerepro table` and `agerepro report`: the comparison with the paper, and one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from agerepro.cli.options import ANY, FILE


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
@click.option("--format", "style", type=click.Choice(["text", "csv", "md", "tex"]), default="text", show_default=True)
@click.option("--partial", is_flag=True, help="Also from a run with missing folds; every table then says how many.")
@click.option(
    "--within-std",
    type=click.FloatRange(min=0),
    default=None,
    metavar="YEARS",
    help="Test only on photos whose age is known within YEARS; results then lie beside the others, in results-std-YEARS.",
)
def table(runs: tuple[Path, ...], style: str, partial: bool, within_std: float | None) -> None:
    """Print "paper | ours | difference | interval" for one or several runs, and write tables and figures beside them.

    Where they cannot be written, as in a colleague's read-only run, the table is printed all the same.

    Below it, where runs have such numbers: confusion matrices, errors by gender, and what another choice of the epoch scores.

    Of runs that tested the same photos, one figure compares the predictions of twelve of these, from the least to the greatest error of
    the last run named.

    RUN is a run folder, or a folder above exactly one.

    \b
      agerepro table runs/koenig2019/vgg16-imdb-agedb
      agerepro table runs/koenig2019/vgg16-faces2 runs/koenig2019/vgg16-imdb-agedb --format md
      agerepro table runs/congress/chosen-inside --within-std 3
    """
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report
    from agerepro.runs.layout import find_run

    loaded = [load_run(find_run(place).folder, partial=partial) for place in runs]
    write_report(loaded, out=click.echo, note=_note, style=style, within_std=within_std)


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
@click.option(
    "--out", type=FILE, default=None, help="The page's file (default: RUN/results/report.html, or beside the runs' common table)."
)
@click.option(
    "--faces/--no-faces", default=None, help="Put the faces in, or leave them out (default: in, if drawn or in the public domain)."
)
@click.option("--partial", is_flag=True, help="Also from a run with missing folds; the page then says how many.")
def report(runs: tuple[Path, ...], out: Path | None, faces: bool | None, partial: bool) -> None:
    """Write one self-contained HTML page: tables, charts, every fold with its faces, leakage check, origin of the numbers.

    The figures of each run, for print, are written to its results/figures/, where that can be done; several runs also have figures
    together, twelve tested photos with the predictions of all among them, chosen by the error of the last run named. A run that is
    read-only needs --out.

    It needs no network and no other file. Maps made by `agerepro explain RUN` are laid over the faces.
    RUN is a run folder, or a folder above exactly one.

    \b
      agerepro report runs/koenig2019/vgg16-imdb-agedb
      agerepro report runs/congress/frozen runs/congress/fine-tuned --out portraits.html
    """
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_figures
    from agerepro.runs.layout import find_run
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():  # regions of the face and crops come with TensorFlow, which logs
        from agerepro.report.page.contents import choice_of
        from agerepro.report.page.write import write_page

    loaded = [load_run(find_run(place).folder, partial=partial) for place in runs]
    page = write_page(loaded, out, faces=choice_of(faces))
    click.echo(str(page))
    write_figures(loaded, note=_note, faces=choice_of(faces))
    click.echo(f"{page.stat().st_size / 1e6:.1f} MB. Next: open it in a browser.", err=True)


def _note(text: str) -> None:
    click.echo(text, err=True)
