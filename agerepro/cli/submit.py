"""`agerepro submit`: the missing steps of experiments as jobs of a Slurm cluster; and `agerepro collect`, the last of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agerepro.cli.options import FILE, say_next
from agerepro.cli.run import collect_runs, experiment_options, make_options
from agerepro.errors import UserError

if TYPE_CHECKING:
    from agerepro.cluster.jobs import GridJobs

CLUSTER_FILE = Path("cluster.yaml")


@click.command(no_args_is_help=True)
@click.argument("experiments", nargs=-1, type=FILE, metavar="EXPERIMENT...")
@experiment_options
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7; with --grid, those that are averaged over.")
@click.option("--cluster", type=FILE, default=CLUSTER_FILE, show_default=True, help="What your cluster wants to be told with every job.")
@click.option("--dry-run", is_flag=True, help="Print the scripts, and one that submits them by hand; submit nothing.")
@click.option("--write", is_flag=True, help="Write these scripts into RUNS/slurm, to be changed and submitted by hand; submit nothing.")
@click.option("--example", is_flag=True, help="Print a cluster.yaml that explains every key.")
@click.option("--explain", is_flag=True, help="Let the last job also make what `agerepro explain` makes.")
@click.option("--grid", "stage", default=None, metavar="STAGE", help="A grid search of this stage, a task a cell, in place of the folds.")
@click.option("--rates", default=None, help="With --grid: as in `agerepro grid`.")
@click.option("--batches", default=None, help="With --grid: as in `agerepro grid`.")
@click.option("--epochs", type=click.IntRange(min=1), default=1, help="With --grid: as in `agerepro grid`.")
def submit(
    experiments: tuple[Path, ...],
    folds: str | None,
    cluster: Path,
    dry_run: bool,
    write: bool,
    example: bool,
    explain: bool,
    stage: str | None,
    rates: str | None,
    batches: str | None,
    epochs: int,
    **common: Any,
) -> None:
    """Submit what is missing of experiments to Slurm: faces and shared stages as jobs, the folds as one array, the table after them.

    Jobs wait for each other by Slurm's dependencies, in no job anything waits. A failed fold stops no other, and the table says what is
    missing. The same command again submits only what is neither done nor in Slurm's hands. Scripts and logs: RUNS/slurm/.

    \b
      agerepro submit --example > cluster.yaml
      agerepro submit experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets --dry-run
      agerepro submit experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets
      agerepro status experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.cluster.settings import example as example_text
    from agerepro.cluster.settings import read_cluster
    from agerepro.cluster.submission import make_submission

    if example:
        click.echo(example_text(), nl=False)
        return
    if not experiments:
        raise click.UsageError("Name at least one experiment, or --example.")
    if not cluster.is_file():
        raise UserError(f"There is no cluster file {cluster}. `agerepro submit --example > {cluster}` writes one that explains every key.")
    grid = _grid(stage, rates, batches, epochs, folds, experiments)
    options = [make_options(experiment, folds=None if grid else folds, **common) for experiment in experiments]
    pages = ("--report", "--explain") if explain else ("--report",)
    with ProgressReporter() as reporter:
        submission = make_submission(options, read_cluster(cluster), folds=folds, grid=grid, pages=pages, reporter=reporter)
    if not submission.jobs:
        count = f"{submission.in_hand} step{'s' if submission.in_hand > 1 else ''}"
        rest = f"the rest is in Slurm's hands ({count}; squeue --me)" if submission.in_hand else "all is done"
        click.echo(f"Nothing to submit: {rest}.")
        if not submission.in_hand:
            say_next("collect", *experiments, *options[0].arguments()[1:], *(["--partial"] if folds else []), *pages)
        return
    if dry_run:
        click.echo(submission.as_text())
        return
    if write:
        click.echo(f"Written, not submitted: bash {shlex.quote(str(submission.write()))}")
        return
    for submitted in submission.submit():
        tasks = f"  {len(submitted.job.tasks)} tasks" if submitted.job.tasks else ""
        click.echo(f"{submitted.number}  {submitted.job.name}{tasks}")
    click.echo(f"Scripts and logs: {submission.folder}")
    say_next("status", *experiments, *options[0].arguments()[1:])


def _grid(
    stage: str | None, rates: str | None, batches: str | None, epochs: int, folds: str | None, experiments: Sequence[Path]
) -> GridJobs | None:
    from agerepro.cli.grid import numbers, wholes
    from agerepro.cluster.jobs import GridJobs
    from agerepro.config.learning import GRID_BATCHES, GRID_RATES

    if stage is None:
        if rates or batches:
            raise click.UsageError("--rates and --batches belong to --grid STAGE.")
        return None
    if len(experiments) > 1:
        raise click.UsageError("--grid searches one stage of one experiment.")
    return GridJobs(stage, numbers(rates) if rates else GRID_RATES, wholes(batches) if batches else GRID_BATCHES, epochs, folds or "0")


@click.command(no_args_is_help=True)
@click.argument("experiments", nargs=-1, required=True, type=FILE, metavar="EXPERIMENT...")
@experiment_options
@click.option("--partial", is_flag=True, help="Also where folds are missing: every table then says so, and the exit code is 1.")
@click.option("--explain", is_flag=True, help="Also make what `agerepro explain` makes.")
@click.option("--report", is_flag=True, help="Also make what `agerepro report` makes.")
def collect(experiments: tuple[Path, ...], partial: bool, explain: bool, report: bool, **common: Any) -> None:
    """Print and write what `agerepro run` does at its end, of folds done elsewhere: it trains nothing.

    Refuses experiments with missing folds (exit code 1) unless --partial, and says which.

    \b
      agerepro collect experiments/koenig2019/vgg16-faces2.yaml experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets --report
    """
    collect_runs([make_options(experiment, **common) for experiment in experiments], partial=partial, explain=explain, report=report)
