"""Batches come in order, few are loaded ahead, errors arrive, and threads end."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.training.augment import MIRRORED, PLAIN, View
from agerepro.training.loading import AHEAD, load_batches


class Counting:
    """A source that says which rows and view it was asked for; the first batch waits until `first_waits_for` were asked for."""

    def __init__(self, broken: int = -1, first_waits_for: int = 0) -> None:
        self.asked, self.broken, self.first_waits_for = 0, broken, first_waits_for
        self.changed = threading.Condition()

    def wait_for(self, asked: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked >= asked, timeout=20)

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
        if self.broken in rows:
            raise UserError(f"face {self.broken} is broken")
        if rows[0] == 0:
            self.wait_for(self.first_waits_for)
        number = {PLAIN: -1, MIRRORED: -2}[view] if isinstance(view, str) else view
        return np.stack([rows, np.full(len(rows), number)], axis=1)


def loading() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("faces")]


def batches(count: int, view: View = PLAIN) -> list[tuple[np.ndarray, View]]:
    return [(np.array([2 * number, 2 * number + 1]), view) for number in range(count)]


def test_batches_come_in_order_whoever_is_first() -> None:
    asked = [*batches(8, 3), *batches(3, MIRRORED)]
    loaded = list(load_batches(Counting(first_waits_for=4), asked, threads=4))
    np.testing.assert_array_equal(np.concatenate(loaded)[:, 0], np.concatenate([rows for rows, _ in asked]))
    assert [batch[0, 1] for batch in loaded] == [3] * 8 + [-2] * 3
    assert list(load_batches(Counting(), [])) == [] and not loading()


def test_only_so_many_are_loaded_ahead_and_the_threads_end_with_the_iterator() -> None:
    source = Counting()
    loaded = load_batches(source, batches(100), threads=2)
    for taken in range(1, 6):
        next(loaded)
        source.wait_for(taken + 1)
        assert source.asked <= taken - 1 + 2 * AHEAD
    assert len(loading()) == 2
    loaded.close()
    assert not loading() and source.asked < 10


def test_an_error_of_a_thread_is_raised_in_the_place_of_its_batch() -> None:
    loaded = load_batches(Counting(broken=6), batches(20), threads=3)
    assert [int(next(loaded)[0, 0]) for _ in range(3)] == [0, 2, 4]
    with pytest.raises(UserError, match="face 6 is broken"):
        next(loaded)
    assert not loading()
