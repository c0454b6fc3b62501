"""Ages in years from a network's outputs; NumPy only, float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

HALF = 0.5 - 1e-12  # a cumulative sum that is one half but for rounding counts as one half


def posterior(logits: np.ndarray) -> np.ndarray:
    """Softmax over classes: (n, bins) logits -> (n, bins) float64, rows sum to 1; safe for logits of any size."""
    logits = np.asarray(logits, np.float64)
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def expectation(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Mean of the posterior over the ages that the neurons stand for: (n, bins), (bins,) -> (n,) years [Rothe et al. 2015, DEX]."""
    return np.asarray(probabilities, np.float64) @ np.asarray(bins, np.float64)


def rounded(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The expectation rounded to whole years, halves up: (n,) years."""
    return np.floor(expectation(probabilities, bins) + 0.5)


def median(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The youngest age at which half of the posterior is reached, `bins` rising: (n,) years; it minimises expected absolute error."""
    reached = np.cumsum(np.asarray(probabilities, np.float64), axis=1) >= HALF
    return np.asarray(bins, np.float64)[reached.argmax(axis=1)]


def argmax(probabilities: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The most probable age, the youngest of equals: (n,) years."""
    return np.asarray(bins, np.float64)[np.asarray(probabilities).argmax(axis=1)]


DECODE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "expectation": expectation,
    "rounded": rounded,
    "median": median,
    "argmax": argmax,
}


def decoded(outputs: np.ndarray, bins: np.ndarray, how: str) -> dict[str, np.ndarray]:
    """The columns `predicted` (decoded as `how` says) and every name of DECODE, each (n,) float64 years.

    outputs: (n, bins) posteriors; for `how` = "value" (n, 1) years, and the columns of DECODE are NaN: there is no posterior.
    """
    outputs = np.asarray(outputs, np.float64)
    if how == "value":
        nothing = np.full(len(outputs), np.nan)
        return {"predicted": outputs[:, 0], **{name: nothing.copy() for name in DECODE}}
    columns = {name: decode(outputs, bins) for name, decode in DECODE.items()}
    return {"predicted": columns[how], **columns}
