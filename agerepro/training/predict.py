"""A model's outputs for rows of a source, batch by batch, all batches of one shape."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from agerepro.inputs.sources import Source

BATCH = 64


def predicted(model: keras.Model, source: Source, rows: np.ndarray, view: int) -> Iterator[np.ndarray]:
    """Outputs (up to BATCH, ...) for the rows in turn; `view` is an epoch, PLAIN or MIRRORED.

    A short last batch is filled up with its last row, so that nothing is traced again for it.
    """
    for at in range(0, len(rows), BATCH):
        members = rows[at : at + BATCH]
        padded = np.concatenate([members, np.repeat(members[-1:], BATCH - len(members))])
        yield np.asarray(model.predict_on_batch(source.batch(padded, view)))[: len(members)]
