"""A grid search from native data sets to its losses; run again after any stop, it continues with the cells that are left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.errors import UserError, near
from agerepro.experiment.read import read_experiment
from agerepro.experiment.schema import Stage
from agerepro.runs.banner import banner
from agerepro.runs.folder import parse_folds
from agerepro.training.data import data_folders, drawn_sets, prepared_sets, refuse_missing
from agerepro.training.device import configure
from agerepro.training.grid import Grid, grid_folder, search
from agerepro.training.reporting import Reporter
from agerepro.training.stages import trained_up_to

MANY = 10_000  # folds: more than any protocol has; which of them exist is checked when they are divided


@dataclass(frozen=True)
class GridWish:
    """What the user asked for."""

    experiment: Path
    stage: str
    profile: str
    data: Path | None
    runs: Path
    weights: Path | None
    folds: str
    rates: tuple[float, ...]
    batches: tuple[int, ...]
    epochs: int
    jobs: int
    settings: tuple[str, ...]


@dataclass(frozen=True)
class GridDone:
    """Losses by cell and fold, where they lie, the stage, and the banner that its tables and pictures carry."""

    rows: pd.DataFrame
    folder: Path
    stage: Stage
    banner: str


def run_grid(wish: GridWish, reporter: Reporter) -> GridDone:
    """Train the stages before the wished one if need be, then every cell that has no result yet."""
    experiment = read_experiment(wish.experiment, profile=wish.profile, settings=wish.settings)
    by_name = {stage.name: stage for stage in experiment.stages}
    if wish.stage not in by_name:
        raise UserError(f"{wish.experiment} has no stage {wish.stage!r} in profile {wish.profile}.{near(wish.stage, by_name)}")
    stage = by_name[wish.stage]
    folders = data_folders(experiment, data=wish.data, runs=wish.runs, jobs=wish.jobs, reporter=reporter)
    refuse_missing(experiment, folders, weights_folder=wish.weights)
    configure(experiment.machine)
    sets = prepared_sets(experiment, folders, runs=wish.runs, reporter=reporter)
    task, start = trained_up_to(
        stage, experiment, sets, seed=experiment.seeds[0], runs=wish.runs, weights_folder=wish.weights, reporter=reporter
    )
    grid = Grid(wish.rates, wish.batches, wish.epochs, tuple(parse_folds(wish.folds, MANY)))
    folder = grid_folder(wish.runs, experiment, task, grid)
    rows = search(
        experiment,
        stage,
        sets[stage.data],
        start,
        grid,
        folder=folder,
        on_cell=lambda done, of: reporter.count("cells of the grid", done, of),
    )
    return GridDone(rows, folder, stage, banner(wish.profile, synthetic=bool(drawn_sets(folders))))
