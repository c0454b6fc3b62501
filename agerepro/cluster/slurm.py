"""Jobs given to Slurm by sbatch, and which of those given before are still in its hands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agerepro.cluster.jobs import Job
from agerepro.errors import UserError
from agerepro.io import WHEN_FREE, lock_folder, write_json, write_text

ANSWERS_WITHIN_S = 120.0  # a controller that restarts lets sbatch hang
REGISTRY = "jobs.json"  # under RUNS/slurm: the number of the job that does a step, by the step's name
SUBMIT = "submit.sh"
STUCK = re.compile("held|DependencyNeverSatisfied", re.IGNORECASE)  # in Slurm's reason why a job does not run


@dataclass(frozen=True)
class Submitted:
    """A job that Slurm has taken."""

    job: Job
    number: str


def steps_in_hand(runs: Path) -> dict[str, str]:
    """Steps that jobs submitted before are to do or are doing, with the number of the job or task (`12`, `12_7`).

    Jobs that Slurm holds, or that wait for what will never be, are in nobody's hands. Empty where nothing was submitted, and where no
    Slurm is. UserError where Slurm does not answer.
    """
    noted = _registry(runs)
    if not noted or shutil.which("squeue") is None:
        return {}
    listed = _ask(["squeue", "--me", "--noheader", "--array", "--format=%i %r"], "Slurm was asked for your jobs")
    rows = [line.split(maxsplit=1) for line in listed.splitlines() if line.strip()]
    live = {number for number, *reason in rows if not STUCK.search(" ".join(reason))}
    return {step: number for step, number in noted.items() if number in live}


def write_scripts(jobs: Sequence[Job], scripts: Mapping[str, str], folder: Path) -> Path:
    """Put the scripts by name of job in a folder, and one that submits them all by hand, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.sh"):
        old.unlink()
    for name, text in scripts.items():
        write_text(folder / f"{name}.sh", text)
    write_text(folder / SUBMIT, submit_script(jobs, folder))
    return folder / SUBMIT


def submit_script(jobs: Sequence[Job], folder: Path) -> str:
    """Plain shell that submits the jobs in order, each after those that it waits for."""
    variables = {job.name: re.sub(r"\W", "_", job.name) for job in jobs}
    needed = {name for job in jobs for name in (*job.after, *job.after_any)}
    lines = [
        "#!/bin/bash",
        "# Submits these jobs by hand, each after those that it waits for.",
        "set -euo pipefail",
        f"cd {shlex.quote(str(folder))}",
        "submit() { sbatch --parsable \"$@\" | cut -d';' -f1; } # prints the number of the job",
    ]
    for job in jobs:
        option, _, numbers = _dependency(job, {name: f"${{{variable}}}" for name, variable in variables.items()}).partition("=")
        command = " ".join(["submit", *([f'{option}="{numbers}"'] if numbers else []), f"{job.name}.sh"])
        lines.append(f"{variables[job.name]}=$({command})" if job.name in needed else command)
    return "\n".join([*lines, "squeue --me", ""])


def submit(jobs: Sequence[Job], *, runs: Path, folder: Path, workdir: Path) -> list[Submitted]:
    """Give the scripts in `folder` to sbatch, in order, each after those that it waits for; every number is noted at once.

    Raises UserError with what sbatch says where it refuses one: those before it stay submitted, and the same command submits the rest.
    """
    if shutil.which("sbatch") is None:
        raise UserError("There is no sbatch here: log in where your cluster takes jobs, or let --dry-run print the scripts.")
    numbers: dict[str, str] = {}
    submitted: list[Submitted] = []
    with lock_folder(_slurm_folder(runs) / "submission", wait=WHEN_FREE):
        noted = steps_in_hand(runs)
        for job in jobs:
            waits = _dependency(job, numbers)
            command = ["sbatch", "--parsable", f"--chdir={workdir}", *([waits] if waits else []), str(folder / f"{job.name}.sh")]
            said = _ask(command, f"{job.name}.sh was given to sbatch ({len(submitted)} jobs of {len(jobs)} are submitted)")
            number = said.strip().partition(";")[0]
            if not number.isdigit():
                raise UserError(f"sbatch was given {job.name}.sh and answered {said.strip()!r}, which is no number of a job.")
            numbers[job.name] = number
            submitted.append(Submitted(job, number))
            for task, steps in zip(job.numbers or [None] * len(job.steps), job.steps):
                noted |= dict.fromkeys(steps, number if task is None else f"{number}_{task}")
            write_json(_slurm_folder(runs) / REGISTRY, noted)
    return submitted


def _dependency(job: Job, numbers: Mapping[str, str]) -> str:
    """`--dependency=afterok:1:2,afterany:3`; a name that has no number is the number of a job submitted before."""
    parts = [
        f"{kind}:{':'.join(numbers.get(name, name) for name in names)}"
        for kind, names in (("afterok", job.after), ("afterany", job.after_any))
        if names
    ]
    return f"--dependency={','.join(parts)}" if parts else ""


def _ask(command: Sequence[str], what: str) -> str:
    """What a command of Slurm's prints; UserError, beginning with what was done, where it fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWERS_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{what}, and Slurm did not answer within {ANSWERS_WITHIN_S:.0f} s. The same command goes on later.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise UserError(
            f"{what}, and it was refused:\n{said}\nOnce that is mended, often in cluster.yaml, the same command submits what is missing."
        )
    return done.stdout


def _slurm_folder(runs: Path) -> Path:
    return runs / "slurm"


def _registry(runs: Path) -> dict[str, str]:
    try:
        noted = json.loads((_slurm_folder(runs) / REGISTRY).read_text(encoding="utf-8"))
        return {str(step): str(number) for step, number in noted.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{_slurm_folder(runs) / REGISTRY} cannot be read ({error}). Remove it: it only says what was submitted.") from None
