"""`agerepro run`, `plan`, `step`, `status` and `verify`: do what is not done yet, one thing or all, and say what is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agerepro.cli.options import (
    ANY,
    FILE,
    columns_option,
    jobs_option,
    own_settings,
    pattern_option,
    require_gpu_option,
    runs_option,
    say_next,
    weights_option,
)
from agerepro.errors import CheckFailed, Interrupted, UserError

if TYPE_CHECKING:
    from agerepro.report.loading import LoadedRun
    from agerepro.runs.layout import Run
    from agerepro.runs.plan import RunOptions


RESTARTED_WAITS_S = 180.0  # a file server may hold the lock of a dead machine for a lease or two


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which experiment under which settings, on which data, and where its results lie."""
    for option in reversed(
        [
            click.option(
                "--profile",
                default="paper",
                show_default=True,
                help="`paper`: the file as it stands; `demo`: synthetic faces, a slim network.",
            ),
            click.option(
                "--data",
                type=ANY,
                default=None,
                help="One folder a data set, named as `agerepro data list` names it, each in its native layout; or your own CSV file.",
            ),
            columns_option,
            pattern_option,
            runs_option,
            weights_option,
            click.option(
                "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override one setting, e.g. stages.fgnet.batch_size=32."
            ),
        ]
    ):
        command = option(command)
    return command


@click.command(no_args_is_help=True)
@click.argument("experiments", nargs=-1, required=True, type=FILE, metavar="EXPERIMENT...")
@experiment_options
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7 (default: all the protocol has).")
@jobs_option
@click.option("--tensorboard", is_flag=True, help="Also write logs for `tensorboard --logdir RUNS/tensorboard`.")
@click.option("--explain", "explain", is_flag=True, help="Also make what `agerepro explain` makes: maps, and what they come to.")
@click.option("--report", "report", is_flag=True, help="Also make what `agerepro report` makes: the page, each run's figures.")
@require_gpu_option
def run(experiments: tuple[Path, ...], folds: str | None, jobs: int, tensorboard: bool, explain: bool, report: bool, **common: Any) -> None:
    """Train the stages and folds of an experiment, continuing what is unfinished, and print the table "paper | ours".

    Writes RUNS/<paper>/<experiment>/<profile>-<digest>/. Several experiments share every stage that is the same. On SIGTERM or SIGUSR1
    it saves and ends with exit code 75; the same command continues.

    \b
      agerepro run experiments/koenig2019/vgg16-imdb-agedb.yaml --profile demo
      agerepro run experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets --folds 0
      agerepro run experiments/own/kfold.yaml --data faces.csv --columns photo=file,age=years,subject=person
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report
    from agerepro.runs.local import FoldsFailed, run_experiments
    from agerepro.stopping import noting_signals

    def note(text: str) -> None:
        click.echo(text, err=True)

    options = [make_options(experiment, folds=folds, jobs=jobs, tensorboard=tensorboard, **common) for experiment in experiments]
    places: list[Path] = []
    try:
        with noting_signals(), ProgressReporter() as reporter:
            for finished in run_experiments(options, reporter):
                places.append(finished.folder)
    except (UserError, OSError) as error:
        if isinstance(error, FoldsFailed):
            places += [stored.folder for stored in error.reasons]
        if places and not isinstance(error, Interrupted):  # what is finished is shown, whatever became of the next one
            show_what_is_there(places, note)
        raise
    loaded = [load_run(place, partial=folds is not None) for place in places]
    write_report(loaded, out=click.echo, note=note, page="follows" if report else "stays")
    if explain:
        explain_loaded(loaded, options[0].data, jobs=jobs)
    if report:
        click.echo(f"Page: {page_of(loaded)}")
    if not report:
        say_next("report", *places)
    elif not explain and (with_network := [run.run.folder for run in loaded if run.experiment.stages[-1].leaves_network()]):
        say_next("explain", *with_network)


@click.command(no_args_is_help=True)
@click.argument("experiment", type=FILE)
@experiment_options
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def plan(experiment: Path, style: str | None, **common: Any) -> None:
    """List the steps of an experiment in order, and which of them are done; exit code 1 while some are not.

    Nothing is read but settings and manifests. A step is named as `agerepro step` takes it.

    \b
      agerepro plan experiments/koenig2019/vgg16-imdb-agedb.yaml --profile demo
    """
    from agerepro.runs.plan import make_plan
    from agerepro.runs.show import plan_as_json, plan_as_text

    made = make_plan(make_options(experiment, **common))
    click.echo(plan_as_json(made) if style == "json" else plan_as_text(made))
    sys.exit(0 if all(step.state == "done" for step in made.steps) else 1)


@click.command(no_args_is_help=True)
@click.argument("experiment", type=FILE)
@click.argument("kind", type=click.Choice(["prepare", "train", "fold", "collect"]))
@click.argument("what", required=False, default="")
@click.option("--seed", type=int, default=None, help="Of a training: which of the experiment's seeds (default: the first).")
@experiment_options
@jobs_option
@click.option("--partial", is_flag=True, help="Collect what there is, though folds are missing; every table then says so.")
@require_gpu_option
@click.option("--tensorboard", is_flag=True, hidden=True)
@click.option("--worker", is_flag=True, hidden=True, help="For the processes that `run --jobs` starts.")
def step(
    experiment: Path,
    kind: str,
    what: str,
    seed: int | None,
    jobs: int,
    partial: bool,
    tensorboard: bool,
    worker: bool,
    **common: Any,
) -> None:
    """Do one step of a plan: prepare a data set, train a shared stage, do folds, or collect tables and figures.

    WHAT is a data set, a stage, or folds (7, 0-5,7 or all). A step whose needs are not done is refused (exit code 1), and so is one
    that another process does; one that is done is left as it is. On SIGTERM or SIGUSR1 it saves and ends with exit code 75.

    \b
      agerepro step experiments/koenig2019/vgg16-imdb-agedb.yaml prepare fgnet --data /datasets
      agerepro step experiments/koenig2019/vgg16-imdb-agedb.yaml train imdb --data /datasets
      agerepro step experiments/koenig2019/vgg16-imdb-agedb.yaml fold 7 --data /datasets
      agerepro step experiments/koenig2019/vgg16-imdb-agedb.yaml collect --data /datasets
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.io import NOW
    from agerepro.runs.local import do_worker, run_step
    from agerepro.runs.plan import make_plan
    from agerepro.runs.workers import stop_with_parent
    from agerepro.stopping import noting_signals

    options = make_options(experiment, jobs=jobs, tensorboard=tensorboard, **common)
    if kind == "collect":
        collect_runs([options], partial=partial)
        return
    if not what:
        raise click.UsageError(f"Say which: `agerepro step EXPERIMENT {kind} WHAT`.")
    with noting_signals(), ProgressReporter() as reporter:
        made = make_plan(options)
        if worker:
            stop_with_parent()
        if worker and kind == "fold":
            do_worker(made, what, reporter)
        else:
            # A job that Slurm has started again may come while its former process is ending.
            wait = RESTARTED_WAITS_S if "SLURM_RESTART_COUNT" in os.environ else NOW
            run_step(made, kind, what, seed=made.experiment.seeds[0] if seed is None else seed, reporter=reporter, wait=wait)


