"""Figures of distributions: ages and groups of data, predicted beside true, confusion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from agerepro.errors import UserError
from agerepro.evaluation.predictions import ages_only, check_one_run, groups_only
from agerepro.evaluation.scores import counts_of
from agerepro.report.figures.style import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    VERMILION,
    Caption,
    dot_each_photo,
    figure,
    save,
    solid_legend,
)
from agerepro.tables import AGES, coerce

_AGE_SHADES = LinearSegmentedColormap.from_list("photos", ["#DCECF7", BLUE])
_GROUP_SHADES = LinearSegmentedColormap.from_list("share", ["white", BLUE])
_AGE_DARK, _GROUP_DARK = 0.7, 0.85  # shades above it take white text
_MOST_NUMBERED = 20  # bins; with more, numbers in the cells would be too small to read


def plot_age_histogram(data: str, ages: pd.Series, caption: Caption, folder: Path, *, what: str = "age", name: str = "ages") -> list[Path]:
    """Plot a bar a year of age over the photos' ages (years, (n,)), with their median and mean; `what` names them: `apparent age`.

    An age in decimals counts for its last full year, whose bar then reaches from that year to the next.
    Raises UserError when no age is known.
    """
    known = ages.dropna().to_numpy(float)
    if not len(known):
        raise UserError(f"No photo of {data} has an age: there is nothing to count.")
    years = np.floor(known).astype(int)
    span = np.arange(years.min(), years.max() + 1)
    counts = np.bincount(years - span[0], minlength=len(span))
    subtitle = f"{len(known):,} photos; {int((counts > 0).sum())} different ages from {span[0]} to {span[-1]} years"
    with figure(f"{what.capitalize()}s in {data}", subtitle, caption, height=3.5) as (drawn, axes):
        whole = bool(np.all(known == years))
        axes.bar(span + (0 if whole else 0.5), counts, width=0.86, color=BLUE)
        axes.axvline(float(np.median(known)), color=VERMILION, linestyle="--", label=f"median: {np.median(known):.1f} years")
        axes.axvline(known.mean(), color=BLACK, linestyle=":", label=f"mean: {known.mean():.1f} years")
        axes.set(xlabel=f"{what.capitalize()} (years)", ylabel="Photos", xlim=(span[0] - 1, span[-1] + 2))
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper right" if np.median(known) < (span[0] + span[-1]) / 2 else "upper left")
        return save(drawn, pd.DataFrame({"age": span, "photos": counts}), folder, name)


def plot_two_ages(
    data: str, real: pd.Series, apparent: pd.Series, caption: Caption, folder: Path, *, name: str = "real-and-apparent-age"
) -> list[Path]:
    """Plot the apparent against the real age of every photo (both years, (n,), by photo), with the line on which they agree.

    Raises UserError where no photo has both.
    """
    both = pd.DataFrame({"age": real, "apparent_age": apparent}).dropna().rename_axis("photo")
    if both.empty:
        raise UserError(f"No photo of {data} has both a real and an apparent age: there is nothing to compare.")
    apart = (both["apparent_age"] - both["age"]).abs()
    subtitle = f"{len(both):,} photos; {apart.mean():.2f} years apart on average, {apart.max():.1f} at most"
    with figure(f"Real and apparent age in {data}", subtitle, caption, height=5.6) as (drawn, axes):
        ends = np.array([min(0, both.to_numpy().min()) - 2, both.to_numpy().max() + 2])
        axes.plot(ends, ends, color=BLACK, linewidth=1, label="real = apparent", zorder=3)
        dot_each_photo(axes, both["age"], both["apparent_age"], size=11, zorder=2)
        axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="Real age (years)", ylabel="Apparent age (years)")
        solid_legend(axes)
        return save(drawn, both.reset_index(), folder, name)


def plot_group_counts(
    data: str, groups: pd.Series, labels: Sequence[str], caption: Caption, folder: Path, *, name: str = "groups"
) -> list[Path]:
    """Plot a bar a group with its photos and their share; groups: (n,) label of each photo; labels: all in rising order.

    Raises UserError for a photo in none of the labels.
    """
    outside = sorted(set(groups) - set(labels))
    if outside or groups.empty:
        problem = f"Photos are in groups {', '.join(map(repr, outside))}, which" if outside else "There are no photos, and groups"
        raise UserError(f"{problem} are none of {', '.join(labels)}. Give the run's own labels.")
    counts = groups.value_counts().reindex(list(labels), fill_value=0)
    shares = counts / counts.sum()
    with figure(f"Photos of {data} by age group", f"{len(groups):,} photos", caption, height=3.5) as (drawn, axes):
        bars = axes.bar(range(len(labels)), counts, width=0.78, color=BLUE)
        texts = [f"{count:,}\n{100 * share:.1f} %" for count, share in zip(counts, shares)]
        axes.bar_label(bars, texts, padding=2, fontsize=8.5)
        axes.set_xticks(range(len(labels)), list(labels))
        axes.set(xlabel="Age group (years)", ylabel="Photos")
        axes.set_ylim(0, 1.16 * counts.max())
        axes.grid(visible=False)
        axes.tick_params(axis="x", length=0)
        return save(drawn, pd.DataFrame({"group": list(labels), "photos": counts.to_numpy(), "share": shares.to_numpy()}), folder, name)


def plot_age_distributions(ages: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "age-distributions") -> list[Path]:
    """Plot the cumulative distribution of every data set in an AGES table, in its order.

    Raises UserError for no data set with ages, or more than can be told apart.
    """
    counted = coerce(ages, AGES)
    names = list(dict.fromkeys(counted["data"]))
    if not 0 < len(names) <= len(COLOURS):
        raise UserError(f"A figure of age distributions holds 1 to {len(COLOURS)} data sets, not {len(names)}.")
    with figure("Ages of the photos, as used", "Share of photos up to each age", caption, height=4.0) as (drawn, axes):
        tables = []
        for label, colour, dashes, marker in zip(names, COLOURS, DASHES, MARKERS):
            table = cumulative(counted[counted["data"] == label])
            tables.append(table)
            median = table.loc[table["share"] >= 0.5, "age"].iloc[0]
            axes.step(
                table["age"],
                100 * table["share"],
                where="post",
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4.5,
                markevery=max(1, len(table) // 9),
                label=f"{label}: {table['photos'].sum():,} photos, median {median:g} years",
            )
        axes.axhline(50, color=GREY, linewidth=0.8, zorder=1)
        axes.set(ylim=(0, 102), xlabel="Age (years)", ylabel="Photos up to this age (%)")
        axes.set_xlim(left=min(0, axes.get_xlim()[0]))
        axes.legend(loc="lower right", handlelength=3)
        return save(drawn, pd.concat(tables, ignore_index=True), folder, name)


def cumulative(counted: pd.DataFrame) -> pd.DataFrame:
    """The rows of one data set by rising age, with `share`: of its photos up to and with that age."""
    table = counted.sort_values("age", ignore_index=True)
    return table.assign(share=table["photos"].cumsum() / table["photos"].sum())


def plot_age_confusion(
    predictions: pd.DataFrame, caption: Caption, folder: Path, *, years: int = 5, name: str = "age-confusion"
) -> list[Path]:
    """Plot one run's PREDICTIONS (all seeds) in bins of so many `years` of true age (upwards) and predicted age (across).

    Bins are `[0, years)`, `[years, 2 years)` and so on. Raises UserError for bins of less than a year, and for a run of groups.
    """
    if years < 1:
        raise UserError(f"Bins of {years} years cannot be drawn. Give 1 or more.")
    frame = ages_only(check_one_run(predictions))
    table = binned(frame, years=years)
    ends = int(min(table["age"].min(), table["predicted"].min())), int(max(table["age"].max(), table["predicted"].max())) + years
    size = (ends[1] - ends[0]) // years
    counts = np.zeros((size, size))
    counts[(table["age"] - ends[0]) // years, (table["predicted"] - ends[0]) // years] = table["photos"]
    inside = np.trace(counts) / counts.sum()
    subtitle = f"Bins of {years} year{'s' if years > 1 else ''}; {100 * inside:.0f} % of all photos in the framed bins of their own age"
    with figure("Predicted age against true age, counted", subtitle, caption, frame, height=5.2) as (drawn, axes):
        norm = LogNorm(1, max(2.0, float(counts.max())))
        shades = np.ma.filled(norm(np.ma.masked_equal(counts, 0)), 0.0)
        mesh = axes.pcolormesh(
            np.arange(ends[0], ends[1] + years, years),
            np.arange(ends[0], ends[1] + years, years),
            np.ma.masked_equal(counts, 0),
            cmap=_AGE_SHADES,
            norm=norm,
            edgecolors="white",
            linewidth=0.3,
        )
        for low in range(ends[0], ends[1], years):
            axes.add_patch(Rectangle((low, low), years, years, fill=False, edgecolor=BLACK, linewidth=1.2))
        if size <= _MOST_NUMBERED:
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    dark = shades[row, column] > _AGE_DARK
                    middle = ends[0] + years * (column + 0.5), ends[0] + years * (row + 0.5)
                    axes.text(*middle, f"{count:.0f}", ha="center", va="center", fontsize=7.5, color="white" if dark else BLACK)
        axes.set(aspect="equal", xlim=ends, ylim=ends, xlabel="Predicted age (years)", ylabel="True age (years)")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        bar = drawn.colorbar(mesh, ax=axes, label="Photos (logarithmic)", shrink=0.75)
        bar.minorticks_off()
        bar.set_ticks([tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if tick <= max(2, counts.max())])
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        return save(drawn, table, folder, name)


def binned(frame: pd.DataFrame, *, years: int) -> pd.DataFrame:
    """Cells that hold photos: `age` and `predicted` (the first year of the bin) and `photos`, in rising order."""
    lower = {column: np.floor(frame[column].to_numpy() / years).astype(int) * years for column in ("age", "predicted")}
    return pd.DataFrame(lower).groupby(["age", "predicted"]).size().rename("photos").reset_index()


def plot_confusion(
    predictions: pd.DataFrame, labels: Sequence[str], caption: Caption, folder: Path, *, name: str = "confusion"
) -> list[Path]:
    """Plot one run's PREDICTIONS of groups: counts of photos (all seeds), shaded by their share of the true group's row.

    labels: all groups in rising order. Raises UserError for a run that predicts ages.
    """
    frame = groups_only(check_one_run(predictions))
    counts = counts_of(frame, labels)
    shares = np.divide(counts, counts.sum(axis=1, keepdims=True), out=np.zeros(counts.shape), where=counts.sum(axis=1, keepdims=True) > 0)
    right = np.trace(counts) / counts.sum()
    subtitle = f"{100 * right:.2f} % of all photos in their right group. Shade: share of the true group"
    with figure("Predicted age group against true age group", subtitle, caption, frame, height=1.6 + 0.55 * max(len(labels), 5)) as (
        drawn,
        axes,
    ):
        axes.imshow(shares, cmap=_GROUP_SHADES, vmin=0, vmax=1, aspect="auto")
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > _GROUP_DARK else BLACK
            size = 9 if len(labels) > 5 else 10
            axes.text(
                column,
                row,
                f"{count:,}\n{100 * shares[row, column]:.0f} %",
                ha="center",
                va="center",
                color=colour,
                fontsize=size,
            )
        axes.set_xticks(range(len(labels)), list(labels))
        axes.set_yticks(range(len(labels)), list(labels))
        axes.set(xlabel="Predicted age group (years)", ylabel="True age group (years)")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        cells = [(true, predicted, counts[i, j], shares[i, j]) for i, true in enumerate(labels) for j, predicted in enumerate(labels)]
        return save(drawn, pd.DataFrame(cells, columns=["group", "predicted_group", "photos", "share_of_group"]), folder, name)
