"""Options, progress and set-up that several commands share."""

from __future__ import annotations

import csv
import json
import os
import shlex
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from agerepro.errors import UserError, suggest

if TYPE_CHECKING:
    from agerepro.runs.layout import Run
    from agerepro.training.reporting import EpochLog


FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)
OWN_COLUMNS = ("photo", "age", "subject", "gender", "split", "age_std")  # what a CSV file of a user's own photos may have

runs_option = click.option(
    "--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs, trained stages and faces live."
)
data_option = click.option(
    "--data", type=FOLDER, default=None, help="One folder a data set, named as `agerepro data list` names it, each in its native layout."
)
jobs_option = click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that share the folds.")
how_option = click.option(
    "--how",
    type=click.Choice(["mean", "grad_cam", "sensitivity"]),
    default="mean",
    show_default=True,
    help="koenig2019's class activation maps, Grad-CAM, or how the age depends on each pixel (agustsson2017).",
)
columns_option = click.option(
    "--columns",
    default=None,
    metavar="OURS=HEADING,...",
    help="Headings of your own CSV file, for instance photo=file,age=years,subject=person (default: usual headings are looked for).",
)
pattern_option = click.option(
    "--pattern", default=None, help="How your own photos are named, where no CSV file says their ages, for instance {subject}_{age}.jpg."
)
weights_option = click.option(
    "--weights",
    type=FOLDER,
    default=None,
    envvar="AGEREPRO_WEIGHTS",
    show_envvar=True,
    help="Where published weight files lie (default: Keras's own cache).",
)


def _require_gpu(context: click.Context, option: click.Parameter, required: bool) -> bool:
    if required:
        from agerepro.training.device import REQUIRE_GPU, check_gpu, cuda_libraries, driver_is_here

        if cuda_libraries() is None or not driver_is_here():  # seen without loading TensorFlow; all else is looked at before it computes
            check_gpu(seen=False, required=True)
        os.environ[REQUIRE_GPU] = "1"  # the processes that this one starts are told, too
    return required


require_gpu_option = click.option(
    "--require-gpu",
    is_flag=True,
    callback=_require_gpu,
    expose_value=False,
    help="Refuse to compute where TensorFlow sees no GPU [the same as AGEREPRO_REQUIRE_GPU=1].",
)


def own_columns(text: str) -> dict[str, str]:
    """`photo=file,age=years` as {our name: heading}; `split=` says that there is none. UserError for other text and unknown names.

    A heading that holds a comma stands in quotation marks with its name: `"photo=file, relative",age=years`.
    """
    columns: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, equals, heading = (word.strip() for word in part.partition("="))
        if not equals:
            raise UserError(f"--columns {text!r}: {part!r} is not OURS=HEADING. Write for instance photo=file,age=years,subject=person.")
        if name not in OWN_COLUMNS:
            raise UserError(f"--columns {text!r}: {name!r} is no column of ours.{suggest(name, OWN_COLUMNS)}")
        if name in columns:
            raise UserError(f"--columns {text!r}: {name} is given twice.")
        columns[name] = heading
    if not columns:
        raise UserError("--columns is empty. Write for instance photo=file,age=years,subject=person.")
    return columns


def own_settings(columns: str | None, pattern: str | None) -> tuple[str, ...]:
    """--columns and --pattern as `--set` texts, which take the place of what the experiment file says. UserError for both at once."""
    if columns is not None and pattern is not None:
        raise UserError("--columns is for a CSV file and --pattern for photos without one. Give one of them.")
    if columns is not None:
        # JSON's quotes are YAML's, too: a heading such as `no` or `1` stays a text.
        texts = (f"own.columns.{name}={json.dumps(heading, ensure_ascii=False)}" for name, heading in own_columns(columns).items())
        return ('own.pattern=""', *texts)
    if pattern is not None:
        return ("own.columns={}", f"own.pattern={json.dumps(pattern, ensure_ascii=False)}")
    return ()


def configure_from_run(run: Run) -> None:
    """Set TensorFlow up, before its first operation, by the run's own `machine:` settings."""
    from agerepro.config.loading import read_experiment
    from agerepro.training.device import configure

    configure(read_experiment(run.folder / "experiment.yaml").machine)


def say_next(command: str, *arguments: object) -> None:
    """Name the next command on standard error, quoted so that it can be pasted into a shell."""
    click.echo("Next: " + shlex.join(["agerepro", command, *(str(argument) for argument in arguments)]), err=True)


LINE_EVERY_S = 5.0  # off a terminal


class ProgressReporter:
    """A Reporter for the command line."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[more]}"),
            console=self.console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self.tasks: dict[str, TaskID] = {}
        self.last_line_at = 0.0
        self.began: dict[str, tuple[float, int]] = {}  # when a count was first seen, and where it stood then

    def __enter__(self) -> ProgressReporter:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def say(self, text: str) -> None:
        """One line worth keeping."""
        self.console.print(f"{self.prefix}{text}", markup=False)

    def count(self, what: str, done: int, total: int) -> None:
        """A bar; off a terminal a line now and then, and at the end."""
        self._show(what, done, total, "")
        if done >= total:
            self.began.pop(what, None)  # the next experiment may count the same again
            if (task := self.tasks.pop(what, None)) is not None:
                self.bars.remove_task(task)

    def epoch(self, stage: str, log: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """Stage, fold, epoch, loss, MAE and time left."""
        row = log.history[-1]
        numbers = f"epoch {log.epoch}/{log.epochs}  loss {row['loss']:.3f}"
        numbers += f"  MAE {row['mae']:.2f}" if "mae" in row else f"  right {row['accuracy']:.0%}"
        if row["validation_loss"] == row["validation_loss"]:
            numbers += f"  validation loss {row['validation_loss']:.3f}"
        if fold is None:
            self._show(f"stage {stage}", log.epoch, log.epochs, numbers)
        else:
            self._show(f"stage {stage}, folds", folds_done, folds, f"fold {fold}: {numbers}")

    def _show(self, what: str, done: int, total: int, more: str) -> None:
        if not self.bars.disable:
            if what not in self.tasks:
                self.tasks[what] = self.bars.add_task(what, total=total, more=more)
            self.bars.update(self.tasks[what], completed=done, more=more)
            return
        now = time.monotonic()
        if done == 0:
            self.began[what] = (now, 0)
        began, first = self.began.setdefault(what, (now, done))
        if done < total and now - self.last_line_at < LINE_EVERY_S:
            return
        self.last_line_at = now
        # What was done before the first look says nothing about the pace: no estimate until something more is done.
        left = f"  {(now - began) / (done - first) * (total - done):.0f} s left" if first < done < total else ""
        self.console.print(f"{self.prefix}{what}: {done}/{total}  {more}{left}".rstrip(), markup=False)
