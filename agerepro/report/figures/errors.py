"""Figures of errors: by age, predicted against true, cumulative score, box plots over folds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import MIN_CLUSTERS
from agerepro.evaluation.metrics import absolute_errors, cumulative_score, photo_weights
from agerepro.evaluation.predictions import ages_only, check_one_run, photo_errors, predicts_age_groups
from agerepro.evaluation.subgroups import DECADES, error_by_age
from agerepro.report.figures.style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    FEW,
    GREEN,
    GREY,
    MARKERS,
    PURPLE,
    VERMILION,
    Caption,
    dot_each_photo,
    figure,
    height_with,
    legend,
    panels,
    save,
    solid_legend,
)

LIMITS = np.arange(101) / 10  # years that the cumulative score is taken at, as in pan2018, Figure 4
Metric = Literal["mae", "accuracy"]
MEASURES: dict[Metric, tuple[str, str]] = {
    "mae": ("Mean absolute error", "Mean absolute error of a fold (years)"),
    "accuracy": ("Accuracy", "Photos of a fold in their right age group (%)"),
}
_MOST_RUNS = len(COLOURS)
_FILL = "#CFE3F2"
_LINES = (VERMILION, GREEN, BLUE, PURPLE, BLACK, GREY)
_ROOM = 0.36  # inches of a run's box
_TITLE_LETTERS = 74  # of a line of a title


def plot_error_by_age(
    runs: Mapping[str, pd.DataFrame],
    caption: Caption,
    folder: Path,
    *,
    on: str = "",
    edges: Sequence[float] = DECADES,
    name: str = "error-by-age",
) -> list[Path]:
    """Plot each run's (label -> PREDICTIONS) mean error a bin of true age, with 95 % intervals over people.

    The labels under the bins count the first run's photos. `on` says in the title what all runs are tested on. Raises UserError for no
    runs or too many, and as `error_by_age`.
    """
    if not 0 < len(runs) <= _MOST_RUNS:
        raise UserError(f"An error by age figure holds 1 to {_MOST_RUNS} runs, not {len(runs)}. Name fewer.")
    runs = {label: ages_only(check_one_run(predictions)) for label, predictions in runs.items()}
    binned = {label: error_by_age(predictions, edges=edges) for label, predictions in runs.items()}
    firsts = np.unique(np.concatenate([table["first"] for table in binned.values()]))
    subtitle = f"Whiskers: 95 % bootstrap intervals over people; none for fewer than {MIN_CLUSTERS}"
    title = _titled("Mean absolute error by true age", on)
    with figure(title, subtitle, caption, *runs.values(), height=height_with(len(runs))) as (drawn, axes):
        for index, (label, table) in enumerate(binned.items()):
            beside = (index - (len(binned) - 1) / 2) * min(0.14, 0.7 / len(binned))
            places = np.searchsorted(firsts, table["first"]) + beside
            reach = np.abs(table[["low", "high"]].to_numpy().T - table["mae"].to_numpy())
            axes.errorbar(
                places,
                table["mae"],
                yerr=np.nan_to_num(reach),
                color=COLOURS[index],
                marker=MARKERS[index],
                markersize=5.5,
                linewidth=0,
                elinewidth=1.4,
                capsize=3,
                label=label,
            )
        axes.set_xticks(range(len(firsts)), _bin_labels(next(iter(binned.values())), firsts, edges))
        axes.set(
            xlim=(-0.6, len(firsts) - 0.4),
            ylabel="Mean absolute error (years)",
            xlabel=f"True age (years) and number of photos{_whose(binned)}",
        )
        # Room for the legend over the tallest whisker.
        inside = len(runs) if len(runs) <= FEW else 0
        axes.set_ylim(0, axes.get_ylim()[1] * (1.05 + 0.09 * inside))
        axes.grid(visible=False, axis="x")
        legend(axes, "upper left", entries=len(runs), below=58)
        return save(drawn, pd.concat([table.assign(run=label) for label, table in binned.items()], ignore_index=True), folder, name)


def plot_predicted_against_true(
    predictions: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "predicted-against-true"
) -> list[Path]:
    """Plot one run's PREDICTIONS: a dot a photo (and seed), the line of no error, and the band of five years around it."""
    frame = ages_only(check_one_run(predictions))
    points = frame[["fold", "seed", "photo", "age", "predicted"]]
    errors = absolute_errors(frame["age"], frame["predicted"])
    macro = float(np.sum(photo_weights(frame["fold"], "macro") * errors))
    both = points[["age", "predicted"]].to_numpy()
    ends = np.array([both.min() - 2, both.max() + 2])
    subtitle = f"Mean absolute error {macro:.2f} years (mean over folds), {errors.mean():.2f} years (all photos)"
    with figure("Predicted age against true age", subtitle, caption, frame, height=5.9) as (drawn, axes):
        axes.fill_between(ends, ends - 5, ends + 5, color="#E8E8E8", linewidth=0, label="at most 5 years off", zorder=1)
        axes.plot(ends, ends, color=BLACK, linewidth=1, label="no error", zorder=2)
        dot_each_photo(axes, points["age"], points["predicted"], size=13, zorder=3)
        axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="True age (years)", ylabel="Predicted age (years)")
        solid_legend(axes)
        return save(drawn, points, folder, name)


