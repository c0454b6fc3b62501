"""`agerepro data audit`: who and what is on two sides of any split."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agerepro.cli.options import FILE, FOLDER

# Of 547 portraits, framed alike, 99.5 % or more of their copies in JPEG quality 50 or 20, at half or a quarter of the size were at
# most 2 bits away; of the 149,331 pairs of different portraits none was so near, and 5 were 4 away. All distances were even.
DISTANCE = 2


@click.command("audit")
@click.argument("split_csv", type=FILE, metavar="SPLIT.csv")
@click.option("--photo", metavar="COLUMN", help="Heading of the photo's name (default: photo, image, path, file, ...).")
@click.option("--subject", metavar="COLUMN", help="Heading of the person (default: subject, person, identity, face_id, ...).")
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
    from agerepro.cli.progress import Talk
    from agerepro.errors import UserError
    from agerepro.protocols.near_duplicates import alike, look_at
    from agerepro.protocols.split_audit import Columns, audit_split, read_split
    from agerepro.protocols.split_audit_text import as_json, as_text, is_clean

    if images is not None and not images.is_dir():
        raise UserError(f"There is no folder {images}. Give the one below which the photos of {split_csv} lie.")
    rows = read_split(split_csv, Columns(photo, subject, split, fold))
    found = audit_split(rows)
    pictures, pairs = None, []
    if images is not None:
        with Talk() as talk:
            names = list(dict.fromkeys(rows["photo"]))
            pictures = look_at(names, images, on_progress=lambda done, total: talk.count("pictures", done, total))
        pairs = alike(rows, pictures, distance=distance)
    click.echo(as_json(found, pictures, pairs) if style == "json" else as_text(found, pictures, pairs))
    sys.exit(0 if is_clean(found, pictures, pairs) else 1)
