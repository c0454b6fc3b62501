"""`agerepro data`: list, verify, synthesize, download and audit data sets."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from agerepro.cli.data_audit import audit
from agerepro.cli.options import FOLDER


@click.group()
def data() -> None:
    """Data sets: what there is, whether a copy is complete, synthetic stand-ins, downloads, splits that leak."""


data.add_command(audit)


@data.command("list")
def list_() -> None:
    """Name every data set with its licence and how to get it."""
    from agerepro.datasets import catalog

    for name in catalog.names():
        card = catalog.card(name)
        click.echo(f"{name}: {card.title}\n  licence: {card.licence}\n  get it:  {card.how_to_get}")
    click.echo("Next: agerepro data verify NAME --root DIR", err=True)


@data.command("verify")
@click.argument("name")
@click.option("--root", type=FOLDER, required=True, help="The folder that holds the data set under its name (what --data is elsewhere).")
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def verify_(name: str, root: Path, style: str | None) -> None:
    """Print images, people, ages and age bins beside the published counts; exit code 1 where they differ.

    Adience is counted from its fold files alone where its pictures are not there.

    \b
      agerepro data verify fgnet --root /datasets
    """
    from agerepro.datasets.verify import verify

    found = verify(name, root)
    click.echo(found.to_json() if style == "json" else found.as_text())
    sys.exit(0 if found.agrees else 1)


@data.command("synthesize")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--root", type=FOLDER, required=True, help="Each data set is written to ROOT/<name>.")
@click.option("--people", type=click.IntRange(min=0), default=0, show_default=True, help="People to draw; 0: as many as fits the set.")
@click.option("--size", type=click.IntRange(min=64), default=256, show_default=True, help="Side of a drawn photo in pixels.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that draw.")
def synthesize(names: tuple[str, ...], root: Path, people: int, size: int, seed: int, jobs: int) -> None:
    """Draw ageing faces and write them in each data set's native layout, truth beside them.

    \b
      agerepro data synthesize fgnet agedb --root datasets --people 20
    """
    from agerepro.cli.progress import Talk
    from agerepro.datasets.synthetic.write import write
    from agerepro.experiment.schema import Synthetic

    with Talk() as talk:
        for name in names:
            drawn = partial(talk.count, f"drawing {name}")
            write(name, root / name, Synthetic(people=people, size=size, seed=seed), jobs=jobs, on_progress=drawn)
            click.echo(str(root / name))
    click.echo(f"Next: agerepro data verify {names[0]} --root {root}", err=True)


@data.command("download")
@click.argument("name", type=click.Choice(["congress"]))
@click.option("--root", type=FOLDER, required=True, help="The pictures go to ROOT/<name>.")
def download(name: str, root: Path) -> None:
    """Fetch the public-domain portraits, checksummed; a second call fetches only what is missing.

    \b
      agerepro data download congress --root datasets
    """
    from agerepro.cli.progress import Talk
    from agerepro.datasets.download import download_congress

    with Talk() as talk:
        download_congress(root / name, progress=lambda done, total: talk.count("portraits", done, total))
    click.echo(str(root / name))
    click.echo(f"Next: agerepro data verify {name} --root {root}", err=True)
