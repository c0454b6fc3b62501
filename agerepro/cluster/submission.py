"""A submission: the missing steps of experiments as jobs with their scripts, in a folder under RUNS/slurm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agerepro.cluster.jobs import GridJobs, Job, plan_jobs, script
from agerepro.cluster.settings import ClusterSettings
from agerepro.cluster.slurm import Submitted, steps_in_hand, submit, submit_script, write_scripts
from agerepro.config.schema import Stage
from agerepro.errors import UserError, suggest
from agerepro.io import config_hash
from agerepro.runs.data import expected_folds
from agerepro.runs.layout import parse_folds
from agerepro.runs.plan import RunOptions
from agerepro.runs.preflight import check_before_start
from agerepro.training.reporting import Reporter


@dataclass(frozen=True)
class Submission:
    """jobs in order, and their scripts by name; in_hand: how many of their other steps jobs submitted before do already."""

    jobs: list[Job]
    scripts: dict[str, str]
    folder: Path
    runs: Path
    in_hand: int

    def as_text(self) -> str:
        """All scripts, and the one that submits them by hand, each under its path."""
        texts = [*self.scripts.items(), ("submit", submit_script(self.jobs, self.folder))]
        return "\n".join(f"# ---------- {self.folder / name}.sh\n{text}" for name, text in texts)

    def write(self) -> Path:
        """Write the scripts; returns the one that submits them by hand."""
        return write_scripts(self.jobs, self.scripts, self.folder)

    def submit(self) -> list[Submitted]:
        """Write the scripts and give them to Slurm. UserError where it refuses one."""
        self.write()
        return submit(self.jobs, runs=self.runs, folder=self.folder, workdir=Path.cwd())


def make_submission(
    options: Sequence[RunOptions],
    settings: ClusterSettings,
    *,
    folds: str | None = None,
    grid: GridJobs | None = None,
    pages: Sequence[str] = ("--report",),
    reporter: Reporter,
) -> Submission:
    """What is neither done nor in Slurm's hands, of experiments that are checked as before a run; without jobs where that is nothing.

    folds: only these, `0-5,7`; grid: a grid search of one stage of the one experiment, in place of the folds; pages: options of the last
    job. The labels of the tested set are read, or the set is drawn, where nobody knows yet how many folds it has. Raises UserError as
    `check_before_start` and for folds or a stage that are not there.
    """
    plans = check_before_start(options)
    counts = {} if grid else {plan.options.experiment: expected_folds(plan, reporter) for plan in plans}
    for count in counts.values():
        parse_folds(folds, count)
    if grid is not None:
        stages = {stage.name: stage for stage in plans[0].experiment.stages}
        if grid.stage not in stages:
            raise UserError(f"{options[0].experiment} has no stage {grid.stage!r}.{suggest(grid.stage, stages)}")
        if not isinstance(stages[grid.stage], Stage):
            raise UserError(f"Stage {grid.stage!r} is a regression: it has no learning rate and no batch size to search for.")
    in_hand = steps_in_hand(options[0].runs)
    wanted = parse_folds(folds, None) if folds is not None and grid is None else None

    def missing(submitted: Mapping[str, str]) -> list[Job]:
        return plan_jobs(plans, settings, fold_counts=counts, folds=wanted, grid=grid, pages=pages, submitted=submitted)

    jobs = missing(in_hand)
    waited_for = {step for job in missing({}) for steps in job.steps for step in steps} & in_hand.keys()
    first, runs = options[0], options[0].runs
    facts = [[str(option.experiment) for option in options], first.arguments()[1:], folds, grid.stage if grid else None]
    more = f"-and-{len(options) - 1}-more" if len(options) > 1 else ""
    folder = runs.absolute() / "slurm" / f"{first.experiment.stem}-{first.profile}{more}-{config_hash(facts)[:8]}"
    scripts = {job.name: script(job, settings, folder=folder, workdir=Path.cwd()) for job in jobs}
    return Submission(jobs, scripts, folder, runs, len(waited_for))
