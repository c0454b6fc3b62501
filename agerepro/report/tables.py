"""A page of tables as text, CSV, Markdown and LaTeX."""

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

from agerepro.errors import UserError, suggest
from agerepro.evaluation.bootstrap import MIN_CLUSTERS
from agerepro.evaluation.compare import FOLDS

ENDINGS = {"text": "txt", "csv": "csv", "md": "md", "tex": "tex"}  # form -> ending of its file
FORMS = tuple(ENDINGS)
HEADINGS = ("Experiment", "Score", "Paper", "Ours", "Difference", "95 % interval", "Profile", "Folds")
NUMERIC = (2, 3, 4, 5)
NOTHING = "-"
NOTE_WIDTH = 128
BOOTSTRAP = f"bootstrap over people (BCa), none for fewer than {MIN_CLUSTERS}"
_MEANINGS = {
    "MAE (pooled)": "Macro: mean over folds of the fold's mean absolute error. Pooled: mean over all photos.",
    "CS(5)": "CS(5): share of photos at most 5 years off.",
    "Mean-age predictor": "Mean-age predictor: says the mean age of the fold's training photos for everyone.",
    "Median-age predictor": "Median-age predictor: says the median age of the same photos; no constant errs less on them.",
    "Accuracy": "Accuracy: share of photos in their right age group. +-: standard deviation over folds (n - 1).",
    "1-off": "1-off accuracy: share of photos in their right age group or a neighbour of it.",
    "Majority": "Majority predictor: says the most frequent group of the fold's training photos for everyone.",
}
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


MEASURES = ("years", "points")  # units that stand beside the name of what is measured


@dataclass(frozen=True)
class PrintedTable:
    """A table ready to be printed: cells as text, those of the columns `numeric` to the right, notes below.

    `banner` says what the numbers may be taken for. A row whose first cell is not empty begins a section.
    """

    title: str
    banner: str
    headings: tuple[str, ...]
    numeric: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def render(comparison: pd.DataFrame, *, form: str, notes: Sequence[str] = (), below: Sequence[PrintedTable] = ()) -> str:
    """The comparison [evaluation.compare.COLUMNS] in one of FORMS: text, csv, md or tex; each ends with a newline.

    csv keeps every column and digit; the others round (years and percents to 0.01, shares to 0.1 %), print banner and notes, and
    the pages `below`.
    """
    if form not in FORMS:
        raise UserError(f"No table format {form!r}.{suggest(form, FORMS)}")
    if form == "csv":
        return comparison.to_csv(index=False, lineterminator="\n")
    return _PRINTED[form]([comparison_page(comparison, notes), *below])


def banner_of(comparison: pd.DataFrame) -> str:
    """The line above the table: what the runs' numbers may be taken for, with the runs where not all share it.

    "" when all are complete runs of the paper's experiment.
    """
    runs = comparison[["experiment", "standing"]].drop_duplicates()
    warned: dict[str, list[str]] = {}
    for run in runs.itertuples(index=False):
        for part in filter(None, str(run.standing).split("; ")):
            warned.setdefault(part, []).append(str(run.experiment))
    return "; ".join(part if len(names) == len(runs) else f"{', '.join(names)}: {part}" for part, names in warned.items())


def number_text(value: float, unit: str, *, sign: str = "") -> str:
    """A number as the tables print it, rounded by its unit; a dash for NaN."""
    if value != value:
        return NOTHING
    text = f"{100 * value:{sign}.1f} %" if unit == "share" else f"{value:{sign}.2f}" + (" %" if unit == "percent" else "")
    # "-0.00" would claim a direction that the digits do not show.
    return text.replace("-", "", 1) if text.startswith("-") and not text.strip("-0. %") else text


def count_text(people: int) -> str:
    """How many people; a dash where nobody is known."""
    return f"{people:,}" if people else NOTHING


def interval_text(low: float, high: float, unit: str, *, sign: str = "") -> str:
    """Both ends of an interval; a dash where there is none."""
    return NOTHING if low != low else f"[{number_text(low, unit, sign=sign)}, {number_text(high, unit, sign=sign)}]"


