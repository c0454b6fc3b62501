"""Runs the command line with labels of one fold that are no numbers: `python diverging.py FOLD agerepro-arguments...`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np


def main() -> None:
    """Patch the training, then run."""
    spoilt = int(sys.argv[1])
    sys.argv = ["agerepro", *sys.argv[2:]]
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.training.loop import Trainer
    fit = Trainer.fit

    def fit_or_diverge(trainer: Trainer, train: Any, validation: Any, *, rng_key: tuple[str | int, ...], **more: Any) -> Any:
        if len(rng_key) == 3 and rng_key[2] == spoilt:
            train = dataclasses.replace(train, weights=np.full_like(train.weights, np.nan))
        return fit(trainer, train, validation, rng_key=rng_key, **more)

    Trainer.fit = fit_or_diverge  # type: ignore[method-assign]
    from agerepro.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
