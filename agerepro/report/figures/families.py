"""The figure of what the searches of a regression chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.report.figures.style import BLUE, GREY, Caption, figure, save

_ROOM = 0.32  # inches of a family
_LEAST = 1.1


def plot_families(
    families: pd.DataFrame, engine: str, predictions: pd.DataFrame, caption: Caption, folder: Path, *, name: str
) -> list[Path]:
    """Plot the mean weight of each family [report.families.FAMILIES] as bars, the heaviest on top, each with the folds that it is in."""
    places = np.arange(len(families))[::-1]
    subtitle = "Beside the bars: folds in whose ensemble it is"
    height = _LEAST + _ROOM * len(families)
    with figure(f"What {engine} chose", subtitle, caption, predictions, height=height) as (drawn, axes):
        axes.barh(places, families["mean_weight"], height=0.62, color=BLUE)
        for place, weight, folds, of in zip(places, families["mean_weight"], families["folds"], families["of"]):
            axes.annotate(
                f"{folds} of {of}",
                (weight, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=GREY,
            )
        axes.set_yticks(places, [str(family).replace("_", " ") for family in families["family"]])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        most = families["mean_weight"].max()
        axes.set(xlabel="Weight in a fold's ensemble, mean over folds", xlim=(0, 1.14 * most), ylim=(-0.6, len(families) - 0.4))
        return save(drawn, families, folder, name)
