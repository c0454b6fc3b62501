"""`agerepro status`: which folds of a run are done."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agerepro.cli.options import ANY


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=ANY, metavar="RUN...")
def status(runs: tuple[Path, ...]) -> None:
    """Say how many folds are done, undamaged and on disk; exit code 1 while some are missing.

    \b
      agerepro status runs/koenig2019/vgg16-imdb-agedb
    """
    from agerepro.experiment.read import read_experiment
    from agerepro.runs.folder import find_run

    incomplete = False
    for place in runs:
        found = find_run(place)
        seeds = read_experiment(found.folder / "experiment.yaml").seeds
        folds = sorted(set(found.folds()["fold"]))
        done = found.done(seeds)
        missing = sorted({(seed, fold) for seed in seeds for fold in folds} - set(done))
        click.echo(f"{found.folder}: {len(done)} of {len(folds) * len(seeds)} folds done")
        if missing:
            incomplete = True
            for seed in sorted({seed for seed, _ in missing}):
                click.echo(
                    f"  missing{f' of seed {seed}' if len(seeds) > 1 else ''}: " + _ranges([fold for s, fold in missing if s == seed])
                )
    if incomplete:
        click.echo("Next: the same `agerepro run` command continues.", err=True)
        sys.exit(1)
    click.echo("Next: agerepro table " + " ".join(str(place) for place in runs), err=True)


def _ranges(folds: list[int]) -> str:
    """[0, 1, 2, 7] -> 0-2,7: what --folds takes."""
    parts: list[list[int]] = []
    for fold in folds:
        if parts and fold == parts[-1][-1] + 1:
            parts[-1].append(fold)
        else:
            parts.append([fold])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
