"""`agerepro submit`: the missing steps of experiments as jobs of a Slurm cluster; and `agerepro collect`, the last of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agerepro.cli.options import FILE
from agerepro.cli.run import collect_runs, experiment_options, make_options
from agerepro.errors import UserError

if TYPE_CHECKING:
    from agerepro.runs.plan import Plan, RunOptions

CLUSTER_FILE = Path("cluster.yaml")


@click.command(no_args_is_help=True)
@click.argument("experiments", nargs=-1, type=FILE, metavar="EXPERIMENT...")
@experiment_options
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7; with --grid, those that are averaged over.")
@click.option("--cluster", type=FILE, default=CLUSTER_FILE, show_default=True, help="What your cluster wants to be told with every job.")
@click.option("--dry-run", is_flag=True, help="Print the scripts, and one that submits them by hand; submit nothing.")
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
    from agerepro.cluster.settings import example as example_text
    from agerepro.cluster.settings import read_cluster

    if example:
        click.echo(example_text(), nl=False)
        return
    if not experiments:
        raise click.UsageError("Name at least one experiment, or --example.")
    if not cluster.is_file():
        raise UserError(f"There is no cluster file {cluster}. `agerepro submit --example > {cluster}` writes one that explains every key.")
    settings = read_cluster(cluster)
    if stage is not None and len(experiments) > 1:
        raise click.UsageError("--grid searches one stage of one experiment.")
    if stage is None and (rates or batches):
        raise click.UsageError("--rates and --batches belong to --grid STAGE.")

    from agerepro.cli.grid import numbers, wholes
    from agerepro.cli.options import ProgressReporter
    from agerepro.cluster.jobs import GridJobs, plan_jobs, script
    from agerepro.cluster.slurm import steps_in_hand, submit_script, write_scripts
    from agerepro.cluster.slurm import submit as submit_jobs
    from agerepro.config.schema import GRID_BATCHES, GRID_RATES
    from agerepro.io import config_hash
    from agerepro.runs.data import expected_folds
    from agerepro.runs.layout import parse_folds
    from agerepro.runs.preflight import check_before_start

    options = [make_options(experiment, folds=folds if stage is None else None, **common) for experiment in experiments]
    runs = options[0].runs
    with ProgressReporter() as reporter:
        plans = check_before_start(options)
        searched = None
        if stage:
            tried = (numbers(rates) if rates else GRID_RATES, wholes(batches) if batches else GRID_BATCHES)
            searched = GridJobs(_stage_of(plans[0], stage), *tried, epochs, folds or "0")
        counts = {plan.options.experiment: expected_folds(plan, reporter) for plan in plans} if stage is None else {}
    for count in counts.values():
        parse_folds(folds, count)
    in_hand = steps_in_hand(runs)
    jobs = plan_jobs(
        plans,
        settings,
        fold_counts=counts,
        folds=parse_folds(folds, None) if folds and stage is None else None,
        grid=searched,
        pages=("--report", "--explain") if explain else ("--report",),
        submitted=in_hand,
    )
    if not jobs:
        where = f"the rest is in Slurm's hands ({len(in_hand)} steps; squeue --me)" if in_hand else "all is done"
        click.echo(f"Nothing to submit: {where}.")
        return
    facts = [list(map(str, experiments)), options[0].arguments()[1:], folds, stage]
    name = f"{experiments[0].stem}-{options[0].profile}" + (f"-and-{len(experiments) - 1}-more" if len(experiments) > 1 else "")
    folder = runs.absolute() / "slurm" / f"{name}-{config_hash(facts)[:8]}"
    scripts = {job.name: script(job, settings, folder=folder, workdir=Path.cwd()) for job in jobs}
    if dry_run:
        for file, text in [*scripts.items(), ("submit", submit_script(jobs, folder))]:
            click.echo(f"# ---------- {folder / file}.sh\n{text}")
        return
    write_scripts(jobs, scripts, folder)
    for job in submit_jobs(jobs, runs=runs, folder=folder, workdir=Path.cwd()):
        tasks = f"  {len(job.job.tasks)} tasks" if job.job.tasks else ""
        click.echo(f"{job.number}  {job.job.name}{tasks}")
    click.echo(f"Scripts and logs: {folder}")
    words = " ".join(["agerepro status", *(str(option) for option in _status_words(options))])
    click.echo(f"Next: {words}", err=True)


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


def _stage_of(plan: Plan, name: str) -> str:
    from agerepro.config.schema import Stage
    from agerepro.errors import suggest

    stages = {stage.name: stage for stage in plan.experiment.stages}
    if name not in stages:
        raise UserError(f"{plan.options.experiment} has no stage {name!r}.{suggest(name, stages)}")
    if not isinstance(stages[name], Stage):
        raise UserError(f"Stage {name!r} is a regression: it has no learning rate and no batch size to search for.")
    return name


def _status_words(options: list[RunOptions]) -> list[str]:
    import shlex

    return [shlex.quote(word) for option in options for word in [str(option.experiment)]] + [
        shlex.quote(word) for word in options[0].arguments()[1:]
    ]
