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

    Without PAPER all that have claims. With --data also what is counted in a data set; without pictures the lists
    of Adience, APPA-REAL, ChaLearn and AADB will do, and the names of FG-NET's.
    Exit code 1 where a disagreement is found that is not listed, with its reading, as a known misprint.

    \b
      agerepro audit-papers
      agerepro audit-papers koenig2019 --data /datasets
    """
    from agerepro.published.audit import CLAIMS, UNEXPECTED, as_json, as_text, audit, claims_of
    from agerepro.published.claims import Paper
    from agerepro.published.tables import published_table

    photos = partial(_find_photos, data, {})
    findings = {name: audit(claims_of(name), Paper(partial(published_table, name), photos)) for name in papers or CLAIMS}
    if style == "json":
        click.echo(as_json([(name, finding) for name, of_paper in findings.items() for finding in of_paper]))
    else:
        click.echo("\n\n".join(as_text(name, of_paper) for name, of_paper in findings.items()))
    sys.exit(any(finding.status in UNEXPECTED for of_paper in findings.values() for finding in of_paper))


def _find_photos(data: Path | None, tables: dict[tuple[str, str], pd.DataFrame], name: str, labels: str) -> pd.DataFrame | None:
    """The photos table of a data set, read once; None where its folder is not there. UserError where the folder holds no photos."""
    from agerepro.datasets import catalog
    from agerepro.datasets.verify import labelled_photos

    if data is None or not catalog.folder_of(name, data).is_dir():
        return None
    if (name, labels) not in tables:
        tables[name, labels] = labelled_photos(name, data, labels=labels)
    return tables[name, labels]
