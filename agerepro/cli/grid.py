"""`agerepro grid`: the thesis's grid search over learning rate and batch size for one stage."""

from __future__ import annotations

from pathlib import Path

import click

from agerepro.cli.options import FILE, data_option, jobs_option, runs_option, weights_option


@click.command(no_args_is_help=True)
@click.argument("experiment", type=FILE)
@click.option("--stage", required=True, help="The stage to search for, by its name in the file.")
@click.option("--profile", default="paper", show_default=True, help="As in `agerepro run`.")
@data_option
@runs_option
@weights_option
@click.option(
    "--folds", default="0", show_default=True, help="Folds to average over, where the stage has a protocol: koenig2019 takes 0-5."
)
@click.option("--rates", default="0.1,0.01,0.001,0.0001", show_default=True, help="Learning rates to try.")
@click.option("--batches", default="12,32,48,64", show_default=True, help="Batch sizes to try.")
@click.option("--epochs", type=click.IntRange(min=1), default=1, show_default=True, help="Epochs that each cell is trained for.")
@jobs_option
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override one setting, as in `agerepro run`.")
def grid(
    experiment: Path,
    stage: str,
    profile: str,
    data: Path | None,
    runs: Path,
    weights: Path | None,
    folds: str,
    rates: str,
    batches: str,
    epochs: int,
    jobs: int,
    settings: tuple[str, ...],
) -> None:
    """Train every cell of a grid for one epoch and choose by the loss on the validation part, never on who is tested.

    Writes RUNS/grids/<stage>-<backbone>-<digest>/: one file a cell, grid.csv, grid.txt and a heat map. Finished cells are kept.

    \b
      agerepro grid experiments/koenig2019/vgg16-imdb-agedb.yaml --stage fgnet --folds 0-5 --profile demo
    """
    from agerepro.cli.options import ProgressReporter, say_next
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.runs.grid import GridOptions, run_grid
    from agerepro.report.figures.style import Caption
    from agerepro.report.grid import choose_cell, write_grid
    from agerepro.stopping import noting_signals

    options = GridOptions(
        experiment,
        profile,
        data,
        runs,
        weights,
        folds,
        jobs,
        settings,
        stage=stage,
        rates=numbers(rates),
        batches=wholes(batches),
        epochs=epochs,
    )
    with noting_signals(), ProgressReporter() as reporter:
        result = run_grid(options, reporter)
    protocol = f"stage {stage}, {epochs} epoch{'' if epochs == 1 else 's'}" + (f", folds {folds}" if result.stage.protocol else "")
    caption = Caption(experiment.stem, profile, protocol, result.banner)
    click.echo(write_grid(result.rows, result.folder, caption, note=lambda text: click.echo(text, err=True)))
    best = choose_cell(result.rows)
    click.echo(f"Chosen: learning rate {best.learning_rate:g}, batch {best.batch}. Files: {result.folder}")
    choice = [word for setting in best.as_settings(stage, result.stage.optimizer) for word in ("--set", setting)]
    say_next("run", experiment, "--profile", profile, *choice)


def numbers(text: str) -> tuple[float, ...]:
    """`0.01,0.001` as numbers."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.UsageError(f"--rates {text!r}: write numbers with commas between, for instance 0.01,0.001.") from None


def wholes(text: str) -> tuple[int, ...]:
    """`32,64` as whole numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.UsageError(f"--batches {text!r}: write whole numbers with commas between, for instance 32,64.") from None
