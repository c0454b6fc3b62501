"""TensorFlow set up to compute as a finished run did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agerepro.runs.folder import Run


def configured_like(run: Run) -> None:
    """Set TensorFlow up, before its first operation, by the run's own `machine:` settings."""
    from agerepro.experiment.read import read_experiment
    from agerepro.training.device import configure

    configure(read_experiment(run.folder / "experiment.yaml").machine)
