"""Figure: the share of photos within every number of years of the true age."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.check import ages_only, check_one_run
from agerepro.evaluation.metrics import cumulative_score
from agerepro.report.figures.style import COLOURS, DASHES, GREY, Caption, figure, height_with, legend, save

LIMITS = np.arange(151) / 10
_MOST = len(COLOURS)


def draw_cumulative_score(
    runs: Mapping[str, pd.DataFrame], caption: Caption, folder: Path, *, guess: pd.DataFrame | None = None, name: str = "cumulative-score"
) -> list[Path]:
    """Draw the cumulative score of each run (label -> PREDICTIONS), over all photos and seeds.

    `guess` holds the predictions of the mean-age predictor, drawn in grey for scale. Raises UserError for no runs or too many.
    """
    if not 0 < len(runs) <= _MOST:
        raise UserError(f"A cumulative score figure holds 1 to {_MOST} runs, not {len(runs)}. Name fewer.")
    runs = {label: ages_only(check_one_run(predictions)) for label, predictions in runs.items()}
    curves = {label: _curve(frame) for label, frame in runs.items()}
    entries = len(runs) + (guess is not None)
    subtitle = "In the key: photos at most 5 years off"
    title = "Share of photos within so many years of the true age"
    with figure(title, subtitle, caption, *runs.values(), height=height_with(entries)) as (drawn, axes):
        for (label, shares), colour, dashes in zip(curves.items(), COLOURS, DASHES):
            axes.plot(LIMITS, 100 * shares, color=colour, linestyle=dashes, label=f"{label}: {_within_five(shares)}")
        if guess is not None:
            shares = curves["mean-age predictor"] = _curve(ages_only(check_one_run(guess)))
            axes.plot(LIMITS, 100 * shares, color=GREY, linewidth=1.2, label=f"mean-age predictor: {_within_five(shares)}")
        axes.axvline(5, color=GREY, linewidth=0.8, zorder=1)
        axes.annotate("CS(5)", (5, 3), xytext=(3, 0), textcoords="offset points", fontsize=9, color=GREY)
        axes.set(xlim=(0, LIMITS[-1]), ylim=(0, 102), xticks=range(0, 16), xlabel="Error at most (years)", ylabel="Photos (%)")
        legend(axes, "lower right", entries=entries, below=42)
        wide = pd.DataFrame({"within_years": LIMITS, **curves})
        return save(drawn, wide.melt(id_vars="within_years", var_name="run", value_name="share"), folder, name)


def _within_five(shares: np.ndarray) -> str:
    return f"{100 * shares[LIMITS == 5][0]:.1f} %"


def _curve(frame: pd.DataFrame) -> np.ndarray:
    return np.array([cumulative_score(frame["age"], frame["predicted"], within=limit) for limit in LIMITS])
