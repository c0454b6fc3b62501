"""Sweeps of settings as a table and a figure of error and cumulative score against the value [pan2018, Figure 3]."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from agerepro.io import config_hash, write_text
from agerepro.report.figures.style import BLUE, GREY, VERMILION, Caption, panels, save
from agerepro.report.loading import LoadedRun
from agerepro.report.results import caption_of, score_run
from agerepro.report.run_result import RunResult
from agerepro.report.tables import NOTHING, PrintedTable, as_text, interval_text, number_text
from agerepro.report.write import noting_unsaved
from agerepro.runs.layout import Run, disclaimer, folds_text, shortfalls
from agerepro.runs.plan import RunOptions
from agerepro.runs.sweep import Sweep

METRICS = {"mae": ("MAE", "years", 1.0), "cs_5": ("CS(5)", "share", 100.0)}  # heading, unit of the tables, what the figure multiplies by
COLUMNS = ("setting", "value", "own", *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")), "photos", "folds", "run")
_AXES = {"mae": "MAE (years)", "cs_5": "CS(5) (%)"}
_HEIGHT = 2.2  # inches of a setting's two panels
_NOTES = (
    "Each setting is swept alone, all others as the experiment has them. Scores are pooled over the tested photos, with 95 % intervals "
    "over people (bootstrap).",
    "To choose a value by this table would be to choose by the photos that are tested.",
)


def write_sweep(
    sweeps: Sequence[Sweep], runs: Mapping[RunOptions, LoadedRun], folder: Path, *, note: Callable[[str], object]
) -> tuple[str, pd.DataFrame]:
    """Write sweep.csv, sweep.txt and the figure of the runs, those that are done, into `folder`; returns the text and the table [COLUMNS].

    Where a file cannot be written, `note` is given one sentence about it.
    """
    table = sweep_table(sweeps, runs)
    caption = caption_of([_under_no_value(run, sweeps) for run in runs.values()])
    text = as_text([sweep_page(sweeps, table, caption.banner)])
    with noting_unsaved(folder, note):
        write_text(folder / "sweep.csv", table.to_csv(index=False, lineterminator="\n"))
        write_text(folder / "sweep.txt", text)
        plot_sweep(table, caption, folder / "figures")
    return text, table


def sweep_folder(sweeps: Sequence[Sweep], runs: Sequence[Run]) -> Path:
    """Where the results of these sweeps lie: beside their runs, named by what is swept and by the runs."""
    digest = config_hash([[[sweep.key, *sweep.values] for sweep in sweeps], [run.folder.name for run in runs]])
    return runs[0].folder.parents[1] / f"sweep-{runs[0].experiment}-{runs[0].profile}-{digest[:8]}"


def sweep_table(sweeps: Sequence[Sweep], runs: Mapping[RunOptions, LoadedRun]) -> pd.DataFrame:
    """A row a setting and value, COLUMNS: errors in years, shares, both with the ends of their interval; NaN where the run is not done.

    own: whether it is the experiment's own value; run: the run's folder.
    """
    scored = {option: _scores(run) for option, run in runs.items()}
    rows = [
        {"setting": sweep.key, "value": value, "own": value == sweep.own, **scored.get(option, {})}
        for sweep in sweeps
        for value, option in zip(sweep.values, sweep.options)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def sweep_page(sweeps: Sequence[Sweep], table: pd.DataFrame, banner: str) -> PrintedTable:
    """The table in words; the experiment's own value has a star."""
    headings = ["Setting", "Value"]
    for heading, unit, _ in METRICS.values():
        headings += [f"{heading}, {unit}" if unit == "years" else heading, "95 % interval"]
    rows, previous = [], None
    for row in table.to_dict("records"):
        cells = [row["setting"] if row["setting"] != previous else "", f"{row['value']} *" if row["own"] else f"{row['value']}  "]
        for metric, (_, unit, _) in METRICS.items():
            cells += [number_text(row[metric], unit), interval_text(row[f"{metric}_low"], row[f"{metric}_high"], unit)]
        rows.append((*cells, row["folds"] if isinstance(row["folds"], str) else NOTHING))
        previous = row["setting"]
    others = [sweep.key for sweep in sweeps if sweep.own is None]
    notes = ["*: the experiment's own value."] if len(others) < len(sweeps) else []
    notes += [f"Of {key} the experiment has a value that is not among these." for key in others]
    return PrintedTable("Sweep", banner, (*headings, "Folds"), (1, 2, 3, 4, 5), tuple(rows), (*notes, *_NOTES))


