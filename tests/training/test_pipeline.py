"""Training batches: complete, in an order of their own each epoch, and the same when continued."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.training.augment import PLAIN, View
from agerepro.training.pipeline import BATCH, Examples, mean_over_views, predict_batches, steps_in, training_batches


class Numbers:
    """A source whose input says row and epoch."""

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        return np.stack([rows, np.full(len(rows), -1 if isinstance(view, str) else view)], axis=1).astype(np.float32)


def batches(epochs: range, count: int = 10, first_batch: int = 0) -> list[np.ndarray]:
    rows = np.arange(100, 100 + count)
    examples = Examples(Numbers(), rows, {"logits": rows.astype(np.float32) / 2}, np.ones(count, np.float32))
    loaded = []
    with training_batches(examples, batch=4, epochs=epochs, rng_key=(0, "s"), threads=3, first_batch=first_batch) as dataset:
        for inputs, targets, _ in dataset:
            np.testing.assert_array_equal(inputs.numpy()[:, 0] / 2, targets["logits"].numpy())
            loaded.append(inputs.numpy())
    return loaded


def test_every_row_once_an_epoch_in_another_order() -> None:
    loaded = batches(range(2))
    assert [len(batch) for batch in loaded] == [4, 4, 2, 4, 4, 2]
    first, second = np.concatenate(loaded[:3]), np.concatenate(loaded[3:])
    assert sorted(first[:, 0]) == sorted(second[:, 0]) == list(range(100, 110))
    assert list(first[:, 0]) != list(second[:, 0])
    assert set(first[:, 1]) == {0} and set(second[:, 1]) == {1}


def test_continued_batches_equal_the_undisturbed_ones() -> None:
    whole = batches(range(3))
    for rest, done in ((batches(range(1, 3)), 3), (batches(range(1, 3), first_batch=2), 5)):
        for batch, expected in zip(rest, whole[done:], strict=True):
            np.testing.assert_array_equal(batch, expected)


def test_steps_count_the_short_last_batch() -> None:
    examples = Examples(Numbers(), np.arange(10), {"logits": np.zeros(10, np.float32)}, np.ones(10, np.float32))
    assert (steps_in(examples, 4), steps_in(examples, 5)) == (3, 2)


class Echo:
    """A model that gives back its input, which is always a full batch."""

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        assert len(pixels) == BATCH
        return pixels


def test_outputs_come_for_every_row_from_full_batches_only() -> None:
    rows = np.arange(2 * BATCH + 3)[::-1]
    outputs = list(predict_batches(Echo(), Numbers(), rows, 5))
    assert [len(output) for output in outputs] == [BATCH, BATCH, 3]
    np.testing.assert_array_equal(np.concatenate(outputs), np.stack([rows, np.full(len(rows), 5)], axis=1))
    assert list(predict_batches(Echo(), Numbers(), rows[:0], PLAIN)) == []


class Broken(Numbers):
    """Row 107 cannot be read."""

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        if 107 in rows:
            raise UserError("row 107 is broken")
        return super().batch(rows, view)


def test_views_are_averaged_batch_by_batch_and_end_together() -> None:
    plain, mirrored = [np.array([[1.0], [2.0]]), np.array([[3.0]])], [np.array([[3.0], [6.0]]), np.array([[5.0]])]
    np.testing.assert_array_equal(np.concatenate(list(mean_over_views([iter(plain), iter(mirrored)]))), [[2.0], [4.0], [4.0]])
    assert list(mean_over_views([iter(plain)])) == plain
    with pytest.raises(ValueError, match="shorter"):
        list(mean_over_views([iter(plain), iter(mirrored[:1])]))


def test_an_error_of_a_loading_thread_reaches_the_training_and_no_thread_stays() -> None:
    examples = Examples(Broken(), np.arange(100, 110), {"logits": np.zeros(10, np.float32)}, np.ones(10, np.float32))
    with (
        pytest.raises(UserError, match=r"^row 107 is broken$"),
        training_batches(examples, batch=4, epochs=range(1), rng_key=(0, "s"), threads=3) as dataset,
    ):
        for _ in dataset:
            pass
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("faces")]
