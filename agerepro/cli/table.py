"""`agerepro table`: the comparison with the paper, from files on disk."""

from __future__ import annotations

from pathlib import Path

import click

from agerepro.cli.options import ANY


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
    """Print "paper | ours | difference | interval" for one or several runs, and write tables and pictures beside them.

    Below it, where runs have such numbers: confusion matrices, errors by gender, and what another choice of the epoch scores.

    RUN is a run folder, or a folder above exactly one.

    \b
      agerepro table runs/koenig2019/vgg16-imdb-agedb
      agerepro table runs/koenig2019/vgg16-faces2 runs/koenig2019/vgg16-imdb-agedb --format md
      agerepro table runs/congress/chosen-inside --within-std 3
    """
    from agerepro.report.load import results_of
    from agerepro.runs.folder import find_run

    results_of([find_run(place).folder for place in runs], partial=partial, out=click.echo, style=style, within_std=within_std)