@click.command(no_args_is_help=True)
@click.argument("places", nargs=-1, required=True, type=ANY, metavar="RUN|EXPERIMENT...")
@experiment_options
def status(places: tuple[Path, ...], **common: Any) -> None:
    """Say what is done, running and where, failed and why, and missing; exit code 1 while something is.

    RUN is a run folder, or a folder above exactly one. Of an EXPERIMENT (a .yaml file), which may not have begun, the options are those
    of its `agerepro run` or `submit`. Only manifests and notes are read, so it answers at once; `agerepro verify` compares every file
    with its checksum.

    \b
      agerepro status runs/koenig2019/vgg16-imdb-agedb
      agerepro status experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets
    """
    from agerepro.runs.layout import find_run
    from agerepro.runs.plan import make_plan
    from agerepro.runs.show import status_of_plan, status_of_run

    texts = [
        status_of_plan(make_plan(make_options(place, **common))) if is_experiment(place) else status_of_run(find_run(place))
        for place in places
    ]
    for text, _ in texts:
        click.echo(text)
    if not all(complete for _, complete in texts):
        click.echo("Next: the same `agerepro run`, `regress` or `submit` command continues.", err=True)
        sys.exit(1)
    if not any(is_experiment(place) for place in places):
        say_next("table", *places)


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
def verify(runs: tuple[Path, ...]) -> None:
    """Compare every file of runs, of the stages they start from and of the faces they use with its checksum; exit code 1 where one differs.

    A folder that holds a damaged file counts as missing from then on: the same `agerepro run` command makes it anew.

    \b
      agerepro verify runs/koenig2019/vgg16-imdb-agedb
    """
    from agerepro.runs.layout import find_run
    from agerepro.runs.show import verify_run

    damaged = 0
    for place in runs:
        stored = find_run(place)
        result = verify_run(stored)
        damaged += len(result.damaged)
        click.echo(f"{stored.folder}: {result.files:,} files, {result.size / 1e6:,.1f} MB compared with their checksums")
        for path, what in result.damaged.items():
            click.echo(f"  {what}: {path}")
    if damaged:
        click.echo("Next: the same `agerepro run` command makes the damaged parts anew.", err=True)
        sys.exit(1)
    say_next("status", *runs)


