"""`agerepro run` and `agerepro status`: train and test what is not done yet, and say what is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agerepro.cli.options import ANY, FILE, data_option, jobs_option, runs_option, say_next, weights_option
from agerepro.errors import UserError

if TYPE_CHECKING:
    from agerepro.report.loading import LoadedRun


@click.command(no_args_is_help=True)
@click.argument("experiments", nargs=-1, required=True, type=FILE, metavar="EXPERIMENT...")
@click.option(
    "--profile", default="paper", show_default=True, help="`paper`: the file as it stands; `demo`: synthetic faces, a slim network."
)
@data_option
@runs_option
@weights_option
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7 (default: all the protocol has).")
@jobs_option
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override one setting, for instance stages.fgnet.batch_size=32."
)
@click.option("--tensorboard", is_flag=True, help="Also write logs for `tensorboard --logdir RUNS/tensorboard`.")
@click.option("--explain", "explain", is_flag=True, help="Also make what `agerepro explain` makes: maps, and what they come to.")
@click.option("--report", "report", is_flag=True, help="Also make what `agerepro report` makes: the page, each run's figures.")
@click.option("--folds-only", is_flag=True, hidden=True, help="No table at the end: for the processes that --jobs starts.")
def run(
    experiments: tuple[Path, ...],
    profile: str,
    data: Path | None,
    runs: Path,
    weights: Path | None,
    folds: str | None,
    jobs: int,
    settings: tuple[str, ...],
    tensorboard: bool,
    explain: bool,
    report: bool,
    folds_only: bool,
) -> None:
    """Train the stages and folds of an experiment, continuing what is unfinished, and print the table "paper | ours".

    Writes RUNS/<paper>/<experiment>/<profile>-<digest>/. Several experiments share every stage that is the same.

    \b
      agerepro run experiments/koenig2019/vgg16-imdb-agedb.yaml --profile demo
      agerepro run experiments/koenig2019/vgg16-imdb-agedb.yaml --data /datasets --folds 0
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.runs.local import RunOptions, run_experiments
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report

    def note(text: str) -> None:
        click.echo(text, err=True)

    options = [RunOptions(experiment, profile, data, runs, weights, folds, jobs, settings, tensorboard) for experiment in experiments]
    places: list[Path] = []
    try:
        with ProgressReporter() as reporter:
            for finished in run_experiments(options, reporter):
                places.append(finished.folder)
    except (UserError, OSError):
        if places and not folds_only:  # what is finished is shown, whatever became of the next one
            write_report([load_run(place, partial=folds is not None) for place in places], out=click.echo, note=note)
        raise
    if folds_only:
        return
    loaded = [load_run(place, partial=folds is not None) for place in places]
    write_report(loaded, out=click.echo, note=note)
    if explain:
        _explain(loaded, data)
    if report:
        from agerepro.report.page.write import write_page
        from agerepro.report.write import write_figures

        if len(loaded) > 1:  # of one run, write_report has plotted them
            write_figures(loaded, note=note)
        click.echo(f"Page: {write_page(loaded, None, faces='as licensed')}")
    if not (explain and report):
        say_next("explain" if report else "report", *places)


def _explain(loaded: Sequence[LoadedRun], data: Path | None) -> None:
    """Maps of the runs by the defaults of `agerepro explain`; a reason why there are none ends nothing, since all else is done."""
    import time

    from agerepro.cli.options import ProgressReporter
    from agerepro.explain.run_maps import ExplainConfig
    from agerepro.report.explanation import explain_runs

    try:
        with ProgressReporter() as talk:
            text, folder = explain_runs(loaded, ExplainConfig(), data=data, faces=None, clock=time.perf_counter, on_progress=talk.count)
    except UserError as error:
        click.echo(f"No maps: {error}", err=True)
        return
    click.echo(f"\n{text}\nMaps, tables and figures: {folder}")


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
def status(runs: tuple[Path, ...]) -> None:
    """Say how many folds are done, undamaged and on disk; exit code 1 while some are missing.

    \b
      agerepro status runs/koenig2019/vgg16-imdb-agedb
    """
    from agerepro.config.loading import read_experiment
    from agerepro.runs.layout import find_run

    incomplete = False
    for place in runs:
        stored = find_run(place)
        seeds = read_experiment(stored.folder / "experiment.yaml").seeds
        folds = sorted(set(stored.folds()["fold"]))
        finished = stored.done(seeds)
        missing = sorted({(seed, fold) for seed in seeds for fold in folds} - set(finished))
        click.echo(f"{stored.folder}: {len(finished)} of {len(folds) * len(seeds)} folds done")
        if missing:
            incomplete = True
            for seed in sorted({seed for seed, _ in missing}):
                click.echo(
                    f"  missing{f' of seed {seed}' if len(seeds) > 1 else ''}: " + _ranges([fold for s, fold in missing if s == seed])
                )
    if incomplete:
        click.echo("Next: the same `agerepro run` command continues.", err=True)
        sys.exit(1)
    say_next("table", *runs)


def _ranges(folds: list[int]) -> str:
    """[0, 1, 2, 7] -> 0-2,7: what --folds takes."""
    parts: list[list[int]] = []
    for fold in folds:
        if parts and fold == parts[-1][-1] + 1:
            parts[-1].append(fold)
        else:
            parts.append([fold])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
