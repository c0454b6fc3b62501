"""The steps of plans that are missing, as jobs of a scheduler that wait for each other, and each job as a shell script."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from agerepro.cluster.settings import ClusterSettings, Kind
from agerepro.config.learning import GRID_BATCHES, GRID_RATES
from agerepro.config.schema import BaseStage
from agerepro.io import is_complete
from agerepro.runs.plan import Plan, step_name
from agerepro.runs.show import ranges
from agerepro.training.device import REQUIRE_GPU


@dataclass(frozen=True)
class Job:
    """One job, or one array of jobs.

    name: of the script and in squeue; commands: the words after `agerepro`, in shell; steps: what it does, by the names that these
    have in every submission; of an array a tuple a task. after: the jobs that must have succeeded before it, after_any: those that
    must have ended, by name, or by number where they were submitted before. tasks: the words that `$folds` stands for in each task
    of an array, empty for a single job; numbers: the tasks' numbers.
    """

    name: str
    kind: Kind
    title: str
    commands: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...] = ()
    after: tuple[str, ...] = ()
    after_any: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class GridJobs:
    """A grid search in place of folds: of which stage, over which learning rates and batch sizes, epochs a cell, on which folds."""

    stage: str
    rates: tuple[float, ...] = GRID_RATES
    batches: tuple[int, ...] = GRID_BATCHES
    epochs: int = 1
    folds: str = "0"


def plan_jobs(
    plans: Sequence[Plan],
    settings: ClusterSettings,
    *,
    fold_counts: Mapping[Path, int],
    folds: Sequence[int] | None = None,
    grid: GridJobs | None = None,
    pages: Sequence[str] = ("--report",),
    submitted: Mapping[str, str] | None = None,
) -> list[Job]:
    """What is missing of the plans, in an order in which each job comes after those that it waits for; empty where nothing is.

    fold_counts: by experiment file, how many folds there will be; folds: only these; grid: a grid search of one stage in place of the
    folds; pages: options of the last job, which collects; submitted: steps that are in the scheduler's hands already, with the numbers
    of their jobs. A set of faces and a shared stage that several plans need is one job.
    """
    jobs = _Jobs(settings, submitted or {})
    ends: list[str] = []
    for plan in plans:
        by_step: dict[str, str] = {}  # name of a step of this plan that is not done -> the job that does it
        for name, faces in plan.prepared.items():
            if not faces.is_done():
                title = f"Read the data set {name} and align its faces."
                job = Job(f"prepare-{name}", "prepare", title, (_step(plan, "prepare", name),), ((f"prepare {faces.place.name}",),))
                by_step[f"prepare {name}"] = jobs.add(job)
        target = plan.experiment.stage(grid.stage) if grid else plan.target
        for seed in plan.experiment.seeds[:1] if grid else plan.experiment.seeds:
            for stage in plan.experiment.earlier(target):
                jobs.add_training(plan, stage, seed, by_step)
            if grid is None:
                known = range(fold_counts[plan.options.experiment]) if folds is None else folds
                ends += jobs.add_folds(plan, seed, known, by_step)
            else:
                ends += jobs.add_cells(plan, target, grid, by_step)
    if not jobs.jobs:
        return []
    title = "Print and draw what the cells came to." if grid else "Collect what is done into tables, figures and the page."
    last = _grid_command(plans[0], grid) if grid else _collect_command(plans, pages)
    jobs.add(Job(f"grid-{grid.stage}" if grid else "collect", "collect", title, (last,), after_any=tuple(dict.fromkeys(ends))))
    return jobs.jobs


def script(job: Job, settings: ClusterSettings, *, folder: Path, workdir: Path) -> str:
    """The shell script of a job, to be given to sbatch; its log goes to `folder`."""
    resources = settings.of(job.kind)
    log = folder / ("%x-%a.log" if job.tasks else "%x.log")
    array = ranges(job.numbers) + (f"%{settings.folds_at_once}" if settings.folds_at_once else "") if job.tasks else ""
    by_number = job.tasks != tuple(str(number) for number in job.numbers)
    # A job that gets no GPU cannot be made to insist on one.
    environment = {name: value for name, value in settings.environment.items() if resources.gpus or name != REQUIRE_GPU}
    return (
        Environment(
            loader=PackageLoader("agerepro.cluster", "."),
            autoescape=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        .get_template("job.sh.jinja")
        .render(
            name=job.name,
            title=job.title,
            log=log,
            time=resources.time,
            cpus=resources.cpus,
            memory=resources.memory,
            partition=resources.partition,
            account=settings.account,
            options=list(resources.options),  # GPUs among them, as the site is asked for them
            array=array,
            lead=settings.lead,
            timeouts=settings.timeouts,
            workdir=shlex.quote(str(workdir)),
            modules=list(settings.modules),
            environment={name: shlex.quote(value) for name, value in environment.items()},
            setup=settings.setup.strip("\n"),
            folds=list(job.tasks) if by_number else [],
            command=[f"{settings.command or _this_agerepro()} {words}" for words in job.commands],
        )
    )


def identity_of(plan: Plan, stage: BaseStage, seed: int) -> str:
    """Names a stage's training by its settings and by where its data will lie: the same before and after they are prepared."""
    places = {name: faces.place.name for name, faces in plan.prepared.items()}
    return str(replace(plan, digests=places, _stages={}).digest(stage, seed))


