"""`agerepro align`: crop the faces of a data set ahead of a run."""

from __future__ import annotations

from pathlib import Path

import click

from agerepro.cli.options import FILE, FOLDER, runs_option


@click.command(no_args_is_help=True)
@click.argument("name")
@click.option("--data", type=FOLDER, required=True, help="The folder that holds the data set under its name.")
@click.option("--like", type=FILE, required=True, help="The experiment whose `faces:` settings are used.")
@click.option("--profile", default="paper", show_default=True)
@runs_option
def align(name: str, data: Path, like: Path, profile: str, runs: Path) -> None:
    """Find, level and crop every face of a data set into the store under RUNS/faces; a later run finds them there.

    \b
      agerepro align fgnet --data /datasets --like experiments/koenig2019/vgg16-imdb-agedb.yaml
    """
    from agerepro.cli.progress import Talk
    from agerepro.experiment.read import read_experiment
    from agerepro.training.device import configure, quiet_start

    experiment = read_experiment(like, profile=profile)
    with quiet_start():
        from agerepro.inputs.prepare import prepare
    configure(experiment.machine)
    with Talk() as talk:
        found = prepare(
            name,
            data=data,
            faces=experiment.faces,
            group_labels=experiment.group_labels,
            folder=runs / "faces",
            on_progress=lambda what, done, total: talk.count(f"faces of {what}", done, total),
        )
    for what, count in found.funnel["faces"].items():
        click.echo(f"{what}: {count}")
    click.echo(f"Next: agerepro run {like} --profile {profile} --data {data} --runs {runs}", err=True)
