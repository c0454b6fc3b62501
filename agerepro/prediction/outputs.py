"""What a run's network says about crops: one fold of it, or the mean of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agerepro.errors import UserError
from agerepro.experiment.schema import Experiment
from agerepro.inputs.sources import MIRRORED, PLAIN, Faces, decode
from agerepro.models.decode import posterior
from agerepro.runs.folder import parse_folds
from agerepro.training.restore import Restored

BATCH = 64


@dataclass(frozen=True)
class JpegPixels:
    """Crops kept as the JPEG bytes that a face store would hold: a tenth of the memory of their pixels."""

    images: Sequence[bytes]
    side: int  # of a crop in pixels

    def face(self, row: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB, decoded now."""
        return decode(self.images[row])


def folds_asked(restored: Restored, text: str | None, *, seed: int) -> list[int]:
    """`0,3` or `all` -> folds whose weights are here; None -> the first of them. UserError where a fold has none."""
    kept = restored.kept(seed)
    if not kept:
        raise UserError(
            f"{restored.run.folder} kept no weights (keep_weights: {restored.experiment.keep_weights}). Run it with `keep_weights: all`."
        )
    if text is None:
        return kept[:1]
    if text.strip() == "all":
        return kept
    chosen = parse_folds(text, int(restored.run.folds()["fold"].nunique()))
    if missing := [fold for fold in chosen if fold not in kept]:
        raise UserError(f"--folds {text!r}: no weights of fold {missing[0]} are in {restored.run.folder}. Kept are: {_listed(kept)}.")
    return chosen


def outputs_of(
    restored: Restored, images: Sequence[bytes], folds: Sequence[int], *, seed: int, on_progress: Callable[[int, int], object]
) -> np.ndarray:
    """(n, bins) posteriors or, of a Value head, (n, 1) years: the mean over folds, and over mirror images where the run has it.

    images: JPEG crops of the run's own size. The network sees them as the run's tests do.
    """
    experiment = restored.experiment
    source = Faces(JpegPixels(images, experiment.faces.size), [""] * len(images), experiment.augment, ())
    found = np.zeros((len(images), max(len(restored.bins), 1)))
    total, done = len(images) * len(folds), 0
    for fold in folds if len(images) else ():
        restored.fill(fold, seed=seed)
        for at in range(0, len(images), BATCH):
            rows = np.arange(at, min(at + BATCH, len(images)))
            said = [np.asarray(restored.network.full.predict_on_batch(source.batch(rows, view))) for view in views(experiment)]
            found[rows] += np.mean([posterior(one) if len(restored.bins) else one for one in said], axis=0) / len(folds)
            done += len(rows)
            on_progress(done, total)
    return found


def views(experiment: Experiment) -> list[int]:
    """How often and how a tested photo is looked at, as in the run's own tests."""
    return [PLAIN, MIRRORED] if experiment.test_time == "flip_average" else [PLAIN]


def _listed(folds: list[int]) -> str:
    return ", ".join(map(str, folds))
