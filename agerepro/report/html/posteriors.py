"""What the network believed of each tested photo, small enough for a page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from agerepro.errors import UserError
from agerepro.report.html.loaded import Loaded
from agerepro.tables import PREDICTIONS, read_table


@dataclass(frozen=True)
class Beliefs:
    """Posteriors (n, bins) of n photos in bytes, each row's largest share 255, and what the bins stand for."""

    bins: tuple[float, ...]
    packed: str  # base64, row after row


def beliefs(run: Loaded) -> Beliefs | None:
    """The posteriors of `run.first_seed_predictions`, in its order; None for a network that answers with one number.

    Raises UserError for a fold whose files do not fit each other.
    """
    shown = run.first_seed_predictions
    by_key: dict[tuple[int, str], np.ndarray] = {}
    bins = np.zeros(0)
    for fold in sorted(set(shown["fold"])):
        folder = run.run.fold_folder(run.first_seed, int(fold), first_seed=run.first_seed)
        with np.load(folder / "posteriors.npz", allow_pickle=False) as file:
            shares, bins = file["posteriors"], file["bins"]
        if not len(bins):
            return None
        tested = read_table(folder / "predictions.csv", PREDICTIONS)["photo"]
        if shares.shape != (len(tested), len(bins)):
            raise UserError(f"{folder}: posteriors.npz is of shape {shares.shape} for {len(tested)} photos. Run the fold again.")
        by_key |= {(int(fold), photo): row for photo, row in zip(tested, shares)}
    rows = np.stack([by_key[int(fold), photo] for fold, photo in zip(shown["fold"], shown["photo"])])
    return Beliefs(tuple(float(value) for value in bins), pack(rows))


def pack(shares: np.ndarray) -> str:
    """(n, bins) shares as base64 of one byte each; every row is scaled so that its largest is 255."""
    largest = shares.max(axis=1, keepdims=True)
    scaled = np.rint(255 * shares / np.where(largest > 0, largest, 1)).astype(np.uint8)
    return base64.b64encode(scaled.tobytes()).decode()
