"""`agerepro features` and `agerepro regress`: features of a run's faces, and regressions on them, one a fold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from agerepro.cli.options import ANY, FOLDER, say_next

if TYPE_CHECKING:
    from agerepro.config.learning import Pooling


@click.command(no_args_is_help=True)
@click.argument("place", type=ANY, metavar="RUN")
@click.option("--layer", "layers", multiple=True, help="last_conv, first_conv, or a layer's name; repeat for several (default: last_conv).")
@click.option(
    "--pooling",
    "poolings",
    type=click.Choice(["max", "mean", "flatten"]),
    multiple=True,
    help="Over space: of each --layer in turn, or one for all (default: max).",
)
@click.option("--preset", "presets", multiple=True, help="A column of koenig2019's Table 5 by its name, e.g. VGG-16-IMDB-AgeDB.")
@click.option(
    "--weights",
    "which",
    default="before",
    show_default=True,
    metavar="before|fold|STAGE|published",
    help="Those before the folds, which serve all of them; each fold's own; those after a shared stage; or the published ones.",
)
@click.option("--seed", type=int, default=None, help="Which of the run's seeds (default: the first).")
@click.option("--out", type=FOLDER, default=None, help="Where the folders are written (default: RUN/features).")
@click.option(
    "--published",
    type=FOLDER,
    default=None,
    envvar="AGEREPRO_WEIGHTS",
    show_envvar=True,
    help="Where published weight files lie (default: Keras's own cache).",
)
def features(
    place: Path,
    layers: tuple[str, ...],
    poolings: tuple[str, ...],
    presets: tuple[str, ...],
    which: str,
    seed: int | None,
    out: Path | None,
    published: Path | None,
) -> None:
    """Export what layers of a run's network say of its faces, pooled over space: several layers in one pass over the faces.

    Writes OUT/<layer>-<pooling>/ with features.npy (float32), photos.csv, folds.csv and meta.json, which NumPy reads without
    TensorFlow. The weights need be trained only, folds may be missing. On SIGTERM or SIGUSR1 it saves and ends with exit code 75; the
    same command goes on, also after a kill, and comes to the same bytes.

    \b
      agerepro features runs/koenig2019/vgg16-imdb-agedb --preset VGG-16-IMDB-AgeDB --preset "VGG-16-IMDB-AgeDB First Layer"
      agerepro features runs/koenig2019/vgg16-imdb-agedb --layer conv4_3 --pooling mean --layer last_conv --pooling flatten
      agerepro features runs/koenig2019/vgg16-imdb-agedb --weights fold
    """
    from agerepro.cli.options import ProgressReporter, configure_from_run
    from agerepro.config.learning import LayerFeatures
    from agerepro.config.loading import read_experiment
    from agerepro.errors import UserError
    from agerepro.io import check_writable
    from agerepro.runs.layout import find_run
    from agerepro.stopping import noting_signals
    from agerepro.training.device import suppress_stderr

    if len(poolings) not in (0, 1, len(layers)):
        raise click.UsageError(f"{len(poolings)} --pooling for {len(layers)} --layer: give one for all, or one for each.")
    run = find_run(place)
    experiment = read_experiment(run.folder / "experiment.yaml")
    seed = experiment.seeds[0] if seed is None else seed
    if seed not in experiment.seeds:
        raise UserError(f"{run.folder} has no seed {seed}; it has {', '.join(map(str, experiment.seeds))}.")
    configure_from_run(run)
    with suppress_stderr():
        from agerepro.runs.features import export_features, preset_features, weights_of

    weights = weights_of(run, experiment, which, seed=seed, published=published)
    variants = [preset_features(name, experiment, weights[0].start_from) for name in presets]
    named = layers or (() if presets else ("last_conv",))
    pooled = poolings if len(poolings) == len(named) else (poolings or ("max",)) * len(named)
    variants += [LayerFeatures(layer=layer, pooling=cast("Pooling", pooling)) for layer, pooling in zip(named, pooled, strict=True)]
    out = run.folder / "features" if out is None else out
    check_writable(out)
    with noting_signals(), ProgressReporter() as reporter:
        folders = export_features(run, list(dict.fromkeys(variants)), weights, out, which=which, seed=seed, reporter=reporter)
    for folder in folders:
        click.echo(str(folder))
    say_next("regress", folders[0], "--engine", "svr")


@click.command(no_args_is_help=True)
@click.argument("place", type=ANY, metavar="FEATURES")
@click.option("--engine", type=click.Choice(["autosklearn", "flaml", "svr", "ridge"]), required=True, help="What is fitted, once a fold.")
@click.option("--folds", default=None, help="Only these folds, from 0, for instance 0-5,7 (default: all).")
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=None,
    help="Of a fold's search (default: 43200 for profile `paper`, else 60; flaml 300, else 10).",
)
@click.option(
    "--seconds-a-model",
    type=click.IntRange(min=1),
    default=None,
    help="Of one fit of auto-sklearn (default: a quarter of it, at most 3600).",
)
@click.option("--trials", type=click.IntRange(min=1), default=None, help="End a search after so many fits: only that repeats to the bit.")
@click.option("--memory-mb", type=click.IntRange(min=1), default=None, help="Of all processes of a fit of auto-sklearn (default: 6144).")
@click.option(
    "--inner-split",
    type=click.Choice(["subjects", "random"]),
    default=None,
    help="Inside the training part, keep people apart or divide photos (default: subjects).",
)
@click.option("--run", "source", type=ANY, default=None, help="The run that the features are of (default: where it was).")
def regress(place: Path, engine: str, folds: str | None, source: Path | None, **options: int | str | None) -> None:
    """Fit a regression to exported features, one a fold of their run, test it, and print the table "paper | ours".

    FEATURES is a folder that `agerepro features` wrote. Writes RUNS/<paper>/<run>-<features>-<engine>/<profile>-<digest>/, a run beside
    the one that the features are of, for `status`, `table` and `report`. A fold for which a search finds nothing is a failed fold with
    its reason; the others go on (exit code 1). Features, weights or folds that are not those of the run are refused (exit code 1). The
    same command continues; started twice, the two share the folds.

    \b
      agerepro regress runs/koenig2019/vgg16-imdb-agedb/demo-0123456789ab/features/last_conv-max --engine svr
      agerepro regress runs/koenig2019/vgg16-imdb-agedb/demo-0123456789ab/features/last_conv-max --engine autosklearn --folds 0-2 --trials 8
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.cli.run import show_what_is_there
    from agerepro.report.loading import load_run
    from agerepro.report.write import write_report
    from agerepro.runs.local import FoldsFailed
    from agerepro.stopping import noting_signals
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.runs.regress import find_export, regress

    settings = {name: value for name, value in options.items() if value is not None}

    def note(text: str) -> None:
        click.echo(text, err=True)

    try:
        with noting_signals(), ProgressReporter() as reporter:
            run, _ = regress(find_export(place), engine, settings, source=source, folds=folds, reporter=reporter)
    except FoldsFailed as error:
        show_what_is_there([stored.folder for stored in error.reasons], note)
        raise
    write_report([load_run(run.folder, partial=folds is not None)], out=click.echo, note=note)
    say_next("report", run.folder)
