"""`agerepro data` and `agerepro align`: list, verify, synthesize, download and audit data sets; crop faces ahead."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from agerepro.cli.options import FILE, FOLDER, columns_option, own_columns, own_settings, pattern_option, runs_option, say_next
from agerepro.io import printable

# Of 547 portraits, framed alike, 99.5 % or more of their copies in JPEG quality 50 or 20, at half or a quarter of the size were at
# most 2 bits away; of the 149,331 pairs of different portraits none was so near, and 5 were 4 away. All distances were even.
DISTANCE = 2


@click.command("audit")
@click.argument("split_csv", type=FILE, metavar="SPLIT.csv")
@click.option("--photo", metavar="COLUMN", help="Heading of the photo's name (default: photo, image, path, file, ...).")
@click.option(
    "--subject", metavar="COLUMN", help='Heading of the person (default: subject, person, identity, face_id, ...); "" where there is none.'
)
@click.option("--split", metavar="COLUMN", help="Heading of train, validation or test (default: split, part, set, ...; else fold).")
@click.option("--fold", metavar="COLUMN", help="Heading of the fold; each is audited by itself (default: fold, where there is one).")
@click.option("--images", type=FOLDER, metavar="DIR", help="Also compare the pictures, DIR/<photo>.")
@click.option(
    "--distance",
    type=click.IntRange(0, 64),
    default=DISTANCE,
    show_default=True,
    help="Bits of 64 in which pictures that look alike may differ; 2 finds copies compressed or resized anew, 4 and more strangers, too.",
)
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON, with every name.")
def audit(
    split_csv: Path,
    photo: str | None,
    subject: str | None,
    split: str | None,
    fold: str | None,
    images: Path | None,
    distance: int,
    style: str | None,
) -> None:
    """Say which people and photos are in two parts of a split, listed twice or unknown; exit code 1 where something is found.

    \b
      agerepro data audit split.csv
      agerepro data audit split.csv --subject identity --images photos --json
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.errors import UserError
    from agerepro.splits.audit import as_json, as_text, is_clean
    from agerepro.splits.leakage import Columns, audit_split, read_split
    from agerepro.splits.near_duplicates import find_near_duplicates, hash_images

    if images is not None and not images.is_dir():
        raise UserError(f"There is no folder {images}. Give the one below which the photos of {split_csv} lie.")
    rows = read_split(split_csv, Columns(photo, subject, split, fold))
    split_audit = audit_split(rows)
    pictures, pairs = None, []
    if images is not None:
        with ProgressReporter() as talk:
            names = list(dict.fromkeys(rows["photo"]))
            pictures = hash_images(names, images, on_progress=lambda done, total: talk.count("pictures", done, total))
        pairs = find_near_duplicates(rows, pictures, distance=distance)
    click.echo(as_json(split_audit, pictures, pairs) if style == "json" else as_text(split_audit, pictures, pairs))
    sys.exit(0 if is_clean(split_audit, pictures, pairs) else 1)


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
    from agerepro.cli.options import ProgressReporter
    from agerepro.config.loading import read_experiment
    from agerepro.faces.prepare import prepared_faces
    from agerepro.stopping import noting_signals
    from agerepro.training.device import configure

    experiment = read_experiment(like, profile=profile)
    configure(experiment.machine)
    with noting_signals(), ProgressReporter() as talk:
        faces = prepared_faces(
            name,
            data=data,
            faces=experiment.faces,
            folder=runs / "faces",
            group_labels=experiment.group_labels,
            own=experiment.own,
            reading=experiment.reading.get(name),
        )
        dataset = faces.prepare(on_progress=lambda what, done, total: talk.count(f"faces of {what}", done, total), say=talk.say)
    for status, count in dataset.funnel["faces"].items():
        click.echo(f"{status}: {count}")
    if dataset.funnel["shortfall"]:
        click.echo(f"partial copy: {dataset.funnel['shortfall']}")
    say_next("run", like, "--profile", profile, "--data", data, "--runs", runs)


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
    click.echo(f"{catalog.OWN}: {catalog.card(catalog.OWN).title}\n  give it: {catalog.card(catalog.OWN).how_to_get}")
    say_next("data", "verify", "NAME", "--root", "DIR")


