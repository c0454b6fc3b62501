"""What a run tells while it works: an epoch at a time, to whoever listens, and as logs of TensorBoard."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class EpochLog:
    """What there is to say after an epoch: `history` holds one row an epoch, the last is the newest."""

    epoch: int
    epochs: int
    history: tuple[dict[str, float], ...]
    seconds_left: float


class Reporter(Protocol):
    """Receives progress; every method returns at once."""

    def say(self, text: str) -> None:
        """One line worth keeping."""
        ...

    def count(self, what: str, done: int, total: int) -> None:
        """So many of so many photos."""
        ...

    def epoch(self, stage: str, log: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """An epoch of a shared stage (fold None) or of a fold ended."""
        ...


@dataclass
class TensorBoard:
    """A Reporter that writes every column of the history under `folder`/<stage>[/fold-007] and passes all on to `then`.

    A training that continues writes its whole history again in place of the old log, so no epoch is there twice. Keras' own
    callback of this name only appends: after a restart, the epochs since the last checkpoint would be there twice.
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

    def epoch(self, stage: str, log: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """Write the epochs that are not in the log yet; a finished training closes its log."""
        import tensorflow as tf  # here: the command line makes this object before TensorFlow is set up

        folder = self.folder / stage / (f"fold-{fold:03d}" if fold is not None else "")
        rows = log.history[-1:]
        if folder not in self.writers:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
            self.writers[folder] = tf.summary.create_file_writer(str(folder))
            rows = log.history
        with self.writers[folder].as_default():
            for row in rows:
                for name, value in row.items():
                    if name != "epoch" and not math.isnan(value):
                        tf.summary.scalar(name, value, step=int(row["epoch"]))
        self.writers[folder].flush()
        if log.epoch == log.epochs:
            self.writers.pop(folder).close()
        self.then.epoch(stage, log, fold=fold, folds_done=folds_done, folds=folds)
