"""Training batches as tf.data, in an order that depends on rng_key and epoch only; outputs of a model batch by batch."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from agerepro.rng import rng_for
from agerepro.training.augment import PLAIN, InputView

BATCH = 64  # rows predicted together
PREFETCH = 8  # batches loaded ahead of the one in use


@dataclass(frozen=True)
class Examples:
    """Rows (n,) of a source with what is to be learnt: targets (n,) float32, weights (n,) float32 with mean about 1."""

    source: InputView
    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def epoch_order(count: int, *, rng_key: tuple[str | int, ...], epoch: int) -> np.ndarray:
    """A permutation of range(count), the same whenever asked for."""
    return rng_for("order", *rng_key, epoch).permutation(count)


def steps_in(examples: Examples, batch: int) -> int:
    """Batches in an epoch, the last one possibly short."""
    return -(-len(examples) // batch)


def training_batches(examples: Examples, *, batch: int, epochs: range, rng_key: tuple[str | int, ...], threads: int) -> tf.data.Dataset:
    """Batches (input, target, weight) of all `epochs` in a row; `steps_in` of them make an epoch."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="faces") as pool:
            waiting: collections.deque[Future[tuple[np.ndarray, np.ndarray, np.ndarray]]] = collections.deque()
            for epoch, members in _members(len(examples), batch, epochs, rng_key):
                waiting.append(pool.submit(_load, examples, members, epoch))
                if len(waiting) >= PREFETCH:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    first = examples.source.batch(examples.rows[:1], PLAIN)
    signature = (
        tf.TensorSpec((None, *first.shape[1:]), first.dtype),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((None,), tf.float32),
    )
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2)


def predict_batches(model: keras.Model, source: InputView, rows: np.ndarray, view: int) -> Iterator[np.ndarray]:
    """Outputs (up to BATCH, ...) for the rows in turn; `view` is an epoch, PLAIN or MIRRORED.

    A short last batch is filled up with its last row, so that nothing is traced again for it.
    """
    for start in range(0, len(rows), BATCH):
        members = rows[start : start + BATCH]
        padded = np.concatenate([members, np.repeat(members[-1:], BATCH - len(members))])
        yield np.asarray(model.predict_on_batch(source.batch(padded, view)))[: len(members)]


def _members(count: int, batch: int, epochs: range, rng_key: tuple[str | int, ...]) -> Iterator[tuple[int, np.ndarray]]:
    for epoch in epochs:
        order = epoch_order(count, rng_key=rng_key, epoch=epoch)
        for start in range(0, count, batch):
            yield epoch, order[start : start + batch]


def _load(examples: Examples, members: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return examples.source.batch(examples.rows[members], epoch), examples.targets[members], examples.weights[members]
