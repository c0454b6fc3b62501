"""The one look of all figures, and the only code that writes them: PNG, PDF and the CSV that they draw."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy

from agerepro.io import atomic_write, write_text

# Okabe and Ito's colours, told apart with any colour vision; the order gives grey steps that print apart too.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#5A5A5A"
WIDTH, DOTS_PER_INCH = 6.4, 200
FEW = 3  # entries that a legend inside the axes may have
_LINE, _ENTRY = 0.17, 0.21  # inches that one line of the caption takes, and one of the key under the axes
_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.labelsize": 10.5,
    "legend.fontsize": 9.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "pdf.fonttype": 42,
    "svg.hashsalt": "agerepro",
    "axes.titlelocation": "left",
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Caption:
    """What a figure says about its numbers; `banner` is "demo: synthetic faces", "partial: 61 of 82 folds" or empty."""

    run: str
    profile: str
    protocol: str
    banner: str = ""

    def text(self) -> str:
        """The line under the figure."""
        return f"Run: {self.run}. Profile: {self.profile}. Protocol: {self.protocol}."


@contextmanager
def figure(title: str, subtitle: str, caption: Caption, *frames: pd.DataFrame, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Axes WIDTH x `height` inches in size, with title, smaller subtitle, banner, caption and the sample size of `frames` around them.

    No pyplot: nothing global is touched, and nothing needs a screen.
    """
    with _sheet(caption, frames, height=height) as drawn:
        axes = drawn.subplots()
        axes.set_title(title, pad=22)
        axes.annotate(
            subtitle, (0, 1), xytext=(0, 7), xycoords="axes fraction", textcoords="offset points", fontsize=9, color=GREY, in_layout=False
        )
        yield drawn, axes


@contextmanager
def panels(
    title: str,
    subtitle: str,
    caption: Caption,
    *frames: pd.DataFrame,
    height: float,
    shape: tuple[int, int],
    key: Sequence[Sequence[Artist]] = (),
) -> Iterator[tuple[Figure, np.ndarray]]:
    """As `figure`, with several axes under one title: an array of Axes of `shape` (rows, columns), `height` inches together.

    `key` holds columns of labelled lines and patches, to be explained between axes and caption. The subtitle may have two lines.
    """
    lines = textwrap.wrap(subtitle, 94)
    with _sheet(caption, frames, height=height, heading=0.3 + 0.155 * len(lines), key=key) as drawn:
        whole = drawn.get_figheight()
        top = whole - _banner_height(caption) - 0.02
        drawn.text(0.015, top / whole, title, ha="left", va="top", fontsize=12)
        drawn.text(0.015, (top - 0.25) / whole, "\n".join(lines), ha="left", va="top", fontsize=9, color=GREY)
        yield drawn, drawn.subplots(*shape, squeeze=False)