class _Jobs:
    """Jobs as they are gathered: a step that two plans need is in one of them."""

    def __init__(self, settings: ClusterSettings, submitted: Mapping[str, str]) -> None:
        self.settings, self.submitted = settings, submitted
        self.jobs: list[Job] = []

    def add(self, job: Job) -> str:
        """The job's name, made one of its own where another has it; the other's, or its number, where one does its steps already."""
        if job.steps and not job.tasks:
            if (number := self.submitted.get(job.steps[0][0])) is not None:
                return number.partition("_")[0]
            for other in self.jobs:
                if other.steps == job.steps:
                    return other.name
        names, name, count = {other.name for other in self.jobs}, job.name, 1
        while name in names:
            count += 1
            name = f"{job.name}-{count}"
        self.jobs.append(replace(job, name=name))
        return name

    def add_training(self, plan: Plan, stage: BaseStage, seed: int, by_step: dict[str, str]) -> None:
        """A shared stage, if it is not trained."""
        place = plan.checkpoint(stage, seed)
        if place is None or not is_complete(place.folder):
            title, words = f"Train the shared stage {stage.name}.", _step(plan, "train", stage.name, seed=seed)
            steps = ((f"train {identity_of(plan, stage, seed)}",),)
            job = Job(_with_seed(f"train-{stage.name}", seed), "train", title, (words,), steps, after=_before(plan, stage, seed, by_step))
            by_step[step_name("train", stage.name, seed)] = self.add(job)

    def add_folds(self, plan: Plan, seed: int, folds: Sequence[int], by_step: dict[str, str]) -> list[str]:
        """The array of those folds that are missing; it, and jobs that do some of them already."""
        done = {step.name for step in plan.steps if step.state == "done"}
        stem, size = plan.options.experiment.stem, self.settings.folds_per_task
        identity = f"{plan.paper} {stem} {identity_of(plan, plan.target, seed)}"
        steps = {fold: f"fold {identity} {fold}" for fold in folds if step_name("fold", str(fold), seed) not in done}
        held = {fold: self.submitted[step].partition("_")[0] for fold, step in steps.items() if step in self.submitted}
        missing = [fold for fold in steps if fold not in held]
        ends = list(dict.fromkeys(held.values()))
        if not missing:
            return ends
        name, after = _with_seed(f"fold-{stem}", seed), _before(plan, plan.target, seed, by_step)
        if plan.target.fits_all_folds():
            words = _step(plan, "fold", ranges(missing), seed=seed)
            all_steps = (tuple(steps[fold] for fold in missing),)
            return [*ends, self.add(Job(name, "fold", f"Fit and test the folds of {stem}.", (words,), all_steps, after))]
        chunks = [missing[start : start + size] for start in range(0, len(missing), size)]
        job = Job(
            name,
            "fold",
            f"Train and test {'a fold' if size == 1 else f'up to {size} folds'} of {stem} in each task.",
            (_step(plan, "fold", "$folds", seed=seed),),
            tuple(tuple(steps[fold] for fold in chunk) for chunk in chunks),
            after,
            tasks=tuple(ranges(chunk) for chunk in chunks),
            numbers=tuple(missing) if size == 1 else tuple(range(len(chunks))),
        )
        return [*ends, self.add(job)]

    def add_cells(self, plan: Plan, stage: BaseStage, grid: GridJobs, by_step: dict[str, str]) -> list[str]:
        """The array of the cells of a grid search, and jobs that do some of them already. A cell that is done ends at once."""
        cells = [f"--rates {rate:g} --batches {batch}" for rate, batch in product(grid.rates, grid.batches)]
        seed = plan.experiment.seeds[0]
        identity = f"cell {identity_of(plan, stage, seed)} {grid.epochs} {grid.folds}"
        held = {cell: self.submitted[f"{identity} {cell}"] for cell in cells if f"{identity} {cell}" in self.submitted}
        missing = [cell for cell in cells if cell not in held]
        ends = list(dict.fromkeys(number.partition("_")[0] for number in held.values()))
        if not missing:
            return ends
        job = Job(
            f"cell-{stage.name}",
            "fold",
            f"Train one cell of the grid of stage {stage.name} in each task.",
            (f"{_grid_command(plan, grid, cells=False)} $folds",),
            tuple((f"{identity} {cell}",) for cell in missing),
            _before(plan, stage, seed, by_step),
            tasks=tuple(missing),
            numbers=tuple(range(len(missing))),
        )
        return [*ends, self.add(job)]


