"""Printed tables [report.page.Page] as the template needs them: in sections, narrow enough to stack on a phone or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agerepro.report.page import Page

STACKS = 8  # columns; a wider table (a confusion matrix) keeps its shape and scrolls by itself
COMPACT_COLUMNS, COMPACT_LETTERS = 6, 17  # a table of so few columns and letters fits a phone as it is


@dataclass(frozen=True)
class Section:
    """Rows that share their first cell, which stands above them once; cells are (heading, text, is a number)."""

    label: str
    rows: tuple[tuple[tuple[str, str, bool], ...], ...]


def sections(page: Page) -> list[Section]:
    """The page's rows without their first column."""
    found: list[tuple[str, list[tuple[str, ...]]]] = []
    for row in page.rows:
        if row[0] or not found:
            found.append((row[0], []))
        found[-1][1].append(row)
    return [Section(label, tuple(tuple(_cells(page, row)) for row in rows)) for label, rows in found]


def on_phones(page: Page) -> str:
    """What a table does where there is no room: stay as it is (`compact`), become small lists (`stack`), or scroll (`wide`)."""
    letters = max(len(cell) for row in (page.headings, *page.rows) for cell in row[1:])
    if len(page.headings) <= COMPACT_COLUMNS and letters <= COMPACT_LETTERS:
        return "compact"
    return "stack" if len(page.headings) <= STACKS else "wide"


def with_standing_above(page: Page) -> Page:
    """The comparison, whose last two columns, profile and folds, are the same in all rows of a run: they go into its first cell."""
    rows = [(" · ".join((row[0], *row[-2:])) if row[0] else "", *row[1:-2]) for row in page.rows]
    return replace(page, headings=page.headings[:-2], rows=tuple(rows))


def _cells(page: Page, row: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
    for place, cell in enumerate(row):
        if place:
            yield page.headings[place], cell, place in page.numeric
