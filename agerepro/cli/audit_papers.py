"""`agerepro audit-papers`: what papers print, computed again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agerepro.cli.options import data_option

if TYPE_CHECKING:
    import pandas as pd


@click.command("audit-papers")
@click.argument("papers", nargs=-1, metavar="[PAPER...]")
@data_option
@click.option("--json", "style", flag_value="json", default=None, help="Print JSON.")
def audit_papers(papers: tuple[str, ...], data: Path | None, style: str | None) -> None:
    """Compute again what papers print: sums, differences, accuracies of matrices, counts of photos; say where they disagree.

    Without PAPER all that have claims. With --data also what is counted in a data set; file lists without pictures will do.
    Exit code 1 where a disagreement is found that is not listed, with its reading, as a known misprint.

    \b
      agerepro audit-papers
      agerepro audit-papers koenig2019 --data /datasets
    """
    from agerepro.published.audit import UNEXPECTED, as_json, as_text, audit
    from agerepro.published.claims import Sources, audited, claims_of
    from agerepro.published.tables import published_table

    photos = partial(_photos, data, {})
    found = {paper: audit(claims_of(paper), Sources(partial(published_table, paper), photos)) for paper in papers or audited()}
    if style == "json":
        click.echo(as_json([(paper, finding) for paper, findings in found.items() for finding in findings]))
    else:
        click.echo("\n\n".join(as_text(paper, findings) for paper, findings in found.items()))
    sys.exit(any(finding.verdict in UNEXPECTED for findings in found.values() for finding in findings))


def _photos(data: Path | None, read: dict[tuple[str, str], pd.DataFrame], name: str, labels: str) -> pd.DataFrame | None:
    """The photos table of a data set, read once; None where its folder is not there. UserError where the folder holds no photos."""
    from agerepro.datasets import catalog
    from agerepro.datasets.verify import SURVEYS

    if data is None or not catalog.folder_of(name, data).is_dir():
        return None
    if (name, labels) not in read:
        # A survey counts file lists without pictures; a reader, which feeds a training, needs both.
        if name in SURVEYS:
            read[name, labels] = SURVEYS[name](catalog.folder_of(name, data), labels=labels).photos.table
        else:
            read[name, labels] = catalog.read(name, data).table
    return read[name, labels]