def _before(plan: Plan, stage: BaseStage, seed: int, by_step: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the jobs that a stage's training waits for: those of the stage before it, its faces, and all faces that name the run."""
    needed = [f"prepare {stage.data}", step_name("train", stage.start_from, seed)]
    if stage is plan.target or plan.experiment.drop_overlapping_subjects:
        needed += [f"prepare {name}" for name in plan.prepared]
    return tuple(dict.fromkeys(by_step[step] for step in needed if step in by_step))


def _step(plan: Plan, kind: str, what: str, *, seed: int | None = None) -> str:
    seeds = [] if seed is None or seed == plan.experiment.seeds[0] else ["--seed", str(seed)]
    words = [*plan.options.arguments(kind, what), *seeds]
    return " ".join(["step", *(f'"{word}"' if word == "$folds" else shlex.quote(word) for word in words)])


def _collect_command(plans: Sequence[Plan], pages: Sequence[str]) -> str:
    experiments = [str(plan.options.experiment) for plan in plans]
    common = plans[0].options.arguments()[1:]
    return shlex.join(["collect", *experiments, *common, "--partial", *pages])


def _grid_command(plan: Plan, grid: GridJobs, *, cells: bool = True) -> str:
    words = ["grid", *plan.options.arguments(), "--stage", grid.stage, "--folds", grid.folds, "--epochs", str(grid.epochs)]
    rates, batches = (",".join(f"{value:g}" for value in values) for values in (grid.rates, grid.batches))
    return shlex.join([*words, *(["--rates", rates, "--batches", batches] if cells else [])])


def _with_seed(name: str, seed: int) -> str:
    return f"{name}-seed{seed}" if seed else name


def _this_agerepro() -> str:
    """The agerepro that submits, by its full path, in shell."""
    beside = Path(sys.executable).with_name("agerepro")
    return shlex.quote(str(beside)) if beside.is_file() else f"{shlex.quote(sys.executable)} -m agerepro"