@data.command("verify")
@click.argument("name", metavar="NAME|FILE|FOLDER")
@click.option("--root", type=FOLDER, default=None, help="The folder that holds the data set under its name (what --data is elsewhere).")
@columns_option
@pattern_option
@click.option(
    "--reading",
    multiple=True,
    metavar="OPTION=VALUE",
    help="An option of the data set's reader, as in an experiment's `reading`, for instance inconsistent_people=drop; may be repeated.",
)
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def verify_(name: str, root: Path | None, columns: str | None, pattern: str | None, reading: tuple[str, ...], style: str | None) -> None:
    """Say whether a data set is complete, or what is wrong with your own photos; exit code 1 where something is.

    NAME, a published set: images, people, ages and age bins beside the published counts. Adience is counted from its fold files
    alone where its pictures are not there. MORPH's people and APPA-REAL's votes are audited, too.

    FILE or FOLDER, your own photos: a CSV file, or a folder with one or with --pattern. Every picture is opened, and every row that
    cannot be used is named.

    \b
      agerepro data verify fgnet --root /datasets
      agerepro data verify morph --root /datasets --reading inconsistent_people=drop
      agerepro data verify faces.csv --columns photo=file,age=years,subject=person
    """
    from agerepro.datasets import catalog
    from agerepro.errors import UserError, suggest

    if name in catalog.names():
        if root is None or columns is not None or pattern is not None:
            raise UserError(f"{name} is a published data set: say where it lies with --root DIR, without --columns or --pattern.")
        from agerepro.datasets.verify import verify

        verification = verify(name, root, reading=_reading(reading))
        click.echo(verification.to_json() if style == "json" else verification.as_text())
        sys.exit(0 if verification.agrees else 1)
    if reading:
        raise UserError("--reading is for published data sets: your own photos are read by --columns or --pattern.")
    place = root / name if root is not None else Path(name)
    if not place.exists():
        raise UserError(f"There is no file or folder {place}, and no data set is called so.{suggest(name, catalog.names())}")
    _verify_own(place, columns, pattern, style)


def _reading(options: tuple[str, ...]) -> dict[str, str]:
    from agerepro.errors import UserError

    pairs = [option.partition("=") for option in options]
    if odd := next((option for option, (_, equals, _) in zip(options, pairs) if not equals), ""):
        raise UserError(f"--reading {odd!r} is no OPTION=VALUE: write for instance --reading inconsistent_people=drop.")
    return {option: value for option, _, value in pairs}


def _verify_own(place: Path, columns: str | None, pattern: str | None, style: str | None) -> None:
    from agerepro.cli.options import ProgressReporter
    from agerepro.config.schema import OwnData
    from agerepro.faces.own_photos import check_own

    own_settings(columns, pattern)  # refuses both at once
    own = OwnData({} if columns is None else own_columns(columns), pattern or "")  # type: ignore[arg-type]
    with ProgressReporter() as talk:
        own_check = check_own(place, own, on_progress=lambda done, total: talk.count("pictures", done, total))
    click.echo(own_check.to_json() if style == "json" else own_check.as_text())
    sys.exit(0 if own_check.clean else 1)


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
    from agerepro.cli.options import ProgressReporter
    from agerepro.config.schema import Synthetic
    from agerepro.synthetic.writers import write

    with ProgressReporter() as talk:
        for name in names:
            drawn = partial(talk.count, f"drawing {name}")
            write(name, root / name, Synthetic(people=people, size=size, seed=seed), jobs=jobs, on_progress=drawn)
            click.echo(printable(str(root / name)))
    if names[0] == "own":
        say_next("data", "verify", root / "own" / "faces.csv")
    else:
        say_next("data", "verify", names[0], "--root", root)


@data.command("download")
@click.argument("name", type=click.Choice(["congress"]))
@click.option("--root", type=FOLDER, required=True, help="The pictures go to ROOT/<name>.")
def download(name: str, root: Path) -> None:
    """Fetch the public-domain portraits, checksummed; a second call fetches only what is missing.

    \b
      agerepro data download congress --root datasets
    """
    from agerepro.cli.options import ProgressReporter
    from agerepro.datasets.download import download_congress

    with ProgressReporter() as talk:
        download_congress(root / name, progress=lambda done, total: talk.count("portraits", done, total))
    click.echo(printable(str(root / name)))
    say_next("data", "verify", name, "--root", root)
