"""Options, progress and set-up that several commands share."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from agerepro.runs.layout import Run
    from agerepro.training.loop import EpochLog


FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)

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
weights_option = click.option("--weights", type=FOLDER, default=None, help="Where published weight files lie (default: Keras's own cache).")


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
