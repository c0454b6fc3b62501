"""Figure: how many photos of each true age were given each age, as a heat map [koenig2019, Figure 13]."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from agerepro.errors import UserError
from agerepro.evaluation.check import ages_only, check_one_run
from agerepro.report.figures.style import BLACK, BLUE, Caption, figure, save

_SHADES = LinearSegmentedColormap.from_list("photos", ["#DCECF7", BLUE])
_DARK = 0.7  # shades above it take white text
_MOST_NUMBERED = 20  # bins; with more, numbers in the cells would be too small to read


def draw_age_confusion(
    predictions: pd.DataFrame, caption: Caption, folder: Path, *, years: int = 5, name: str = "age-confusion"
) -> list[Path]:
    """Draw one run's PREDICTIONS (all seeds) in bins of so many `years` of true age (upwards) and predicted age (across).

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
        shown = axes.pcolormesh(
            np.arange(ends[0], ends[1] + years, years),
            np.arange(ends[0], ends[1] + years, years),
            np.ma.masked_equal(counts, 0),
            cmap=_SHADES,
            norm=norm,
            edgecolors="white",
            linewidth=0.3,
        )
        for low in range(ends[0], ends[1], years):
            axes.add_patch(Rectangle((low, low), years, years, fill=False, edgecolor=BLACK, linewidth=1.2))
        if size <= _MOST_NUMBERED:
            for (row, column), count in np.ndenumerate(counts):
                if count:
                    dark = shades[row, column] > _DARK
                    middle = ends[0] + years * (column + 0.5), ends[0] + years * (row + 0.5)
                    axes.text(*middle, f"{count:.0f}", ha="center", va="center", fontsize=7.5, color="white" if dark else BLACK)
        axes.set(aspect="equal", xlim=ends, ylim=ends, xlabel="Predicted age (years)", ylabel="True age (years)")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        bar = drawn.colorbar(shown, ax=axes, label="Photos (logarithmic)", shrink=0.75)
        bar.minorticks_off()
        bar.set_ticks([tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if tick <= max(2, counts.max())])
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        return save(drawn, table, folder, name)


def binned(frame: pd.DataFrame, *, years: int) -> pd.DataFrame:
    """Cells that hold photos: `age` and `predicted` (the first year of the bin) and `photos`, in rising order."""
    lower = {column: np.floor(frame[column].to_numpy() / years).astype(int) * years for column in ("age", "predicted")}
    return pd.DataFrame(lower).groupby(["age", "predicted"]).size().rename("photos").reset_index()
