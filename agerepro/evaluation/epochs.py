"""What a run scores at its last epoch, at the one that its own validation people choose, and at the best on the test itself.

The third is no valid result: whoever is tested has chosen when to stop. It is shown so that a reader sees what such a choice is
worth, and can tell it from the first two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import Interval, cluster_bootstrap, t_interval
from agerepro.evaluation.metrics import Floats
from agerepro.evaluation.predictions import Measure
from agerepro.tasks.decode import decode as decoded
from agerepro.tasks.decode import posterior

NAN = float("nan")
LAST, VALIDATION, TEST = "last", "least_validation_loss", "best_on_test"
CHOICES = (LAST, VALIDATION, TEST)
OPTIMISM = "best_on_test_less_last"  # what the forbidden choice gains
COLUMNS = ("experiment", "profile", "seed", "fold", "choice", "valid", "epoch", "epochs", "metric", "value", "low", "high", "n")


@dataclass(frozen=True)
class FoldEpochs:
    """One fold after each epoch: errors (epochs, n) of its n test photos, and its validation people's loss (epochs,), NaN without any."""

    fold: int
    seed: int
    photos: tuple[str, ...]
    errors: Floats
    validation_loss: Floats


@dataclass(frozen=True)
class EpochScore:
    """A choice of epochs over all folds: the mean over folds, in years or a share, with its interval; `epochs` chosen, one a fold."""

    choice: str
    mean: Interval
    epochs: tuple[int, ...]

    @property
    def available(self) -> bool:
        """Whether every fold could choose so."""
        return bool(np.isfinite(self.mean.value))


def errors_by_epoch(
    outputs: np.ndarray, bins: np.ndarray, truth: np.ndarray, *, decode: str, measure: Measure, offset: np.ndarray | float = 0.0
) -> Floats:
    """Errors of a fold's test photos after each epoch, (epochs, n): years off, or 1 for a wrong group.

    outputs: (epochs, n, bins) logits, decoded as `decode` says, or (epochs, n, 1) years without bins. truth: (n,) years, or the
    numbers of the groups, which are `bins` then; offset: as tasks/decode.py's. Raises UserError when outputs and truth differ in the
    number of photos.
    """
    truth = np.asarray(truth, dtype="float64")
    if outputs.ndim != 3 or outputs.shape[1] != len(truth):
        raise UserError(f"Outputs of shape {outputs.shape} are not one row an epoch and {len(truth)} photos. Run the fold again.")
    if not len(bins):
        predicted = np.asarray(outputs[:, :, 0], dtype="float64") + offset
    else:
        how = "argmax" if measure == "wrong" else decode
        predicted = np.stack([decoded(posterior(logits), bins, how, offset=offset)["predicted"] for logits in outputs])
    return np.asarray(predicted != truth, dtype="float64") if measure == "wrong" else np.abs(predicted - truth)


def epoch_table(folds: Sequence[FoldEpochs], *, measure: Measure, experiment: str, profile: str) -> pd.DataFrame:
    """One row a fold, seed and choice, then one a choice over all folds, columns COLUMNS; `epoch` counts from 1 of `epochs`.

    metric is `mae` in years or `accuracy`, 0 to 1. Over all folds `seed`, `epoch` and `epochs` are empty, `n` counts folds and the
    interval is Student's t over them; in a fold `n` counts photos. The row OPTIMISM is the paired difference of the third choice and
    the first, with a bootstrap over folds (none below ten): by construction never a loss, so no test of it means anything. value is
    NaN for a choice that a fold cannot make. Raises UserError for no folds or a fold without epochs.
    """
    rows: list[tuple[Any, ...]] = []
    for fold in _check_folds(folds):
        for choice in CHOICES:
            epoch, value = _choose_epoch(fold, choice, measure)
            rows.append((fold.seed, str(fold.fold), choice, _valid(choice), epoch, len(fold.errors), value, NAN, NAN, len(fold.photos)))
    for score in epoch_scores(folds, measure=measure):
        mean = score.mean
        rows.append((None, "all", score.choice, _valid(score.choice), None, None, mean.value, mean.low, mean.high, mean.n))
    columns = ["seed", "fold", "choice", "valid", "epoch", "epochs", "value", "low", "high", "n"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(("seed", "epoch", "epochs"), "Int64"))
    about = {"experiment": experiment, "profile": profile, "metric": "mae" if measure == "years" else "accuracy"}
    return table.assign(**about)[list(COLUMNS)]


def epoch_scores(folds: Sequence[FoldEpochs], *, measure: Measure) -> list[EpochScore]:
    """The three choices over all folds, then OPTIMISM. Several seeds: each fold's value is averaged over them first."""
    scores, by_choice = [], {}
    for choice in CHOICES:
        choices = [(fold.fold, *_choose_epoch(fold, choice, measure)) for fold in _check_folds(folds)]
        values = pd.Series([value for _, _, value in choices]).groupby([fold for fold, _, _ in choices]).mean()
        by_choice[choice] = values
        known = not any(np.isnan(value) for _, _, value in choices)
        mean = t_interval(values) if known else Interval(NAN, NAN, NAN, len(values))
        scores.append(EpochScore(choice, mean, tuple(epoch for _, epoch, _ in choices if epoch is not None)))
    gain = by_choice[TEST] - by_choice[LAST]
    return [*scores, EpochScore(OPTIMISM, cluster_bootstrap(gain, np.ones(len(gain)), gain.index), ())]


def _check_folds(folds: Sequence[FoldEpochs]) -> Iterator[FoldEpochs]:
    if not folds or min(len(fold.errors) for fold in folds) < 1:
        raise UserError("There is no epoch to choose: the folds were tested without training.")
    yield from folds


def _choose_epoch(fold: FoldEpochs, choice: str, measure: Measure) -> tuple[int | None, float]:
    """The epoch, from 1, and the fold's score there; (None, NaN) without a validation loss. The first of equals is taken."""
    if choice == VALIDATION and not np.isfinite(fold.validation_loss).all():
        return None, NAN
    errors = fold.errors.mean(axis=1)
    number = {LAST: len(errors) - 1, VALIDATION: int(np.argmin(fold.validation_loss)), TEST: int(np.argmin(errors))}[choice]
    return number + 1, float(errors[number] if measure == "years" else 1 - errors[number])


def _valid(choice: str) -> str:
    return "yes" if choice in (LAST, VALIDATION) else "no"