def plot_cumulative_score(
    runs: Mapping[str, pd.DataFrame],
    caption: Caption,
    folder: Path,
    *,
    guess: pd.DataFrame | None = None,
    on: str = "",
    name: str = "cumulative-score",
) -> list[Path]:
    """Plot the cumulative score of each run (label -> PREDICTIONS), over all photos and seeds.

    `guess` holds the predictions of the mean-age predictor, drawn in grey for scale; `on` as in `plot_error_by_age`. Raises UserError for
    no runs or too many.
    """
    if not 0 < len(runs) <= _MOST_RUNS:
        raise UserError(f"A cumulative score figure holds 1 to {_MOST_RUNS} runs, not {len(runs)}. Name fewer.")
    runs = {label: ages_only(check_one_run(predictions)) for label, predictions in runs.items()}
    curves = {label: _curve(frame) for label, frame in runs.items()}
    entries = len(runs) + (guess is not None)
    subtitle = "In the key: photos at most 5 years off"
    title = _titled("Share of photos within so many years of the true age", on)
    with figure(title, subtitle, caption, *runs.values(), height=height_with(entries)) as (drawn, axes):
        for (label, shares), colour, dashes in zip(curves.items(), COLOURS, DASHES):
            axes.plot(LIMITS, 100 * shares, color=colour, linestyle=dashes, label=f"{label}: {_within_five(shares)}")
        if guess is not None:
            shares = curves["mean-age predictor"] = _curve(ages_only(check_one_run(guess)))
            axes.plot(LIMITS, 100 * shares, color=GREY, linewidth=1.2, label=f"mean-age predictor: {_within_five(shares)}")
        axes.axvline(5, color=GREY, linewidth=0.8, zorder=1)
        axes.annotate("CS(5)", (5, 97), xytext=(-3, 0), textcoords="offset points", fontsize=9, color=GREY, ha="right")
        axes.set(xlim=(0, LIMITS[-1]), ylim=(0, 102), xticks=range(0, 11), xlabel="Error at most (years)", ylabel="Photos (%)")
        legend(axes, "lower right", entries=entries, below=42)
        wide = pd.DataFrame({"within_years": LIMITS, **curves})
        return save(drawn, wide.melt(id_vars="within_years", var_name="run", value_name="share"), folder, name)


def plot_fold_boxes(
    runs: Mapping[str, pd.DataFrame],
    caption: Caption,
    folder: Path,
    *,
    earlier: Mapping[str, float] | None = None,
    published: Mapping[str, float] | None = None,
    name: str = "fold-boxes",
) -> list[Path]:
    """Plot one box a run (label -> PREDICTIONS) over its folds: mean absolute error in years, or accuracy in percent.

    Boxes hold the middle half, whiskers reach to the last fold within 1.5 box lengths, circles are folds beyond; a fold counts
    once, with the mean of its seeds. `earlier` (label -> value) are other papers' results, as lines; `published` (run's label ->
    value) is what the paper prints for the run itself. Raises UserError for no runs, too many lines, or runs that measure
    different things.
    """
    earlier, published = earlier or {}, published or {}
    tables = {label: fold_values(predictions) for label, predictions in runs.items()}
    measures = sorted({measure for measure, _ in tables.values()})
    if len(measures) != 1:
        raise UserError(f"Box plots over folds hold runs of one measure, not {', '.join(measures) or 'no run'}. Draw the others apart.")
    if len(earlier) > len(_LINES):
        raise UserError(f"Box plots over folds hold {len(_LINES)} earlier results, not {len(earlier)}. Name fewer.")
    values = {label: table for label, (_, table) in tables.items()}
    title, axis = MEASURES[measures[0]]
    key = _key(earlier, published, runs)
    height = 0.75 + _ROOM * len(runs)
    with panels(f"{title} on the folds", _subtitle(values), caption, *runs.values(), height=height, shape=(1, 1), key=key) as (
        drawn,
        grid,
    ):
        axes = grid[0, 0]
        places = np.arange(len(values))
        axes.boxplot(
            [table.to_numpy() for table in values.values()],
            positions=places,
            orientation="horizontal",
            widths=0.62,
            patch_artist=True,
            boxprops={"facecolor": _FILL, "edgecolor": BLACK, "linewidth": 1},
            medianprops={"color": BLACK, "linewidth": 2.2},
            whiskerprops={"color": BLACK, "linewidth": 1},
            capprops={"color": BLACK, "linewidth": 1},
            flierprops={"marker": "o", "markersize": 3.6, "markeredgecolor": GREY, "markerfacecolor": "none"},
        )
        axes.plot([table.mean() for table in values.values()], places, "D", color=BLACK, markersize=4.5, linewidth=0, zorder=4)
        for place, label in enumerate(values):
            if label in published:
                axes.plot(published[label], place, "X", color=VERMILION, markeredgecolor="white", markersize=8.5, zorder=5)
        for (_, value), colour, dashes in zip(earlier.items(), _LINES, DASHES[1:]):
            axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.5, zorder=1.5)
        # A run named by a changed setting has a long name, and the boxes need the room.
        axes.set_yticks(places, [label.replace(", ", ",\n").replace("=", "=\n") for label in values])
        axes.set(xlabel=axis, ylim=(len(values) - 0.4, -0.6))
        if measures[0] == "mae":
            axes.set_xlim(left=0)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return save(drawn, _table(values, earlier, published), folder, name)


