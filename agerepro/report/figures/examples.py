"""Example photos: their posteriors, and the best and worst predictions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from agerepro.errors import UserError
from agerepro.evaluation.predictions import ages_only, check_one_run
from agerepro.report.figures.style import BLACK, BLUE, GREY, VERMILION, WIDTH, Caption, panels, save

BEST, WORST = "best", "worst"
_EXAMPLE_COLUMNS, _FACE_COLUMNS = 3, 6
_EXAMPLE_HEIGHT, _FACE_HEIGHT = 1.75, 1.5  # inches of a row
_LINE_HEIGHT, _LETTER = 0.15, 0.062  # inches of a line under a face that runs are compared on, and of a letter beside it
_LIGHT = "#A9CFE8"


@dataclass(frozen=True)
class Example:
    """One tested photo: `probabilities` (bins,) of `values` (years, rising; or numbers of groups), its truth and its prediction."""

    photo: str
    probabilities: np.ndarray
    values: np.ndarray
    truth: float
    predicted: float


def plot_example_distributions(
    examples: Sequence[Example],
    caption: Caption,
    folder: Path,
    *,
    chosen: str,
    groups: Sequence[str] = (),
    name: str = "example-distributions",
) -> list[Path]:
    """Plot a panel an example: its distribution over ages (or over `groups`), the truth and the prediction.

    `chosen` says how the photos were chosen, for the line under the title. Raises UserError for no example.
    """
    if not examples:
        raise UserError("There are no example photos to draw distributions of.")
    shape = (-(-len(examples) // _EXAMPLE_COLUMNS), _EXAMPLE_COLUMNS)
    what = "age group" if groups else "age"
    with panels(
        f"Distributions over {what} for single photos",
        chosen,
        caption,
        height=_EXAMPLE_HEIGHT * shape[0] + (0.5 if groups else 0.25),
        shape=shape,
        key=_key(groups),
    ) as (
        drawn,
        axes,
    ):
        for place, example in zip(axes.flat, examples):
            (_plot_groups if groups else _plot_ages)(place, example)
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


def best_and_worst(predictions: pd.DataFrame, *, count: int = 6) -> pd.DataFrame:
    """The `count` photos of the least and of the greatest error: `which` (best, worst), `photo`, `age`, `predicted`, `error` (years).

    Errors are means over seeds; of equal ones the first photo by name comes first. Best begin with the least, worst with the
    greatest. With fewer than 2 x `count` photos, both halves are shorter, so that no photo is in both. UserError for a run of groups.
    """
    frame = ages_only(check_one_run(predictions))
    frame = frame.assign(error=(frame["predicted"] - frame["age"]).abs())
    photos = frame.groupby("photo", as_index=False)[["age", "predicted", "error"]].mean()
    count = min(count, len(photos) // 2)
    best = photos.sort_values(["error", "photo"]).head(count)
    worst = photos.sort_values(["error", "photo"], ascending=[False, True]).head(count)
    both = pd.concat([best.assign(which=BEST), worst.assign(which=WORST)], ignore_index=True)
    return both[["which", "photo", "age", "predicted", "error"]]


def plot_faces(
    chosen: pd.DataFrame, pictures: Mapping[str, np.ndarray], caption: Caption, folder: Path, *, name: str = "best-and-worst-faces"
) -> list[Path]:
    """Plot the photos of `best_and_worst`; pictures: photo -> (height, width, 3) uint8 RGB.

    Whether faces may be shown is the caller's to know: this draws what it is given. Raises UserError for no photo, or one without
    its picture.
    """
    lacking = sorted(set(chosen["photo"]) - set(pictures))
    if lacking or chosen.empty:
        problem = f"There is no picture of {', '.join(lacking[:4])}" if lacking else "There are no faces to show"
        raise UserError(f"{problem}. Give one for each photo that best_and_worst names.")
    rows = [
        part.iloc[at : at + _FACE_COLUMNS]
        for which in (BEST, WORST)
        for part in [chosen[chosen["which"] == which]]
        for at in range(0, len(part), _FACE_COLUMNS)
    ]
    subtitle = "Above: the least errors, from left to right; below: the greatest. Ages in years"
    with panels("Faces predicted best and worst", subtitle, caption, height=_FACE_HEIGHT * len(rows), shape=(len(rows), _FACE_COLUMNS)) as (
        drawn,
        axes,
    ):
        for places, part in zip(axes, rows):
            for place in places:
                place.set_axis_off()
            for place, line in zip(places, part.itertuples(index=False)):
                place.imshow(pictures[str(line.photo)])
                under = {"xy": (0.5, 0), "xycoords": "axes fraction", "xytext": (0, -4), "textcoords": "offset points"}
                place.annotate(f"true {line.age:.3g}\npredicted {line.predicted:.1f}", **under, ha="center", va="top", fontsize=8.5)
        return save(drawn, chosen, folder, name)


def plot_compared_examples(
    examples: pd.DataFrame,
    pictures: Mapping[str, np.ndarray],
    caption: Caption,
    folder: Path,
    *,
    truths: Sequence[str],
    runs: Sequence[str],
    chosen: str,
    name: str = "examples-compared",
) -> list[Path]:
    """Plot the photos of `examples` in its order, each above its truths and what every run predicts of it, like a table.

    examples: a row a photo with the columns `photo`, `truths` and `runs`, which name the lines, in years. pictures: photo ->
    (height, width, 3) uint8 RGB; a photo without one is named in its place. chosen: how the photos were chosen, for the line under
    the title. Raises UserError for no example or no run.
    """
    if examples.empty or not runs:
        raise UserError("There are no photos, or no runs, to compare examples of.")
    lines = {line: _shortened(line) for line in (*truths, *runs)}
    shape = (-(-len(examples) // _FACE_COLUMNS), _FACE_COLUMNS)
    side = (WIDTH - 0.3 - _LETTER * max(map(len, lines.values()))) / _FACE_COLUMNS
    height = (side + _LINE_HEIGHT * len(lines)) * shape[0] + 0.1
    digits = 1 if bool((examples[list(truths)].to_numpy(float) > 2).any()) else 2  # years, or a score of 0 to 1
    with panels("Examples compared", chosen, caption, height=height, shape=shape) as (drawn, axes):
        for place in axes.flat:
            place.set_axis_off()
        for number, (place, row) in enumerate(zip(axes.flat, examples.to_dict("records"))):
            if row["photo"] in pictures:
                place.imshow(pictures[row["photo"]])
            else:
                place.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
                place.add_patch(Rectangle((0, 0), 1, 1, facecolor="#F4F4F4", edgecolor="#BBBBBB", linewidth=0.5))
                named = textwrap.fill(str(row["photo"]).rpartition("/")[2], 11)
                place.text(0.5, 0.5, named, ha="center", va="center", fontsize=7, color=GREY)
            for at, line in enumerate(lines):
                under = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": 8}
                below = -3 - 72 * _LINE_HEIGHT * at
                colour = BLACK if line in truths else BLUE
                number_text = f"{row[line]:.3g}" if line in truths else f"{row[line]:.{digits}f}"
                place.annotate(number_text, (0.5, 0), xytext=(0, below), ha="center", color=colour, **under)
                if number % _FACE_COLUMNS == 0:
                    place.annotate(lines[line], (0, 0), xytext=(-4, below), ha="right", color=colour, **under)
        return save(drawn, examples, folder, name)


def _plot_ages(axes: Axes, example: Example) -> None:
    axes.fill_between(example.values, 100 * example.probabilities, step="mid", color=_LIGHT, linewidth=0)
    axes.step(example.values, 100 * example.probabilities, where="mid", color=BLUE, linewidth=0.9)
    axes.axvline(example.truth, color=BLACK, linewidth=1.6)
    axes.axvline(example.predicted, color=VERMILION, linestyle="--", linewidth=1.6)


def _plot_groups(axes: Axes, example: Example) -> None:
    bars = axes.bar(example.values, 100 * example.probabilities, color=_LIGHT, edgecolor=BLUE, width=0.8)
    bars[int(example.truth)].set(edgecolor=BLACK, linewidth=2)
    bars[int(example.predicted)].set(hatch="////")
    axes.grid(visible=False, axis="x")


def _heading(example: Example, groups: Sequence[str]) -> str:
    photo = _shortened(example.photo.rpartition("/")[2])
    if groups:
        return f"{photo}\ntrue {groups[int(example.truth)]}, predicted {groups[int(example.predicted)]}"
    return f"{photo}\ntrue {example.truth:.3g}, predicted {example.predicted:.1f}"


def _shortened(text: str) -> str:
    """At most 26 letters: the first and the last of a longer text."""
    return text if len(text) <= 26 else f"{text[:12]}...{text[-11:]}"


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