def save(drawn: Figure, data: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write NAME.png, NAME.pdf and NAME.csv, without dates, so that equal numbers give equal bytes; return the paths."""
    png, pdf, csv = (folder / f"{name}.{ending}" for ending in ("png", "pdf", "csv"))
    with matplotlib.rc_context(_LOOK):
        _settle(drawn)
        atomic_write(png, lambda path: drawn.savefig(path, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None}))
        undated = {"CreationDate": None, "Producer": None, "Creator": None}
        atomic_write(pdf, lambda path: drawn.savefig(path, format="pdf", metadata=undated))
    write_text(csv, data.to_csv(index=False, lineterminator="\n"))
    return [png, pdf, csv]


def legend(axes: Axes, corner: Literal["upper left", "lower right"], *, entries: int, below: float) -> None:
    """A legend in the corner that the data leaves free, or `below` points under the axes when it would cover the data."""
    if entries <= FEW:
        axes.legend(loc=corner)
    else:
        under = offset_copy(axes.transAxes, axes.get_figure(root=True), x=-8, y=-below, units="points")
        axes.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, borderaxespad=0, ncols=2 if entries > FEW + 1 else 1)


def dot_each_photo(axes: Axes, x: pd.Series, y: pd.Series, *, size: float, zorder: float) -> None:
    """A dot a photo; of very many, as pixels, so that a print stays small."""
    axes.scatter(x, y, s=size, color=BLUE, alpha=0.4, linewidths=0, label="photo", zorder=zorder, rasterized=len(x) > 5000)


def solid_legend(axes: Axes) -> None:
    """A key in which the dot is solid: it stands for a photo, not for how thinly photos lie."""
    for handle in axes.legend(loc="upper left").legend_handles:
        if handle is not None:
            handle.set_alpha(1)


def height_with(entries: int) -> float:
    """Inches of a figure whose legend has so many entries."""
    lines = entries if entries == FEW + 1 else (entries + 1) // 2
    return 4.1 if entries <= FEW else 4.1 + 0.22 * lines


def sample_size_text(*frames: pd.DataFrame) -> str:
    """How many photos, people and seeds stand behind a figure: `1,002 photos of 82 people, 3 seeds each`."""
    seeds = [frame["seed"].nunique() for frame in frames]
    samples = " or ".join(dict.fromkeys(_sample(frame) for frame in frames))
    if max(seeds) == 1:
        return samples
    return f"{samples}, {'' if len(set(seeds)) == 1 else 'up to '}{max(seeds)} seeds each"


def _sample(frame: pd.DataFrame) -> str:
    photos, people = frame["photo"].nunique(), frame.loc[frame["subject"] != "", "subject"].nunique()
    of_people = f" of {people:,} {'person' if people == 1 else 'people'}" if people else ""
    return f"{photos:,} photo{'' if photos == 1 else 's'}{of_people}"


@contextmanager
def _sheet(
    caption: Caption, frames: Sequence[pd.DataFrame], *, height: float, heading: float = 0, key: Sequence[Sequence[Artist]] = ()
) -> Iterator[Figure]:
    """A figure with banner, free `heading` inches, room for axes of `height` inches, the key and the caption, from top to bottom."""
    with matplotlib.rc_context(_LOOK):
        lines = textwrap.wrap(caption.text() + (f" {sample_size_text(*frames)}." if frames else ""), 98, break_on_hyphens=False)
        caption_height = 0.1 + _LINE * len(lines)
        above, below = _banner_height(caption) + heading, caption_height + _ENTRY * max(map(len, key), default=0)
        whole = height + above + below
        inside = ConstrainedLayoutEngine(rect=(0.01, below / whole, 0.98, height / whole))
        drawn = Figure(figsize=(WIDTH, whole), dpi=DOTS_PER_INCH, layout=inside)
        FigureCanvasAgg(drawn)
        if key:
            # Below the layout's reach, so that it neither moves the axes nor is moved into the caption.
            entries = drawn.legend(
                handles=_padded(key),
                loc="lower left",
                bbox_to_anchor=(0.01, caption_height / whole),
                borderaxespad=0,
                ncols=len(key),
                fontsize=9,
            )
            entries.set_in_layout(False)
        if banner := _banner_lines(caption):
            drawn.text(
                0.5,
                1 - 0.06 / whole,
                "\n".join(banner),
                ha="center",
                va="top",
                fontsize=10.5,
                fontweight="bold",
                color="white",
                bbox={"boxstyle": "round,pad=0.25", "facecolor": "#A33C00", "edgecolor": "none"},
            )
        drawn.text(0.015, 0.06 / whole, "\n".join(lines), ha="left", va="bottom", fontsize=8.5, color=GREY)
        yield drawn


def _padded(columns: Sequence[Sequence[Artist]]) -> list[Artist]:
    """One list of entries, column after column, with empty ones at the end of the shorter columns."""
    most = max(map(len, columns))
    return [
        entry for column in columns for entry in (*column, *(Line2D([], [], linewidth=0, label=" ") for _ in range(most - len(column))))
    ]


def _banner_lines(caption: Caption) -> list[str]:
    return textwrap.wrap(caption.banner, 74)


def _banner_height(caption: Caption) -> float:
    """Inches that the banner takes."""
    lines = len(_banner_lines(caption))
    return 0.12 + 0.24 * lines if lines else 0.02


def _settle(drawn: Figure) -> None:
    """Find the layout once, for both pictures, and round it: its solver's last digits differ from one time to the next."""
    engine = drawn.get_layout_engine()
    if engine is None:
        return
    engine.execute(drawn)
    drawn.set_layout_engine("none")
    for axes in drawn.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, 6).tolist(), which="original")
