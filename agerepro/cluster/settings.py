"""cluster.yaml: what a site wants to be told with every job. An example with all keys is `cluster.example.yaml` beside this file."""

from __future__ import annotations

import re
from dataclasses import field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from agerepro.config.fields import STRICT, Positive, as_tuple
from agerepro.config.loading import read_settings

Kind = Literal["prepare", "train", "fold", "collect"]
EARLY_S = 60  # by so much Slurm may signal too early
TIME = re.compile(r"(\d+-)?\d+(:\d{1,2}){0,2}")
MEMORY = re.compile(r"\d+[KMGT]?")


def _time(value: Any) -> str:
    if not isinstance(value, str):  # YAML reads 12:00:00 as a number of seconds, and 60 could be minutes
        raise ValueError('write it in quotation marks, for instance "12:00:00" (hours:minutes:seconds) or "2-00:00:00"')
    if not TIME.fullmatch(value):
        raise ValueError('a time is "hours:minutes:seconds", "days-hours:minutes:seconds", or a number of minutes')
    return value


def _memory(value: Any) -> str:
    text = str(value)
    if not MEMORY.fullmatch(text):
        raise ValueError("memory is a number with K, M, G or T after it, for instance 32G")
    return text


def _one_line(value: str) -> str:
    if "\n" in value:
        raise ValueError("it must be one line")
    return value


def seconds_of(time: str) -> int:
    """Seconds of a time as sbatch takes it: minutes, m:s, h:m:s, days-h, days-h:m, days-h:m:s."""
    days, dash, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) < 3:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    else:
        hours, minutes, seconds = parts
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


Line = Annotated[str, Field(strict=True), AfterValidator(_one_line)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(as_tuple)]


@dataclass(frozen=True, config=STRICT)
class Resources:
    """What one kind of job is given; "" leaves a thing to the site. `time` and `memory` as sbatch takes them."""

    time: Annotated[str, BeforeValidator(_time)] = "1:00:00"
    cpus: Positive = 2
    memory: Annotated[str, BeforeValidator(_memory)] = "8G"
    gpus: Annotated[int, Field(strict=True, ge=0)] = 0
    partition: Line = ""
    options: Lines = ()  # further ones for sbatch, e.g. --constraint=a100


def _over(default: Resources) -> BeforeValidator:
    """Keys that a file leaves out are the default's."""

    def fill(value: Any) -> Any:
        return {field.name: getattr(default, field.name) for field in fields(default)} | value if isinstance(value, dict) else value

    return BeforeValidator(fill)


PREPARE = Resources(time="4:00:00", cpus=4, memory="16G")
TRAIN = Resources(time="2-00:00:00", cpus=8, memory="32G", gpus=1)
FOLD = Resources(time="12:00:00", cpus=4, memory="16G", gpus=1)
COLLECT = Resources(time="1:00:00", cpus=2, memory="8G")


@dataclass(frozen=True, config=STRICT)
class ClusterSettings:
    """What jobs are given, and how their steps are started there.

    command: what stands before the words of a step, in shell; "" for the agerepro that submits. modules, environment and setup come
    before it in every job. lead: seconds before a time limit at which a step is told to save. timeouts: how often a job goes on in
    a job of its own after its time limit. folds_at_once: tasks of an array that may run together; 0: as the site allows.
    """

    partition: Line = ""
    account: Line = ""
    options: Lines = ()
    gpu_option: Line = "--gres=gpu:{gpus}"
    command: Line = ""
    modules: Lines = ()
    environment: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], str] = field(default_factory=dict)
    setup: str = ""
    folds_at_once: Annotated[int, Field(strict=True, ge=0)] = 0
    folds_per_task: Positive = 1
    lead: Positive = 120
    timeouts: Annotated[int, Field(strict=True, ge=0)] = 10
    prepare: Annotated[Resources, _over(PREPARE)] = PREPARE
    train: Annotated[Resources, _over(TRAIN)] = TRAIN
    fold: Annotated[Resources, _over(FOLD)] = FOLD
    collect: Annotated[Resources, _over(COLLECT)] = COLLECT

    @model_validator(mode="after")
    def _lead_is_short(self) -> ClusterSettings:
        for kind in get_args(Kind):
            if seconds_of(getattr(self, kind).time) < self.lead + EARLY_S:
                raise ValueError(
                    f"the time of {kind} must be longer than `lead` by a minute at least: Slurm's warning may come that much earlier, and "
                    "the job would do nothing but come back"
                )
        return self

    def of(self, kind: Kind) -> Resources:
        """What jobs of a kind are given, with all options of sbatch, in the partition that all are in where it names none."""
        resources: Resources = getattr(self, kind)
        gpus = [self.gpu_option.format(gpus=resources.gpus)] if resources.gpus else []
        return replace(resources, partition=resources.partition or self.partition, options=(*gpus, *self.options, *resources.options))


def read_cluster(path: Path) -> ClusterSettings:
    """The settings of a site. UserError with file, line and near name for what is wrong in it."""
    return read_settings(path, ClusterSettings, what="cluster file")


def example() -> str:
    """The text of a cluster.yaml that names every key."""
    return (files("agerepro.cluster") / "cluster.example.yaml").read_text(encoding="utf-8")
