"""Whether maps change when the network forgets: each photo's map beside its maps under random weights [Adebayo et al. 2018]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from agerepro.diagnosis.regions import TOGETHER, region_table, widened
from agerepro.explain.compare_maps import rank_correlation
from agerepro.explain.maps import Kind, maps_of
from agerepro.explain.random_weights import random_weights
from agerepro.explain.targets import Target
from agerepro.training.restore import Restored

DRAWS = 3  # random networks; one alone may by chance have maps like anything
COLUMNS = ("photo", "subject", "draw", "correlation", "absolute_correlation", "trained_relative", "random_relative")


def random_maps_of(
    back: Restored, images: np.ndarray, classes: Target, *, how: Kind, layer: str, on_draw: Callable[[int, int], None]
) -> np.ndarray:
    """(DRAWS, n, h, w) maps of these photos for the same classes, under as many networks with random weights in every layer."""
    found = []
    for draw in range(DRAWS):
        on_draw(draw, DRAWS)
        with random_weights(back.network.full, seed=draw):
            found.append(maps_of(back.network.full, images, layer, target=classes, bins=back.bins, how=how))
    on_draw(DRAWS, DRAWS)
    return np.stack(found)


def compared(photos: pd.DataFrame, maps: np.ndarray, random: np.ndarray, landmarks: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo and draw; photos: `photo`, `subject`, `age`; maps (n, h, w); random (draws, n, h, w).

    correlation: Spearman's, of the maps' places (absolute_correlation: of their absolute values); trained_relative and
    random_relative: energy a pixel in eyes and nose beside an even spread, NaN without usable landmarks.
    """
    trained = _together(photos, maps, landmarks)
    rows = []
    for draw, others in enumerate(random):
        table = photos[["photo", "subject"]].assign(draw=draw, correlation=rank_correlation(maps, others))
        table["absolute_correlation"] = rank_correlation(np.abs(maps), np.abs(others))
        rows.append(table.assign(trained_relative=trained, random_relative=_together(photos, others, landmarks)))
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]


def _together(photos: pd.DataFrame, maps: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Energy a pixel in eyes and nose of each photo, (n,), NaN where regions are unknown."""
    table = region_table(photos, maps, landmarks)
    if table.empty:
        return np.full(len(photos), np.nan)
    wide = widened(table).set_index("photo")
    return (wide[f"{TOGETHER} share"] / wide[f"{TOGETHER} area"]).reindex(photos["photo"]).to_numpy(float)
