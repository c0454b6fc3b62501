"""A grid search as a table and a heat map."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from matplotlib import colormaps
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from rich import box
from rich.console import Console
from rich.table import Table

from agerepro.config.learning import Optimizer
from agerepro.config.loading import to_dict
from agerepro.errors import CheckFailed
from agerepro.io import write_text
from agerepro.report.figures.style import VERMILION, Caption, figure, save
from agerepro.report.write import noting_unsaved

DIVERGED = "diverged"
_DARK = 0.45  # shades above it take white text


@dataclass(frozen=True)
class Choice:
    """The cell with the least mean validation loss."""

    learning_rate: float
    batch: int
    validation_loss: float

    def as_settings(self, stage: str, optimizer: Optimizer) -> list[str]:
        """What `agerepro run --set` takes, for the optimizer that was searched."""
        ((name, chosen),) = to_dict(replace(optimizer, learning_rate=self.learning_rate)).items()
        settings = {name: {field.name: chosen[field.name] for field in fields(optimizer) if chosen[field.name] != field.default}}
        return [
            f"stages.{stage}.batch_size={self.batch}",
            f"stages.{stage}.optimizer={yaml.safe_dump(settings, default_flow_style=True, width=math.inf).strip()}",
        ]


def mean_losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean validation loss over folds: learning rates (falling) down, batch sizes across; infinite where one fold diverged."""
    grid = rows.groupby(["learning_rate", "batch"])["validation_loss"].mean().unstack("batch")
    return grid.sort_index(ascending=False)


def choose_cell(rows: pd.DataFrame) -> Choice:
    """The best cell; of equals the smaller rate, then the smaller batch. CheckFailed when every cell diverged."""
    means = rows.groupby(["learning_rate", "batch"], as_index=False)["validation_loss"].mean()
    cells = means[["validation_loss", "learning_rate", "batch"]].itertuples(index=False, name=None)
    loss, rate, batch = min(cells)
    if not math.isfinite(loss):
        raise CheckFailed("Every cell of the grid diverged. Try lower learning rates.")
    return Choice(float(rate), int(batch), float(loss))


def write_grid(rows: pd.DataFrame, folder: Path, caption: Caption, *, note: Callable[[str], object]) -> str:
    """Write grid.csv (one row a cell and fold), grid.txt and the heat map into `folder`; returns the text.

    Where a file cannot be written, `note` is given one sentence about it.
    """
    means = mean_losses(rows)
    text = _text(means, caption, folds=int(rows["fold"].nunique()))
    with noting_unsaved(folder, note):
        write_text(folder / "grid.csv", rows.to_csv(index=False, lineterminator="\n"))
        write_text(folder / "grid.txt", text)
        plot_grid(means, caption, folder)
    return text


def plot_grid(means: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "heat-map") -> list[Path]:
    """Plot a table of losses (learning rates down, batch sizes across; infinite: diverged) as a heat map with its numbers."""
    losses = means.to_numpy(float)
    finite = losses[np.isfinite(losses)]
    norm = PowerNorm(0.4, float(finite.min()), float(finite.max())) if len(finite) else PowerNorm(0.4, 0, 1)
    cells = np.ma.masked_invalid(losses)
    shades = np.ma.filled(norm(cells), 0.0)
    subtitle = "Framed: the least, which the search chooses; grey: the loss became infinite or no number"
    with figure("Validation loss of the grid search", subtitle, caption, height=3.9) as (drawn, axes):
        picture = axes.imshow(cells, cmap=colormaps["viridis_r"].with_extremes(bad="#D8D8D8"), norm=norm, aspect="auto")
        best = np.unravel_index(np.argmin(np.where(np.isfinite(losses), losses, np.inf)), losses.shape)
        for (row, column), loss in np.ndenumerate(losses):
            text = f"{loss:.3f}" if np.isfinite(loss) else DIVERGED
            colour = "white" if shades[row, column] > _DARK else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=10)
        axes.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=3, clip_on=False))
        axes.set_xticks(range(means.shape[1]), [str(batch) for batch in means.columns])
        axes.set_yticks(range(means.shape[0]), [f"{rate:g}" for rate in means.index])
        axes.set(xlabel="Batch size", ylabel="Learning rate")
        axes.grid(visible=False)
        drawn.colorbar(picture, ax=axes, label="Validation loss")
        return save(drawn, means.reset_index().melt("learning_rate", value_name="validation_loss"), folder, name)


def _text(means: pd.DataFrame, caption: Caption, *, folds: int) -> str:
    table = Table(box=box.SIMPLE_HEAD, title=caption.banner or None, title_justify="left")
    table.add_column("Learning rate", justify="right")
    for batch in means.columns:
        table.add_column(f"batch {batch}", justify="right")
    least = np.nanmin(means.to_numpy())
    for rate, losses in means.iterrows():
        table.add_row(f"{rate:g}", *(_cell(loss, loss == least) for loss in losses))
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    over = f", mean over {folds} folds (inner validation people)" if folds > 1 else ""
    return f"{out.getvalue().rstrip()}\n\nValidation loss after the first epoch{over}; * the least. {caption.text()}\n"


def _cell(loss: float, best: bool) -> str:
    return DIVERGED if not math.isfinite(loss) else f"{loss:.3f}{' *' if best else ''}"