def comparison_page(comparison: pd.DataFrame, notes: Sequence[str]) -> PrintedTable:
    """The comparison [evaluation/compare.py] as cells of text, an experiment named on its first line only, and the notes below."""
    rows, previous = [], None
    for line in comparison.to_dict("records"):
        run = (line["experiment"], line["profile"])
        unit = str(line["unit"])
        name = f"{line['metric']}, {unit}" if unit in MEASURES else str(line["metric"])
        rows.append(
            (
                str(line["experiment"]) if run != previous else "",
                name,
                _with_spread(line["paper"], line["paper_std"], unit),
                _with_spread(line["ours"], line["ours_std"], unit),
                number_text(line["difference"], unit, sign="+"),
                interval_text(line["low"], line["high"], unit),
                str(line["profile"]),
                str(line["folds"]),
            )
        )
        previous = run
    return PrintedTable("Paper and ours", banner_of(comparison), HEADINGS, NUMERIC, tuple(rows), (*_explanations(comparison), *notes))


def as_text(pages: Sequence[PrintedTable]) -> str:
    """The pages below each other; the first without its title, and the banner once, on top."""
    (first, *others) = pages
    above = f"*** {first.banner} ***\n\n" if first.banner else ""
    return above + "\n".join([_text(first), *(f"{page.title}\n\n{_text(page)}" for page in others)])


def as_markdown(pages: Sequence[PrintedTable]) -> str:
    """The pages below each other, each with title and banner."""
    return _templated("table.md.jinja", pages, markdown_text)


def as_latex(pages: Sequence[PrintedTable]) -> str:
    """One table environment a page, for the package booktabs."""
    return _templated("table.tex.jinja", pages, latex_text)


def markdown_text(text: str) -> str:
    """Text with the characters escaped that would end a cell or start emphasis in Markdown."""
    return "".join(f"\\{character}" if character in "\\|*_`<" else character for character in text)


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would act on escaped; the hyphens of negative numbers become minus signs."""
    escaped = "".join(_LATEX.get(character, character) for character in text).replace("+-", r"$\pm$")
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)


def _text(page: PrintedTable) -> str:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, heading in enumerate(page.headings):
        table.add_column(Text(heading), justify="right" if index in page.numeric else "left", no_wrap=True)
    for row in page.rows:
        if row[0] and table.row_count:
            table.add_section()
        table.add_row(*(Text(cell) for cell in row))
    buffer = io.StringIO()
    # Wide enough for any table, so that the terminal at hand changes no file.
    Console(file=buffer, width=400, color_system=None, force_terminal=False, legacy_windows=False).print(table)
    body = "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())
    notes = "".join(f"{textwrap.fill(note, NOTE_WIDTH, subsequent_indent='  ', break_on_hyphens=False)}\n" for note in page.notes)
    return f"{body}\n" + (f"\n{notes}" if notes else "")


def _with_spread(value: float, spread: float, unit: str) -> str:
    """`61.41 +- 4.37 %`, or the value alone where its spread over folds is not known."""
    if value != value or spread != spread:
        return number_text(value, unit)
    return f"{number_text(value, unit).removesuffix(' %')} +- {number_text(spread, unit)}"


def _explanations(comparison: pd.DataFrame) -> list[str]:
    sources = sorted(set(comparison["source"]) - {""})
    lines = [f"Paper: {', '.join(sources)}."] if sources else []
    kinds = [kind for kind in comparison["interval"].unique() if kind]
    if FOLDS in kinds:
        lines.append(
            "Intervals: MAE (macro) mean +- t sd / sqrt(n) over n folds, t of Student's distribution with n - 1 degrees of freedom; "
            f"all others {BOOTSTRAP}."
        )
    elif kinds:
        lines.append(f"Intervals: {BOOTSTRAP}.")
    lines += [meaning for start, meaning in _MEANINGS.items() if comparison["metric"].str.startswith(start).any()]
    if (comparison["paper"].notna() & comparison["difference"].isna()).any():
        lines.append("Difference: ours minus the paper's; none for a run that is not the paper's experiment in full (demo or partial).")
    elif comparison["difference"].notna().any():
        lines.append("Difference: ours minus the paper's.")
    return lines


def _templated(template: str, pages: Sequence[PrintedTable], cell: Callable[[str], str]) -> str:
    # Templates and not pandas: DataFrame.to_markdown needs one more package, and neither it nor Styler.to_latex writes banners,
    # sections of an experiment and notes, which are most of a template here. No autoescape: each template's own `cell` filter
    # escapes for Markdown or LaTeX.
    environment = Environment(
        loader=PackageLoader("agerepro.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["cell"] = cell
    return environment.get_template(template).render(
        pages=[(page, ["right" if index in page.numeric else "left" for index in range(len(page.headings))]) for page in pages]
    )


_PRINTED: dict[str, Callable[[Sequence[PrintedTable]], str]] = {"text": as_text, "md": as_markdown, "tex": as_latex}
