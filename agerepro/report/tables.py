"""The comparison "paper | ours" as text, CSV, Markdown and LaTeX."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agerepro.errors import UserError, near

HEADINGS = ("Experiment", "Score", "Paper", "Ours", "Difference", "95 % interval", "Profile", "Folds")
NUMERIC = (2, 3, 4, 5)
NOTHING = "-"
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

_MEANINGS = {
    "MAE (pooled)": "Macro: mean over folds of the fold's mean absolute error. Pooled: mean over all photos.",
    "CS(5)": "CS(5): share of photos at most 5 years off.",
    "Mean-age predictor": "Mean-age predictor: says the mean age of the fold's training photos for everyone.",
}


@dataclass(frozen=True)
class Page:
    """A comparison ready to be printed: cells as text, the banner above them and the notes below."""

    title: str
    banner: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def render(comparison: pd.DataFrame, *, form: str, notes: Sequence[str] = ()) -> str:
    """The comparison [evaluation.compare.COLUMNS] in one of FORMS: text, csv, md or tex; each ends with a newline.

    csv keeps every column and digit; the others round (years to 0.01, shares to 0.1 %) and print banner and notes.
    """
    if form not in FORMS:
        raise UserError(f"No table format {form!r}.{near(form, FORMS)}")
    return FORMS[form](comparison, notes)


def banner_of(comparison: pd.DataFrame) -> str:
    """The line above the table: what the runs' numbers may be taken for; "" when all are complete runs of the paper's experiment."""
    runs = comparison[["experiment", "standing"]].drop_duplicates()
    warned = runs[runs["standing"] != ""]
    if len(runs) == len(warned) and warned["standing"].nunique() == 1:
        return str(warned["standing"].iloc[0])
    return "; ".join(f"{run.experiment}: {run.standing}" for run in warned.itertuples(index=False))


def _page(comparison: pd.DataFrame, notes: Sequence[str]) -> Page:
    rows, last = [], None
    for line in comparison.to_dict("records"):
        run = (line["experiment"], line["profile"])
        unit = str(line["unit"])
        name = f"{line['metric']}, years" if unit == "years" else str(line["metric"])
        rows.append(
            (
                str(line["experiment"]) if run != last else "",
                name,
                _number(line["paper"], unit),
                _number(line["ours"], unit),
                _number(line["difference"], unit, sign="+"),
                _interval(line["low"], line["high"], unit),
                str(line["profile"]),
                str(line["folds"]),
            )
        )
        last = run
    return Page("Paper and ours", banner_of(comparison), tuple(rows), (*_explanations(comparison), *notes))


def _explanations(comparison: pd.DataFrame) -> list[str]:
    told = [f"Paper: {', '.join(sources)}." for sources in [sorted(set(comparison["source"]) - {""})] if sources]
    kinds = [kind for kind in comparison["interval"].unique() if kind]
    if kinds:
        told.append(
            "Intervals: MAE (macro) normal over folds, mean +- 1.96 sd / sqrt(n), as in koenig2019; all others bootstrap over people (BCa)."
        )
    told += [meaning for start, meaning in _MEANINGS.items() if comparison["metric"].str.startswith(start).any()]
    if (comparison["paper"].notna() & comparison["difference"].isna()).any():
        told.append("Difference: ours minus the paper's; none for a run that is not the paper's experiment in full (demo or partial).")
    elif comparison["difference"].notna().any():
        told.append("Difference: ours minus the paper's.")
    return told


def _number(value: float, unit: str, *, sign: str = "") -> str:
    if value != value:
        return NOTHING
    text = f"{100 * value:{sign}.1f} %" if unit == "share" else f"{value:{sign}.2f}"
    # "-0.00" would claim a direction that the digits do not show.
    return text.replace("-", "", 1) if text.startswith("-") and not text.strip("-0. %") else text


def _interval(low: float, high: float, unit: str) -> str:
    return NOTHING if low != low else f"[{_number(low, unit)}, {_number(high, unit)}]"


def _text(comparison: pd.DataFrame, notes: Sequence[str]) -> str:
    page = _page(comparison, notes)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if index in NUMERIC else "left", no_wrap=True)
    for row in page.rows:
        if row[0] and table.row_count:
            table.add_section()
        table.add_row(*(Text(cell) for cell in row))
    out = io.StringIO()
    # Wide enough for any table, so that the terminal at hand changes no file.
    Console(file=out, width=400, color_system=None, force_terminal=False, legacy_windows=False).print(table)
    body = "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
    above = f"*** {page.banner} ***\n\n" if page.banner else ""
    below = "".join(f"{textwrap.fill(note, NOTE_WIDTH, subsequent_indent='  ', break_on_hyphens=False)}\n" for note in page.notes)
    return f"{above}{body}\n\n{below}"


def _csv(comparison: pd.DataFrame, notes: Sequence[str]) -> str:
    return comparison.to_csv(index=False, lineterminator="\n")


def _markdown(comparison: pd.DataFrame, notes: Sequence[str]) -> str:
    return _templated("table.md.jinja", _page(comparison, notes), markdown_text)


def _latex(comparison: pd.DataFrame, notes: Sequence[str]) -> str:
    return _templated("table.tex.jinja", _page(comparison, notes), latex_text)


def markdown_text(text: str) -> str:
    """Text with the characters escaped that would end a cell or start emphasis in Markdown."""
    return "".join(f"\\{character}" if character in "\\|*_`<" else character for character in text)


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would act on escaped; the hyphens of negative numbers become minus signs."""
    escaped = "".join(_LATEX.get(character, character) for character in text).replace("+-", r"$\pm$")
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)


def _templated(template: str, page: Page, cell: Callable[[str], str]) -> str:
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
    sides = ["right" if index in NUMERIC else "left" for index in range(len(HEADINGS))]
    return world.get_template(template).render(
        title=page.title,
        banner=page.banner,
        headings=HEADINGS,
        rows=page.rows,
        notes=page.notes,
        ruler=[{"left": "---", "right": "---:"}[side] for side in sides],
        columns="".join(side[0] for side in sides),
    )


FORMS: dict[str, Callable[[pd.DataFrame, Sequence[str]], str]] = {"text": _text, "csv": _csv, "md": _markdown, "tex": _latex}
ENDINGS = {"text": "txt", "csv": "csv", "md": "md", "tex": "tex"}
