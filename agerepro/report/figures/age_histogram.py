"""Figure: how many photos of a data set show each age."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.report.figures.style import BLACK, BLUE, VERMILION, Caption, figure, save


def draw_age_histogram(data: str, ages: pd.Series, caption: Caption, folder: Path, *, name: str = "ages") -> list[Path]:
    """Draw a bar a year of age over the photos' ages (years, (n,)), with their median and mean.

    An age in decimals counts for its last full year, whose bar then reaches from that year to the next.
    Raises UserError when no age is known.
    """
    known = ages.dropna().to_numpy(float)
    if not len(known):
        raise UserError(f"No photo of {data} has an age: there is nothing to count.")
    years = np.floor(known).astype(int)
    every = np.arange(years.min(), years.max() + 1)
    counts = np.bincount(years - every[0], minlength=len(every))
    subtitle = f"{len(known):,} photos; {int((counts > 0).sum())} different ages from {every[0]} to {every[-1]} years"
    with figure(f"Ages in {data}", subtitle, caption, height=3.5) as (drawn, axes):
        whole = bool(np.all(known == years))
        axes.bar(every + (0 if whole else 0.5), counts, width=0.86, color=BLUE)
        axes.axvline(float(np.median(known)), color=VERMILION, linestyle="--", label=f"median: {np.median(known):.1f} years")
        axes.axvline(known.mean(), color=BLACK, linestyle=":", label=f"mean: {known.mean():.1f} years")
        axes.set(xlabel="Age (years)", ylabel="Photos", xlim=(every[0] - 1, every[-1] + 2))
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper right" if np.median(known) < (every[0] + every[-1]) / 2 else "upper left")
        return save(drawn, pd.DataFrame({"age": every, "photos": counts}), folder, name)
