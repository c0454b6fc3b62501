"""Deletion and insertion curves of a run's maps, beside those of random maps as smooth as they."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from agerepro.diagnosis.check_tables import MAPS, ORDERS
from agerepro.diagnosis.score import scores_of
from agerepro.explain.deletion import area, blurred, curves, grey, random_maps, smooth_noise
from agerepro.explain.heat import upsampled
from agerepro.explain.maps import SENSITIVITY, Kind
from agerepro.explain.sensitivity import SIGMA
from agerepro.explain.targets import Target
from agerepro.training.restore import Restored

STEPS = 10
COLUMNS = ("photo", "subject", "order", "map", "share", "score")


def curves_of(back: Restored, images: np.ndarray, maps: np.ndarray, classes: Target, *, how: Kind, seed: int) -> np.ndarray:
    """Scores (orders, maps, n, STEPS + 1) of these photos by the network as it is filled: probability of the class, or years.

    images (n, s, s, 3) uint8; maps (n, h, w), signed: what speaks most for the target goes first. Sensitivity maps speak neither for
    nor against: of them the score is `closeness`.
    """
    count, size = len(images), images.shape[1]
    if how == SENSITIVITY:
        others = smooth_noise(count, size, seed=seed, sigma=SIGMA)
    else:
        others = random_maps(count, size, seed=seed, coarse=max(maps.shape[1:]))
    # Both maps' curves at once: a network called with twice the photos takes less than twice the time.
    both, heat = np.concatenate([images, images]).astype(np.float32), np.concatenate([upsampled(maps, size), others])
    target = np.concatenate([classes, classes]) if isinstance(classes, np.ndarray) and classes.ndim else classes
    found = []
    for order, start in zip(ORDERS, (grey(both), blurred(both))):
        scores = curves(
            lambda changed: scores_of(back, changed, target),
            both,
            heat,
            order="deletion" if order == "deletion" else "insertion",
            start=start,
            steps=STEPS,
        )
        found.append(np.stack([scores[:count], scores[count:]]))
    return closeness(np.stack(found)) if how == SENSITIVITY else np.stack(found)


def closeness(scores: np.ndarray) -> np.ndarray:
    """Minus how far each score is from that of the untouched photo, where deletion starts; (orders, maps, n, STEPS + 1) both."""
    return -np.abs(scores - scores[:1, :, :, :1])


def curve_table(photos: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo, order, kind of map and share of pixels changed; scores (orders, maps, n, STEPS + 1)."""
    parts = []
    for (o, order), (m, kind) in product(enumerate(ORDERS), enumerate(MAPS)):
        of_photo = scores[o, m]
        parts.append(
            pd.DataFrame(
                {
                    "photo": np.repeat(photos["photo"].to_numpy(), STEPS + 1),
                    "subject": np.repeat(photos["subject"].to_numpy(), STEPS + 1),
                    "order": order,
                    "map": kind,
                    "share": np.tile(np.arange(STEPS + 1) / STEPS, len(photos)),
                    "score": of_photo.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def areas(scores: np.ndarray) -> np.ndarray:
    """The area under each curve, (orders, maps, n)."""
    return area(scores.reshape(-1, scores.shape[-1])).reshape(scores.shape[:-1])
