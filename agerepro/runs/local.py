"""Experiments and grid searches run here, from native data sets to tested folds; run again, they continue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from agerepro.config.loading import experiment_to_dict, read_experiment
from agerepro.config.schema import Experiment, Stage
from agerepro.errors import UserError, suggest
from agerepro.faces.prepare import FaceDataset
from agerepro.io import config_hash, write_json, write_text
from agerepro.runs.data import check_nothing_missing, data_folders, drawn_sets, prepared_sets
from agerepro.runs.layout import Run, disclaimer, parse_folds, run_folder
from agerepro.runs.provenance import provenance
from agerepro.splits.leakage import check_no_leakage
from agerepro.splits.protocols import make_folds
from agerepro.tables import AGES, FOLDS, PHOTOS, write_table
from agerepro.training.device import configure
from agerepro.training.grid import Grid, grid_folder, search
from agerepro.training.loop import Reporter, TensorBoard
from agerepro.training.stages import Init, TrainingTask, num_workers, train_prerequisites


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for."""

    experiment: Path
    profile: str
    data: Path | None
    runs: Path
    weights: Path | None
    folds: str | None
    jobs: int
    settings: tuple[str, ...]
    tensorboard: bool = False


@dataclass(frozen=True)
class RunContext:
    """A run whose shared stages are trained and whose folds are written: only folds are left to do."""

    experiment: Experiment
    run: Run
    tasks: dict[int, tuple[TrainingTask, Init]]  # by seed, the last stage
    folds: pd.DataFrame


def run_experiment(wish: RunOptions, reporter: Reporter) -> Run:
    """Do all that is not done yet of one experiment; returns its run folder."""
    experiment = read_experiment(wish.experiment, profile=wish.profile, settings=wish.settings)
    if wish.tensorboard:
        reporter = TensorBoard(wish.runs / "tensorboard" / f"{wish.experiment.stem}-{wish.profile}", reporter)
    folders = data_folders(experiment, data=wish.data, runs=wish.runs, jobs=wish.jobs, reporter=reporter)
    check_nothing_missing(experiment, folders, weights_folder=wish.weights)
    device = configure(experiment.machine)
    sets = prepared_sets(experiment, folders, runs=wish.runs, reporter=reporter)
    ready = _prepare_run(wish, experiment, folders, sets, device, reporter)
    wanted = parse_folds(wish.folds, int(ready.folds["fold"].nunique()))
    workers = [_worker(wish, ready.run, number) for number in range(1, min(wish.jobs, len(wanted)))]
    for seed in experiment.seeds:
        _do_folds(ready, seed, wanted, wish, reporter)
    _wait(workers, ready.run)
    return ready.run


def _prepare_run(
    wish: RunOptions,
    experiment: Experiment,
    folders: dict[str, Path],
    sets: dict[str, FaceDataset],
    device: dict[str, str],
    reporter: Reporter,
) -> RunContext:
    last = experiment.stages[-1]
    protocol = last.protocol
    if protocol is None:
        raise UserError(f"Stage {last.name!r} has no protocol to test it by.")
    target = sets[last.data]
    folds = make_folds(target.photos, protocol, seed=experiment.seeds[0])
    check_no_leakage(folds, target.photos)
    tasks = {
        seed: train_prerequisites(last, experiment, sets, seed=seed, runs=wish.runs, weights_folder=wish.weights, reporter=reporter)
        for seed in experiment.seeds
    }
    digest = config_hash([experiment_to_dict(experiment), *(task.settings for task, _ in tasks.values())])
    paper = experiment.reproduces.paper if experiment.reproduces else wish.experiment.resolve().parent.name
    run = run_folder(wish.runs, paper=paper, experiment=wish.experiment.stem, profile=wish.profile, digest=digest)
    if not (run.folder / "experiment.yaml").is_file():
        write_table(run.folder / "folds.csv", folds, FOLDS)
        write_table(run.folder / "photos.csv", target.photos.drop(columns="image"), PHOTOS)
        write_table(run.folder / "ages.csv", _ages(sets), AGES)
        write_json(
            run.folder / "provenance.json",
            provenance(
                command=sys.argv,
                device=device,
                data={name: {"digest": one.digest, "photos": len(one.photos), **one.funnel} for name, one in sets.items()},
                starts={str(seed): start.name for seed, (_, start) in tasks.items()},
                changed=list(wish.settings),
                synthetic=drawn_sets(folders),
            ),
        )
        write_text(run.folder / "experiment.yaml", yaml.safe_dump(experiment_to_dict(experiment), sort_keys=False, allow_unicode=True))
    return RunContext(experiment, run, tasks, folds)


