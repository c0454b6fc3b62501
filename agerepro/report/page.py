"""A printed table, of any kind, as text, Markdown and LaTeX."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOTE_WIDTH = 128
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


@dataclass(frozen=True)
class Page:
    """A table ready to be printed: cells as text, those of the columns `numeric` to the right, notes below.

    `banner` says what the numbers may be taken for. A row whose first cell is not empty begins a section.
    """

    title: str
    banner: str
    headings: tuple[str, ...]
    numeric: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def as_text(pages: Sequence[Page]) -> str:
    """The pages below each other; the first without its title, and the banner once, on top."""
    (first, *others) = pages
    above = f"*** {first.banner} ***\n\n" if first.banner else ""
    return above + "\n".join([_text(first), *(f"{page.title}\n\n{_text(page)}" for page in others)])


def as_markdown(pages: Sequence[Page]) -> str:
    """The pages below each other, each with title and banner."""
    return _templated("table.md.jinja", pages, markdown_text)


def as_latex(pages: Sequence[Page]) -> str:
    """One table environment a page, for the package booktabs."""
    return _templated("table.tex.jinja", pages, latex_text)


def _text(page: Page) -> str:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(page.headings):
        table.add_column(Text(heading), justify="right" if index in page.numeric else "left", no_wrap=True)
    for row in page.rows:
        if row[0] and table.row_count:
            table.add_section()
        table.add_row(*(Text(cell) for cell in row))
    out = io.StringIO()
    # Wide enough for any table, so that the terminal at hand changes no file.
    Console(file=out, width=400, color_system=None, force_terminal=False, legacy_windows=False).print(table)
    body = "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
    below = "".join(f"{textwrap.fill(note, NOTE_WIDTH, subsequent_indent='  ', break_on_hyphens=False)}\n" for note in page.notes)
    return f"{body}\n" + (f"\n{below}" if below else "")


def markdown_text(text: str) -> str:
    """Text with the characters escaped that would end a cell or start emphasis in Markdown."""
    return "".join(f"\\{character}" if character in "\\|*_`<" else character for character in text)


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would act on escaped; the hyphens of negative numbers become minus signs."""
    escaped = "".join(_LATEX.get(character, character) for character in text).replace("+-", r"$\pm$")
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)


def _templated(template: str, pages: Sequence[Page], cell: Callable[[str], str]) -> str:
    # No autoescape: each template's own `cell` filter escapes for Markdown or LaTeX.
    world = Environment(
        loader=PackageLoader("agerepro.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    world.filters["cell"] = cell
    return world.get_template(template).render(
        pages=[(page, ["right" if index in page.numeric else "left" for index in range(len(page.headings))]) for page in pages]
    )
