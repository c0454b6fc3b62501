"""A grid search of one stage, from native data sets to the losses of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.config.learning import GRID_BATCHES, GRID_RATES
from agerepro.config.schema import Stage
from agerepro.errors import UserError, suggest
from agerepro.runs.data import drawn_sets, facts_of, prepare_set
from agerepro.runs.layout import disclaimer, parse_folds, shortfalls
from agerepro.runs.local import task_of, train
from agerepro.runs.plan import RunOptions, make_plan
from agerepro.runs.preflight import check_before_start
from agerepro.training.device import configure
from agerepro.training.grid import Grid, grid_folder, search
from agerepro.training.reporting import Reporter


@dataclass(frozen=True)
class GridOptions(RunOptions):
    """A grid search of one stage: what is tried, and on which folds where the stage has a protocol."""

    stage: str = ""
    rates: tuple[float, ...] = GRID_RATES
    batches: tuple[int, ...] = GRID_BATCHES
    epochs: int = 1


@dataclass(frozen=True)
class GridResult:
    """Losses by cell and fold, where they lie, the stage, and the banner that its tables and pictures carry."""

    rows: pd.DataFrame
    folder: Path
    stage: Stage
    banner: str


def run_grid(options: GridOptions, reporter: Reporter) -> GridResult:
    """Train the stages that the searched one starts from if need be, then every cell that has no result yet. Raises UserError."""
    (plan,) = check_before_start([options])
    experiment = plan.experiment
    by_name = {stage.name: stage for stage in experiment.stages}
    if options.stage not in by_name:
        where = f"{options.experiment} has no stage {options.stage!r} in profile {options.profile}."
        raise UserError(where + suggest(options.stage, by_name))
    stage = by_name[options.stage]
    if not isinstance(stage, Stage):
        raise UserError(f"Stage {stage.name!r} is a regression: it has no learning rate and no batch size to search for.")
    configure(experiment.machine)
    for name, faces in plan.prepared.items():
        if not faces.is_current():
            prepare_set(plan, name, reporter)
    plan = make_plan(options, experiment)
    seed = experiment.seeds[0]
    for earlier in plan.experiment.earlier(stage):
        train(plan, earlier, seed, reporter)
    task, start = task_of(plan, stage, seed)
    grid = Grid(options.rates, options.batches, options.epochs, tuple(parse_folds(options.folds or "0", None)))
    folder = grid_folder(options.runs, experiment, task, grid)
    rows = search(
        experiment,
        stage,
        task.data,
        start,
        grid,
        folder=folder,
        on_cell=lambda done, total: reporter.count("cells of the grid", done, total),
    )
    drawn = drawn_sets(plan)
    lacking = shortfalls(facts_of(plan), synthetic=drawn)
    return GridResult(rows, folder, stage, disclaimer(options.profile, synthetic=bool(drawn), partial_copies=lacking))