def _ages(sets: dict[str, FaceDataset]) -> pd.DataFrame:
    """AGES of every data set of the run; a set without ages has no rows."""
    counts = [one.photos.groupby("age").size().rename("photos").reset_index().assign(data=name) for name, one in sets.items()]
    return pd.concat(counts, ignore_index=True)


def _do_folds(ready: RunContext, seed: int, wanted: list[int], wish: RunOptions, reporter: Reporter) -> None:
    from agerepro.training.folds import fold_runner

    task, start = ready.tasks[seed]
    seeds = ready.experiment.seeds
    finished = {fold for s, fold in ready.run.done(seeds) if s == seed}
    if finished.issuperset(wanted):
        reporter.say(f"{task.stage.name}: all {len(wanted)} folds are done already.")
        return
    run = ready.run
    runner = fold_runner(
        ready.experiment,
        task,
        start,
        ready.folds,
        run_folder=run.folder,
        folder_of=lambda fold: run.fold_folder(seed, fold, first_seed=seeds[0]),
        labels={"experiment": run.experiment, "profile": run.profile},
        runs=wish.runs,
        threads=num_workers(),
    )
    settled = set(finished)
    runner.run_all(
        wanted,
        on_fold=lambda fold, how: settled.add(fold),
        on_epoch=lambda fold, done: reporter.epoch(task.stage.name, done, fold=fold, folds_done=len(settled), folds=len(wanted)),
    )


def _worker(wish: RunOptions, run: Run, number: int) -> tuple[subprocess.Popen[bytes], Path]:
    log = run.folder / f"worker-{number}.log"
    options: list[str | Path] = ["--profile", wish.profile, "--runs", wish.runs, "--jobs", "1", "--folds-only"]
    for name, value in (("--data", wish.data), ("--weights", wish.weights), ("--folds", wish.folds)):
        options += [name, value] if value is not None else []
    options += ["--tensorboard"] if wish.tensorboard else []
    for setting in wish.settings:
        options += ["--set", setting]
    with log.open("ab") as file:
        command = [sys.executable, "-m", "agerepro", "run", wish.experiment, *options]
        return subprocess.Popen([str(part) for part in command], stdout=file, stderr=subprocess.STDOUT), log


def _wait(workers: Sequence[tuple[subprocess.Popen[bytes], Path]], run: Run) -> None:
    failed = [log for worker, log in workers if worker.wait() not in (0, 1)]
    if failed:
        tail = failed[0].read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        raise UserError(f"A helper process of {run.folder} failed; see {failed[0]}:\n" + "\n".join(tail) + "\nRun the same command again.")


MANY = 10_000  # folds: more than any protocol has; which of them exist is checked when they are divided


@dataclass(frozen=True)
class GridOptions:
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
class GridResult:
    """Losses by cell and fold, where they lie, the stage, and the banner that its tables and pictures carry."""

    rows: pd.DataFrame
    folder: Path
    stage: Stage
    banner: str


def run_grid(wish: GridOptions, reporter: Reporter) -> GridResult:
    """Train the stages before the wished one if need be, then every cell that has no result yet."""
    experiment = read_experiment(wish.experiment, profile=wish.profile, settings=wish.settings)
    by_name = {stage.name: stage for stage in experiment.stages}
    if wish.stage not in by_name:
        raise UserError(f"{wish.experiment} has no stage {wish.stage!r} in profile {wish.profile}.{suggest(wish.stage, by_name)}")
    stage = by_name[wish.stage]
    folders = data_folders(experiment, data=wish.data, runs=wish.runs, jobs=wish.jobs, reporter=reporter)
    check_nothing_missing(experiment, folders, weights_folder=wish.weights)
    configure(experiment.machine)
    sets = prepared_sets(experiment, folders, runs=wish.runs, reporter=reporter)
    task, start = train_prerequisites(
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
    return GridResult(rows, folder, stage, disclaimer(wish.profile, synthetic=bool(drawn_sets(folders))))
