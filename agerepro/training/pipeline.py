"""Training batches as tf.data, in an order that depends on rng_key and epoch only; outputs of a model batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from agerepro.rng import rng_for
from agerepro.training.augment import PLAIN, InputView, View
from agerepro.training.loading import load_batches

BATCH = 64  # rows predicted together


class Predictor(Protocol):
    """A Keras model, or whatever else says what comes out of a batch."""

    def predict_on_batch(self, x: np.ndarray) -> Any:
        """(n, ...) outputs of (n, ...) inputs, or a dictionary of them."""
        ...


@dataclass(frozen=True)
class Examples:
    """Rows (n,) of a source with what is to be learnt: targets (n, ...) float32 by output, weights (n,) float32 with mean about 1."""

    source: InputView
    rows: np.ndarray
    targets: Mapping[str, np.ndarray]
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def epoch_order(count: int, *, rng_key: tuple[str | int, ...], epoch: int) -> np.ndarray:
    """A permutation of range(count), the same whenever asked for."""
    return rng_for("order", *rng_key, epoch).permutation(count)


def steps_in(examples: Examples, batch: int) -> int:
    """Batches in an epoch, the last one possibly short."""
    return -(-len(examples) // batch)


@contextmanager
def training_batches(
    examples: Examples, *, batch: int, epochs: range, rng_key: tuple[str | int, ...], threads: int, first_batch: int = 0
) -> Iterator[tf.data.Dataset]:
    """Batches (input, targets by output, weight) of all `epochs` in a row, `steps_in` of them each, of the first from `first_batch` on.

    What a loading thread raises leaves the context as it was raised: TensorFlow knows errors of its own only.
    """
    errors: list[Exception] = []

    def batches() -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]:
        ahead, now = itertools.tee(_members(len(examples), batch, epochs, rng_key, first_batch))
        loaded = load_batches(examples.source, ((examples.rows[members], epoch) for epoch, members in ahead), threads=threads)
        try:
            for pixels, (_, members) in zip(loaded, now):
                yield pixels, {name: values[members] for name, values in examples.targets.items()}, examples.weights[members]
        except Exception as error:
            errors.append(error)
            raise

    first = examples.source.batch(examples.rows[:1], PLAIN)
    signature = (
        tf.TensorSpec((None, *first.shape[1:]), first.dtype),
        {name: tf.TensorSpec((None, *values.shape[1:]), tf.float32) for name, values in examples.targets.items()},
        tf.TensorSpec((None,), tf.float32),
    )
    try:
        yield tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(2).with_options(_untuned())
    except tf.errors.OpError:
        if errors:
            raise errors[0] from None
        raise


def _untuned() -> tf.data.Options:
    """Without the thread that tunes buffers while a pipeline runs: there is nothing to tune here, and a pipeline that ends now and then
    waits for it, up to ten seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def predict_batches(model: Predictor, source: InputView, rows: np.ndarray, view: View) -> Iterator[Any]:
    """Outputs (up to BATCH, ...) for the rows in turn, an array or a dictionary of them as the model gives them.

    The next batches are loaded while the model is at work. A short last batch is filled up with its last row, so that nothing is traced
    again for it.
    """
    parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    filled = ((np.concatenate([part, np.repeat(part[-1:], BATCH - len(part))]), view) for part in parts)
    for pixels, part in zip(load_batches(source, filled), parts):
        outputs = model.predict_on_batch(pixels)
        yield (
            {name: np.asarray(values)[: len(part)] for name, values in outputs.items()}
            if isinstance(outputs, Mapping)
            else np.asarray(outputs)[: len(part)]
        )


def mean_over_views(streams: Sequence[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """What the streams, one a view of the same rows, give in turn, (up to BATCH, ...) each, on average over them; of one as it is."""
    for answers in zip(*streams, strict=True):
        yield np.mean(answers, axis=0) if len(answers) > 1 else answers[0]


def _members(count: int, batch: int, epochs: range, rng_key: tuple[str | int, ...], first_batch: int) -> Iterator[tuple[int, np.ndarray]]:
    for epoch in epochs:
        order = epoch_order(count, rng_key=rng_key, epoch=epoch)
        for start in range(first_batch * batch if epoch == epochs.start else 0, count, batch):
            yield epoch, order[start : start + batch]
