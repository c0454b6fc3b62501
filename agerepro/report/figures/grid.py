"""Figure: validation loss of a grid search, learning rate by batch size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from agerepro.report.figures.style import VERMILION, Caption, figure, save


def draw_grid(means: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "heat-map") -> list[Path]:
    """Draw a table of losses (learning rates down, batch sizes across; infinite: diverged) as a heat map with its numbers."""
    losses = means.to_numpy(float)
    shown = np.ma.masked_invalid(losses)
    finite = losses[np.isfinite(losses)]
    norm = PowerNorm(0.4, float(finite.min()), float(finite.max())) if len(finite) else PowerNorm(0.4, 0, 1)
    shades = np.ma.filled(norm(shown), 0.0)
    subtitle = "Framed: the least, which the search chooses; grey: the loss became infinite or no number"
    with figure("Validation loss of the grid search", subtitle, caption, height=3.9) as (drawn, axes):
        colours = axes.imshow(
            shown,
            cmap=colormaps["viridis_r"].with_extremes(bad="#D8D8D8"),
            norm=norm,
            aspect="auto",
        )
        best = np.unravel_index(np.argmin(np.where(np.isfinite(losses), losses, np.inf)), losses.shape)
        for (row, column), loss in np.ndenumerate(losses):
            text = f"{loss:.3f}" if np.isfinite(loss) else "diverged"
            dark = shades[row, column] > 0.45
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black", fontsize=10)
        axes.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=3, clip_on=False))
        axes.set_xticks(range(means.shape[1]), [str(batch) for batch in means.columns])
        axes.set_yticks(range(means.shape[0]), [f"{rate:g}" for rate in means.index])
        axes.set(xlabel="Batch size", ylabel="Learning rate")
        axes.grid(visible=False)
        drawn.colorbar(colours, ax=axes, label="Validation loss")
        return save(drawn, means.reset_index().melt("learning_rate", value_name="validation_loss"), folder, name)
