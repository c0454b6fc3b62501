"""What a long run says while it works; the command line decides how it looks."""

from __future__ import annotations

from typing import Protocol

from agerepro.training.trainer import EpochDone


class Reporter(Protocol):
    """Receives progress; every method returns at once."""

    def say(self, text: str) -> None:
        """One line worth keeping."""
        ...

    def count(self, what: str, done: int, total: int) -> None:
        """So many of so many photos."""
        ...

    def epoch(self, stage: str, done: EpochDone, *, fold: int | None, folds_done: int, folds: int) -> None:
        """An epoch of a shared stage (fold None) or of a fold ended."""
        ...
