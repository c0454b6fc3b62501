"""`agerepro sweep`: an experiment under one value after another of a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agerepro.cli.options import FILE, jobs_option, require_gpu_option
from agerepro.cli.run import experiment_options, make_options


@click.command(no_args_is_help=True)
@click.argument("experiment", type=FILE)
@click.option(
    "--over",
    multiple=True,
    required=True,
    metavar="KEY=VALUE,VALUE,...",
    help="A setting as --set takes it, and its values. Given again, each is swept alone, the others as the file says.",
)
@experiment_options
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7 (default: all the protocol has).")
@jobs_option
@require_gpu_option
def sweep(experiment: Path, over: tuple[str, ...], folds: str | None, jobs: int, **common: Any) -> None:
    """Run an experiment with each value of a setting, and print error and cumulative score against it (pan2018, Figure 3).

    Each value is a run of its own, as `agerepro run --set KEY=VALUE` makes it: shared stages and finished folds are not done again, and
    the same command continues a sweep that was stopped. The file's own value is the file's own run. Writes
    RUNS/<paper>/sweep-<experiment>-<profile>-<digest>/.

    \b
      agerepro sweep experiments/pan2018/table2-mean-variance-se.yaml --profile demo \\
          --over loss.mean.weight=0,0.1,0.2,0.3,0.4 --over loss.variance.weight=0,0.05,0.1,0.15,0.2
    """
    from agerepro.cli.options import ProgressReporter, say_next
    from agerepro.report.loading import load_run
    from agerepro.report.sweep import sweep_folder, write_sweep
    from agerepro.runs.local import FoldsFailed, run_experiments
    from agerepro.runs.sweep import options_of, run_of, sweeps_of
    from agerepro.stopping import noting_signals

    sweeps = sweeps_of(make_options(experiment, folds=folds, jobs=jobs, **common), over)
    options, failed = options_of(sweeps), None
    with noting_signals(), ProgressReporter() as reporter:
        try:
            for _ in run_experiments(options, reporter):
                pass
        except FoldsFailed as error:  # a value that diverged is one of the sweep's results
            failed = error
    places = {option: run_of(option) for option in options}
    wrong = failed.reasons if failed else {}
    loaded = {option: load_run(run.folder, partial=folds is not None) for option, run in places.items() if run not in wrong}
    if loaded:
        folder = sweep_folder(sweeps, list(places.values()))
        text, _ = write_sweep(sweeps, loaded, folder, note=lambda said: click.echo(said, err=True))
        click.echo(f"{text}\nTable and figure: {folder}")
    if failed:
        raise failed
    say_next("table", *(run.folder for run in places.values()))
