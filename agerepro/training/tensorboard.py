"""Epochs as TensorBoard logs, beside whatever else is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agerepro.training.reporting import Reporter
from agerepro.training.trainer import EpochDone


@dataclass
class TensorBoard:
    """A Reporter that writes every column of the history under `folder`/<stage>[/fold-007] and passes all on to `then`.

    A training that continues writes its whole history again in place of the old log, so no epoch is there twice.
    """

    folder: Path
    then: Reporter
    writers: dict[Path, Any] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Pass on."""
        self.then.say(text)

    def count(self, what: str, done: int, total: int) -> None:
        """Pass on."""
        self.then.count(what, done, total)

    def epoch(self, stage: str, done: EpochDone, *, fold: int | None, folds_done: int, folds: int) -> None:
        """Write the epochs that are not in the log yet; a finished training closes its log."""
        import tensorflow as tf  # here: the command line makes this object before TensorFlow is set up

        place = self.folder / stage / (f"fold-{fold:03d}" if fold is not None else "")
        new = done.history[-1:]
        if place not in self.writers:
            for old in place.glob("events.out.tfevents.*"):
                old.unlink()
            self.writers[place] = tf.summary.create_file_writer(str(place))
            new = done.history
        with self.writers[place].as_default():
            for row in new:
                for name, value in row.items():
                    if name != "epoch" and value == value:
                        tf.summary.scalar(name, value, step=int(row["epoch"]))
        self.writers[place].flush()
        if done.epoch == done.epochs:
            self.writers.pop(place).close()
        self.then.epoch(stage, done, fold=fold, folds_done=folds_done, folds=folds)
