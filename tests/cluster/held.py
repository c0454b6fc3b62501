"""Runs the command line; a fold waits in the middle of its training, or its labels are no numbers, as files in $HELD say.

`hold-7` has fold 7 wait in its second epoch until the file is gone, or until it is asked to stop; while it
waits there is `at-7`, with its process and the GPU that it was given. `spoil-7` has it diverge.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HELD_AT_MOST_S = 200.0
POLLED_EVERY_S = 0.1


def main() -> None:
    """Patch the training, then run."""
    folder = Path(os.environ["HELD"])
    sys.argv[0] = "agerepro"
    if sys.argv[1:3] and sys.argv[1] == "step" and "fold" in sys.argv:
        patch_training(folder)
    from agerepro.cli.main import main as run

    run()


def patch_training(folder: Path) -> None:
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.training.loop import Trainer
    from agerepro.stopping import stop_requested

    fit = Trainer.fit

    def fit_or_wait(trainer: Trainer, train: Any, validation: Any, *, rng_key: tuple[str | int, ...], on_batch: Any, **more: Any) -> Any:
        fold = rng_key[2]
        if (folder / f"spoil-{fold}").exists():
            train = dataclasses.replace(train, weights=np.full_like(train.weights, np.nan))

        def wait(progress: str) -> None:
            on_batch(progress)
            end = time.monotonic() + HELD_AT_MOST_S
            hold, at = folder / f"hold-{fold}", folder / f"at-{fold}"
            if progress.startswith("epoch 2") and hold.exists():
                at.with_suffix(".new").write_text(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}", encoding="utf-8")
                at.with_suffix(".new").replace(at)
                while hold.exists() and not stop_requested() and time.monotonic() < end:
                    time.sleep(POLLED_EVERY_S)
                at.unlink()

        return fit(trainer, train, validation, rng_key=rng_key, on_batch=wait, **more)

    Trainer.fit = fit_or_wait  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