def fold_values(predictions: pd.DataFrame) -> tuple[Metric, pd.Series]:
    """The metric of one run's PREDICTIONS, and its value by fold, mean over seeds: error in years, or accuracy in percent."""
    frame = check_one_run(predictions)
    errors = pd.Series(photo_errors(frame), index=frame.index)
    # Every seed holds the same photos of a fold (check_predictions), so the mean over seeds is that of all rows.
    means = errors.groupby(frame["fold"]).mean()
    return ("accuracy", 100 * (1 - means)) if predicts_age_groups(frame) else ("mae", means)


def _titled(title: str, on: str) -> str:
    """The title, and in a line of its own what the runs are tested on."""
    return f"{title}\n{textwrap.shorten(on, _TITLE_LETTERS, placeholder=' ...')}" if on else title


def _whose(binned: Mapping[str, pd.DataFrame]) -> str:
    """Whose photos are counted under the bins, said when the runs differ in them."""
    counts = {tuple(zip(table["first"], table["photos"])) for table in binned.values()}
    return "" if len(counts) == 1 else " (first run)"


def _bin_labels(table: pd.DataFrame, firsts: np.ndarray, edges: Sequence[float]) -> list[str]:
    photos = dict(zip(table["first"], table["photos"]))
    before = dict(zip(edges, list(edges)[1:]))
    return [f"{first:g}-{before[first] - 1:g}\n{photos.get(first, 0):,}" for first in firsts]


def _within_five(shares: np.ndarray) -> str:
    return f"{100 * shares[LIMITS == 5][0]:.1f} %"


def _curve(frame: pd.DataFrame) -> np.ndarray:
    return np.array([cumulative_score(frame["age"], frame["predicted"], within=limit) for limit in LIMITS])


def _subtitle(values: Mapping[str, pd.Series]) -> str:
    counts = sorted({len(table) for table in values.values()})
    folds = f"{counts[0]} folds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} folds"
    return f"Box: middle half of {folds}, and median; whiskers: 1.5 box lengths; circles: folds beyond"


def _key(earlier: Mapping[str, float], published: Mapping[str, float], runs: Mapping[str, pd.DataFrame]) -> list[list[Line2D]]:
    marks = [Line2D([], [], color=BLACK, marker="D", markersize=4.5, linewidth=0, label="mean of the folds")]
    if set(published) & set(runs):
        marks.append(
            Line2D([], [], color=VERMILION, marker="X", markeredgecolor="white", markersize=8.5, linewidth=0, label="the paper's mean")
        )
    lines = [
        Line2D([], [], color=colour, linestyle=dashes, linewidth=1.5, label=f"{_short(label)}: {value:.2f}")
        for (label, value), colour, dashes in zip(earlier.items(), _LINES, DASHES[1:])
    ]
    return [marks, lines] if lines else [marks]


def _short(label: str, most: int = 46) -> str:
    """A long name cut at the last blank that fits; a citation at its end stays."""
    words, _, citation = label.rpartition(" ") if label.endswith("]") else (label, "", "")
    if len(words) > most:
        words = words[:most].rpartition(" ")[0] + " ..."
    return f"{words} {citation}".rstrip()


def _table(values: Mapping[str, pd.Series], earlier: Mapping[str, float], published: Mapping[str, float]) -> pd.DataFrame:
    rows: list[tuple[str, str, object, float]] = []
    for label, table in values.items():
        rows += [("fold", label, fold, value) for fold, value in table.items()]
        rows += [("mean", label, "", table.mean())]
        rows += [("published", label, "", published[label])] if label in published else []
    rows += [("earlier result", label, "", value) for label, value in earlier.items()]
    return pd.DataFrame(rows, columns=["kind", "name", "fold", "value"])
