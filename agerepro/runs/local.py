"""Experiments and grid searches run here, from native data sets to tested folds; run again, they continue."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from agerepro.config.loading import PAPER, experiment_to_dict, read_experiment
from agerepro.config.schema import Experiment, Stage
from agerepro.errors import UserError, suggest
from agerepro.faces.prepare import FaceDataset
from agerepro.io import config_hash, write_json, write_text
from agerepro.runs.data import data_folders, drawn_sets, prepared_sets
from agerepro.runs.layout import Run, disclaimer, parse_folds, run_folder, shortfalls
from agerepro.runs.preflight import check_before_start
from agerepro.runs.provenance import provenance
from agerepro.splits.leakage import check_no_leakage
from agerepro.splits.protocols import make_folds
from agerepro.tables import AGES, FOLDS, PHOTOS, read_table, write_table
from agerepro.training.device import configure
from agerepro.training.grid import BATCHES, RATES, Grid, grid_folder, search
from agerepro.training.loop import Reporter, TensorBoard
from agerepro.training.stages import Init, TrainingTask, num_workers, train_prerequisites


@dataclass(frozen=True)
class RunOptions:
    """One experiment to be run, and how.

    data: the folder with one folder a data set, None to draw what the profile draws; runs: where results go; weights: the folder of
    published weight files, None for Keras's own cache; folds: `0-5,7`, None for all; jobs: processes that share the folds;
    settings: overrides, `KEY=VALUE`; tensorboard: also write its logs.
    """

    experiment: Path
    profile: str = PAPER
    data: Path | None = None
    runs: Path = Path("runs")
    weights: Path | None = None
    folds: str | None = None
    jobs: int = 1
    settings: tuple[str, ...] = ()
    tensorboard: bool = False


@dataclass(frozen=True)
class RunContext:
    """A run whose shared stages are trained and whose folds are written: only folds are left to do."""

    experiment: Experiment
    run: Run
    tasks: dict[int, tuple[TrainingTask, Init]]  # by seed, the last stage
    folds: pd.DataFrame


def run_experiments(options: Sequence[RunOptions], reporter: Reporter) -> Iterator[Run]:
    """Run one experiment after the other, each given out when it is done; what is wrong with any of them is said before the first.

    All options but `experiment` are those of the first. Raises UserError as `check_before_start` and `run_experiment` do.
    """
    first = options[0]
    check_before_start(
        [option.experiment for option in options],
        profile=first.profile,
        settings=first.settings,
        data=first.data,
        runs=first.runs,
        weights=first.weights,
        folds=first.folds,
    )
    for option in options:
        reporter.say(f"{option.experiment} ({option.profile})")
        yield run_experiment(option, reporter)


def run_experiment(options: RunOptions, reporter: Reporter) -> Run:
    """Do all that is not done yet of one experiment; returns its run. Raises UserError, also where a helper process failed."""
    experiment = read_experiment(options.experiment, profile=options.profile, settings=options.settings)
    if options.tensorboard:
        reporter = TensorBoard(options.runs / "tensorboard" / f"{options.experiment.stem}-{options.profile}", reporter)
    folders = data_folders(experiment, data=options.data, runs=options.runs, jobs=options.jobs, reporter=reporter)
    device = configure(experiment.machine)
    sets = prepared_sets(experiment, folders, runs=options.runs, reporter=reporter)
    context = _prepare_run(options, experiment, folders, sets, device, reporter)
    folds = parse_folds(options.folds, int(context.folds["fold"].nunique()))
    workers = [_start_worker(options, context.run, number) for number in range(1, min(options.jobs, len(folds)))]
    try:
        for seed in experiment.seeds:
            _do_folds(context, seed, folds, options, reporter)
    except BaseException:
        for process, _ in workers:
            process.terminate()
        raise
    _wait_for_workers(workers, context.run)
    return context.run


def _prepare_run(
    options: RunOptions,
    experiment: Experiment,
    folders: dict[str, Path],
    sets: dict[str, FaceDataset],
    device: dict[str, str],
    reporter: Reporter,
) -> RunContext:
    last = experiment.stages[-1]
    assert last.protocol is not None  # as read_experiment checks
    target = sets[last.data]
    folds = make_folds(target.photos, last.protocol, seed=experiment.seeds[0])
    check_no_leakage(folds, target.photos)
    tasks = {
        seed: train_prerequisites(last, experiment, sets, seed=seed, runs=options.runs, weights_folder=options.weights, reporter=reporter)
        for seed in experiment.seeds
    }
    digest = config_hash([experiment_to_dict(experiment), *(task.settings for task, _ in tasks.values())])
    paper = experiment.reproduces.paper if experiment.reproduces else options.experiment.resolve().parent.name
    run = run_folder(options.runs, paper=paper, experiment=options.experiment.stem, profile=options.profile, digest=digest)
    if not _is_described(run):
        write_table(run.folder / "folds.csv", folds, FOLDS)
        write_table(run.folder / "photos.csv", target.photos.drop(columns="image"), PHOTOS)
        write_table(run.folder / "ages.csv", _count_ages(sets), AGES)
        write_json(
            run.folder / "provenance.json",
            provenance(
                command=sys.argv,
                device=device,
                data={name: {"digest": faces.digest, "photos": len(faces.photos), **faces.funnel} for name, faces in sets.items()},
                starts={str(seed): start.name for seed, (_, start) in tasks.items()},
                changed=list(options.settings),
                synthetic=drawn_sets(folders),
            ),
        )
        write_text(run.folder / "experiment.yaml", yaml.safe_dump(experiment_to_dict(experiment), sort_keys=False, allow_unicode=True))
    return RunContext(experiment, run, tasks, folds)


def _is_described(run: Run) -> bool:
    """Whether the files that describe a run are all there and can be read: what is damaged is written anew, it is the same again."""
    try:
        run.provenance()
        for name, table in (("folds.csv", FOLDS), ("photos.csv", PHOTOS), ("ages.csv", AGES)):
            read_table(run.folder / name, table)
        read_experiment(run.folder / "experiment.yaml")
    except UserError:
        return False
    return True


def _count_ages(sets: dict[str, FaceDataset]) -> pd.DataFrame:
    """AGES of every data set of the run; a set without ages has no rows."""
    counts = [faces.photos.groupby("age").size().rename("photos").reset_index().assign(data=name) for name, faces in sets.items()]
    return pd.concat(counts, ignore_index=True)


def _do_folds(context: RunContext, seed: int, folds: list[int], options: RunOptions, reporter: Reporter) -> None:
    from agerepro.training.folds import fold_runner

    task, start = context.tasks[seed]
    run, seeds = context.run, context.experiment.seeds
    settled = {fold for of_seed, fold in run.done(seeds) if of_seed == seed} & set(folds)
    if settled == set(folds):
        reporter.say(f"{task.stage.name}: all {len(folds)} folds are done already.")
        return
    runner = fold_runner(
        context.experiment,
        task,
        start,
        context.folds,
        run_folder=run.folder,
        folder_of=lambda fold: run.fold_folder(seed, fold, first_seed=seeds[0]),
        labels={"experiment": run.experiment, "profile": run.profile},
        runs=options.runs,
        threads=num_workers(),
    )
    runner.run_all(
        folds,
        on_fold=lambda fold, how: settled.add(fold),
        on_epoch=lambda fold, log: reporter.epoch(task.stage.name, log, fold=fold, folds_done=len(settled), folds=len(folds)),
    )


def _start_worker(options: RunOptions, run: Run, number: int) -> tuple[subprocess.Popen[bytes], Path]:
    log = run.folder / f"worker-{number}.log"
    arguments: list[str | Path] = ["--profile", options.profile, "--runs", options.runs, "--jobs", "1", "--folds-only"]
    for name, value in (("--data", options.data), ("--weights", options.weights), ("--folds", options.folds)):
        arguments += [name, value] if value is not None else []
    arguments += ["--tensorboard"] if options.tensorboard else []
    for setting in options.settings:
        arguments += ["--set", setting]
    with log.open("ab") as file:
        command = [sys.executable, "-m", "agerepro", "run", options.experiment, *arguments]
        return subprocess.Popen([str(part) for part in command], stdout=file, stderr=subprocess.STDOUT), log


def _wait_for_workers(workers: Sequence[tuple[subprocess.Popen[bytes], Path]], run: Run) -> None:
    failed = [log for process, log in workers if process.wait() not in (0, 1)]
    if failed:
        tail = failed[0].read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        raise UserError(f"A helper process of {run.folder} failed; see {failed[0]}:\n" + "\n".join(tail) + "\nRun the same command again.")


@dataclass(frozen=True)
class GridOptions(RunOptions):
    """A grid search of one stage: what is tried, and on which folds where the stage has a protocol."""

    stage: str = ""
    rates: tuple[float, ...] = RATES
    batches: tuple[int, ...] = BATCHES
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
    (experiment,) = check_before_start(
        [options.experiment],
        profile=options.profile,
        settings=options.settings,
        data=options.data,
        runs=options.runs,
        weights=options.weights,
        folds=options.folds,
    )
    by_name = {stage.name: stage for stage in experiment.stages}
    if options.stage not in by_name:
        where = f"{options.experiment} has no stage {options.stage!r} in profile {options.profile}."
        raise UserError(where + suggest(options.stage, by_name))
    stage = by_name[options.stage]
    folders = data_folders(experiment, data=options.data, runs=options.runs, jobs=options.jobs, reporter=reporter)
    configure(experiment.machine)
    sets = prepared_sets(experiment, folders, runs=options.runs, reporter=reporter)
    task, start = train_prerequisites(
        stage, experiment, sets, seed=experiment.seeds[0], runs=options.runs, weights_folder=options.weights, reporter=reporter
    )
    grid = Grid(options.rates, options.batches, options.epochs, tuple(parse_folds(options.folds or "0", None)))
    folder = grid_folder(options.runs, experiment, task, grid)
    rows = search(
        experiment,
        stage,
        sets[stage.data],
        start,
        grid,
        folder=folder,
        on_cell=lambda done, total: reporter.count("cells of the grid", done, total),
    )
    drawn = drawn_sets(folders)
    lacking = shortfalls({name: faces.funnel for name, faces in sets.items()}, synthetic=drawn)
    return GridResult(rows, folder, stage, disclaimer(options.profile, synthetic=bool(drawn), partial_copies=lacking))
