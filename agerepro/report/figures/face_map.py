"""One face with its map laid over it, or an outline of a face where no face may be shown."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from agerepro.explain.heat import upsampled
from agerepro.explain.overlay import STOPS, laid_over
from agerepro.report.figures.style import GREY

AGAINST_FOR = LinearSegmentedColormap.from_list("against-for", list(STOPS))
Shown = Literal["faces", "outlines"]  # outlines where no face may be shown
SIDE = 112  # pixels at which maps are stretched
_WHOLE = (0, 1, 1, 0)  # every picture fills the unit square, its row 0 on top


def draw_face(axes: Axes, face: np.ndarray | None, regions: np.ndarray | None) -> None:
    """The face (s, s, 3) uint8 itself, else the outlines of its regions (r, r)."""
    _blank(axes)
    if face is not None:
        axes.imshow(face, extent=_WHOLE)
    elif regions is not None:
        draw_outlines(axes, regions, colour=GREY)


def draw_map(axes: Axes, heat: np.ndarray, face: np.ndarray | None, regions: np.ndarray | None) -> None:
    """A map (h, w) over the grey face, or under the outlines; the stronger, the less of the face shows."""
    _blank(axes)
    if face is None:
        strongest = float(np.abs(heat).max()) or 1.0
        axes.imshow(upsampled(heat[None] / strongest, SIDE)[0], cmap=AGAINST_FOR, vmin=-1, vmax=1, extent=_WHOLE)
        if regions is not None:
            draw_outlines(axes, regions, colour=GREY)
        return
    axes.imshow(laid_over(face, heat, 2 * SIDE), extent=_WHOLE)


def draw_outlines(axes: Axes, regions: np.ndarray, *, colour: str) -> None:
    """The edges of every region of (r, r) numbers."""
    centres = (np.arange(len(regions)) + 0.5) / len(regions)
    for number in np.unique(regions):
        axes.contour(centres, centres, regions == number, levels=[0.5], colors=[colour], linewidths=0.7)


def colour_bar(drawn: Figure, axes: np.ndarray, *, signed: bool, strong: str) -> None:
    """What the colours say, under all of the axes; strong: what the strongest place above zero does."""
    if signed:
        bar = drawn.colorbar(ScalarMappable(Normalize(-1, 1), AGAINST_FOR), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([-1, 0, 1], labels=["speaks against", "no matter", strong])
    else:
        upper = LinearSegmentedColormap.from_list("for", AGAINST_FOR(np.linspace(0.5, 1, 64)))
        bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), upper), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([0, 1], labels=["no matter", strong])
    bar.ax.tick_params(labelsize=8, length=0)


def _blank(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), aspect="equal")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#BBBBBB", linewidth=0.5)