def plot_sweep(table: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "sweep") -> list[Path]:
    """Plot the table of `sweep_table`: a line of panels a setting, error on the left and cumulative score on the right, with intervals.

    Values that are numbers stand at their place, others side by side; the experiment's own is marked; what is not done is left out.
    """
    done = table.loc[table["mae"].notna()]
    settings = list(dict.fromkeys(table["setting"]))
    marks = [Line2D([], [], color=BLUE, marker="o", label="run, and 95 % interval over people")]
    if done["own"].any():
        marks.append(Line2D([], [], color=VERMILION, marker="D", markersize=7, linewidth=0, label="the experiment's own value"))
    subtitle = "Each setting alone, all others as the experiment has them; over all tested photos"
    shape = (len(settings), len(METRICS))
    key = [[mark] for mark in marks]
    with panels("Sweeps of settings", subtitle, caption, height=_HEIGHT * len(settings), shape=shape, key=key) as (drawn, axes):
        for line, setting in zip(axes, settings):
            rows = done.loc[done["setting"] == setting]
            for place, metric in zip(line, METRICS):
                _plot(place, rows, metric)
                place.set_xlabel(setting, fontsize=9.5)
        return save(drawn, table, folder, name)


def _plot(axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    times = METRICS[metric][2]
    places = _places(list(rows["value"]))
    order = np.argsort(places)
    values, low, high = (times * rows[f"{metric}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    reach = np.nan_to_num(np.abs(np.stack([values - low, high - values])))  # no interval for a few people
    axes.plot(places[order], values[order], color=BLUE, linewidth=1.4)
    axes.errorbar(places, values, yerr=reach, color=BLUE, marker="o", markersize=4.5, linewidth=0, elinewidth=1.1, capsize=2.5)
    own = rows["own"].to_numpy(bool)
    axes.plot(places[own], values[own], "D", color=VERMILION, markersize=7, zorder=4)
    for place in places[own]:
        axes.axvline(place, color=GREY, linewidth=0.8, linestyle=":", zorder=1)
    axes.set_xticks(places, list(rows["value"]))
    axes.tick_params(labelsize=8.5)
    axes.set_ylabel(_AXES[metric], fontsize=9)
    axes.margins(x=0.08, y=0.12)


def _places(values: list[str]) -> np.ndarray:
    """Where values stand along the axis: numbers at their own place."""
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return np.arange(len(values), dtype=float)


def _scores(run: LoadedRun) -> dict[str, object]:
    table = score_run(run.result).scores
    pooled = table.loc[(table["aggregation"] == "pooled") & (table["fold"] == "all")].set_index("metric")
    cells: dict[str, object] = {}
    for metric in METRICS:
        cells |= {f"{metric}{end}": pooled.loc[metric, name] for end, name in (("", "value"), ("_low", "low"), ("_high", "high"))}
    folds = folds_text(run.result.folds_done, run.result.folds_total)
    return {**cells, "photos": run.result.predictions["photo"].nunique(), "folds": folds, "run": str(run.run.folder)}


def _under_no_value(run: LoadedRun, sweeps: Sequence[Sweep]) -> RunResult:
    """The run's result with a banner that does not name what is swept, as the figure does."""
    keys = {sweep.key for sweep in sweeps}
    banner = disclaimer(
        run.result.profile,
        synthetic=bool(run.provenance["synthetic"]),
        changed=[change for change in run.result.changed if change.partition("=")[0] not in keys],
        partial_copies=shortfalls(run.provenance["data"], synthetic=run.provenance["synthetic"]),
    )
    return replace(run.result, banner=banner)