def is_experiment(place: Path) -> bool:
    """Whether a place given for a run is an experiment's file."""
    return place.suffix in (".yaml", ".yml")


def make_options(
    experiment: Path,
    *,
    profile: str,
    data: Path | None,
    columns: str | None,
    pattern: str | None,
    runs: Path,
    weights: Path | None,
    settings: tuple[str, ...],
    folds: str | None = None,
    jobs: int = 1,
    tensorboard: bool = False,
) -> RunOptions:
    """How a command runs an experiment, from what `experiment_options` took."""
    from agerepro.runs.plan import RunOptions

    return RunOptions(experiment, profile, data, runs, weights, folds, jobs, (*settings, *own_settings(columns, pattern)), tensorboard)


@contextmanager
def _explained_beside(runs: Sequence[LoadedRun], data: Path | None) -> Iterator[Callable[[Run], None]]:
    """A process for each of the runs that explains it meanwhile; the function waits for that of one run, whatever becomes of it: what
    it did not store is computed here.
    """
    processes = {}
    try:
        for loaded in runs:
            words = ["explain", loaded.run.folder, *(["--data", data] if data else [])]
            command = [sys.executable, "-m", "agerepro", *map(str, words)]
            processes[loaded.run] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

        def wait_for(run: Run) -> None:
            if run in processes:
                processes[run].wait()

        yield wait_for
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


def page_of(loaded: Sequence[LoadedRun]) -> Path:
    """Write the page of runs whose table is written, and return its file."""
    from agerepro.report.write import write_figures
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():  # where all was done already, Keras is loaded here
        from agerepro.report.page.write import write_page

    if len(loaded) > 1:  # of one run, write_report has plotted them
        write_figures(loaded, note=lambda text: click.echo(text, err=True))
    return write_page(loaded, None, faces="as licensed")


def show_what_is_there(places: Sequence[Path], note: Callable[[str], None]) -> None:
    """Tables of runs that are done, if only in part; where nothing is, nothing is shown, since the error to come says why."""
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report

    try:
        loaded = [load_run(place, partial=True) for place in places]
    except UserError as error:
        note(str(error))
        return
    write_report(loaded, out=click.echo, note=note)


def collect_runs(options: Sequence[RunOptions], *, partial: bool, explain: bool = False, report: bool = False) -> None:
    """Tables and figures of experiments whose folds are done, in their results folders; CheckFailed, at the end, where folds are missing.

    partial: collect what there is nevertheless.
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report
    from agerepro.runs.local import describe_run
    from agerepro.runs.plan import make_plan
    from agerepro.runs.show import missing_folds

    with ProgressReporter() as reporter:
        plans = [make_plan(option) for option in options]
        runs = [describe_run(plan, reporter) for plan in plans]
    missing = {run: text for run in runs if (text := missing_folds(run))}
    if missing and not partial:
        raise CheckFailed("\n".join(["Folds are missing (--partial collects what there is):", *missing.values()]))
    begun = [run for run, plan in zip(runs, plans) if run.done(plan.experiment.seeds)]
    if begun:
        loaded = [load_run(run.folder, partial=partial) for run in begun]
        write_report(loaded, out=click.echo, note=lambda text: click.echo(text, err=True), page="follows" if report else "stays")
        if explain:
            explain_loaded(loaded, options[0].data)
        if report:
            click.echo(f"Page: {page_of(loaded)}")
    if missing:
        raise CheckFailed("\n".join(["Folds are missing:", *missing.values()]))


def explain_loaded(loaded: Sequence[LoadedRun], data: Path | None, *, jobs: int = 1) -> None:
    """Maps of the runs by the defaults of `agerepro explain`; a reason why there are none ends nothing, since all else is done.

    jobs: with several, another process computes the maps of the second run while this one computes the first's, and so on.
    """
    import time

    from agerepro.cli.options import ProgressReporter, configure_from_run
    from agerepro.training.device import suppress_stderr

    loaded = [run for run in loaded if run.experiment.stages[-1].leaves_network()]
    if not loaded:
        click.echo("No maps: none of these runs has a network.", err=True)
        return
    configure_from_run(loaded[0].run)  # a run that was done already has not set TensorFlow up
    with suppress_stderr():
        from agerepro.explain.run_maps import ExplainConfig
        from agerepro.report.explanation import explain_runs

    try:
        with ProgressReporter() as talk, _explained_beside(loaded[1:jobs], data) as wait_for:
            config, clock = ExplainConfig(), time.perf_counter
            text, folder = explain_runs(
                loaded, config, data=data, faces=None, clock=clock, on_progress=talk.count, before=lambda run: wait_for(run.run)
            )
    except UserError as error:
        click.echo(f"No maps: {error}", err=True)
        return
    click.echo(f"\n{text}\nMaps, tables and figures: {folder}")
