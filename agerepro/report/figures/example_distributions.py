"""Figure: the whole distributions that a run gives for a few photos, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from agerepro.errors import UserError
from agerepro.report.figures.style import BLACK, BLUE, VERMILION, Caption, panels, save

_COLUMNS = 3
_HEIGHT = 1.75  # inches of a row
_LIGHT = "#A9CFE8"


@dataclass(frozen=True)
class Example:
    """One tested photo: `probabilities` (bins,) of `values` (years, rising; or numbers of groups), its truth and its prediction."""

    photo: str
    probabilities: np.ndarray
    values: np.ndarray
    truth: float
    predicted: float


def draw_example_distributions(
    examples: Sequence[Example],
    caption: Caption,
    folder: Path,
    *,
    chosen: str,
    groups: Sequence[str] = (),
    name: str = "example-distributions",
) -> list[Path]:
    """Draw a panel an example: its distribution over ages (or over `groups`), the truth and the prediction.

    `chosen` says how the photos were chosen, for the line under the title. Raises UserError for no example.
    """
    if not examples:
        raise UserError("There are no example photos to draw distributions of.")
    shape = (-(-len(examples) // _COLUMNS), _COLUMNS)
    what = "age group" if groups else "age"
    with panels(
        f"Distributions over {what} for single photos",
        chosen,
        caption,
        height=_HEIGHT * shape[0] + (0.5 if groups else 0.25),
        shape=shape,
        key=_key(groups),
    ) as (
        drawn,
        axes,
    ):
        for place, example in zip(axes.flat, examples):
            (_draw_groups if groups else _draw_ages)(place, example)
            place.set_title(_heading(example, groups), fontsize=8, pad=3)
            place.tick_params(labelsize=8)
            place.set_ylim(bottom=0)
            if groups:
                place.set_xticks(range(len(groups)), list(groups), rotation=90 if len(groups) > 4 else 0, fontsize=7.5)
        for place in list(axes.flat)[len(examples) :]:
            place.set_axis_off()
        for place in axes[:, 0]:
            place.set_ylabel("Probability (%)", fontsize=9)
        for place in axes[-1]:
            place.set_xlabel("Age group (years)" if groups else "Age (years)", fontsize=9)
        rows = [(e.photo, e.truth, e.predicted, value, share) for e in examples for value, share in zip(e.values, e.probabilities)]
        return save(drawn, pd.DataFrame(rows, columns=["photo", "truth", "predicted", "value", "probability"]), folder, name)


def _draw_ages(axes: Axes, example: Example) -> None:
    axes.fill_between(example.values, 100 * example.probabilities, step="mid", color=_LIGHT, linewidth=0)
    axes.step(example.values, 100 * example.probabilities, where="mid", color=BLUE, linewidth=0.9)
    axes.axvline(example.truth, color=BLACK, linewidth=1.6)
    axes.axvline(example.predicted, color=VERMILION, linestyle="--", linewidth=1.6)


def _draw_groups(axes: Axes, example: Example) -> None:
    bars = axes.bar(example.values, 100 * example.probabilities, color=_LIGHT, edgecolor=BLUE, width=0.8)
    bars[int(example.truth)].set(edgecolor=BLACK, linewidth=2)
    bars[int(example.predicted)].set(hatch="////")
    axes.grid(visible=False, axis="x")


def _heading(example: Example, groups: Sequence[str]) -> str:
    photo = example.photo.rpartition("/")[2]
    photo = photo if len(photo) <= 26 else f"{photo[:12]}...{photo[-11:]}"
    if groups:
        return f"{photo}\ntrue {groups[int(example.truth)]}, predicted {groups[int(example.predicted)]}"
    return f"{photo}\ntrue {example.truth:.3g}, predicted {example.predicted:.1f}"


def _key(groups: Sequence[str]) -> list[list[Artist]]:
    if groups:
        return [
            [Patch(facecolor=_LIGHT, edgecolor=BLACK, linewidth=2, label="true group")],
            [Patch(facecolor=_LIGHT, edgecolor=BLUE, hatch="////", label="predicted group")],
        ]
    return [
        [Patch(facecolor=_LIGHT, edgecolor=BLUE, label="probability")],
        [Line2D([], [], color=BLACK, linewidth=1.6, label="true age")],
        [Line2D([], [], color=VERMILION, linestyle="--", linewidth=1.6, label="predicted age")],
    ]
