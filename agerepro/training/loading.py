"""Input batches loaded by threads ahead of their use: the one way from stored faces to a network."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from agerepro.machine import loading_threads
from agerepro.training.augment import InputView, View

AHEAD = 2  # batches that each thread has in hand, loaded or being loaded


def load_batches(source: InputView, batches: Iterable[tuple[np.ndarray, View]], *, threads: int | None = None) -> Iterator[np.ndarray]:
    """The input (n, ...) of each batch, given as rows (n,) and view, in turn; at most AHEAD a thread are in memory.

    threads: None for as many as this process may use. What a thread raises is raised here, in the place of its batch. The threads
    end with the iterator, also where it is closed early.
    """
    threads = threads or loading_threads()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="faces")
    waiting: collections.deque[Future[np.ndarray]] = collections.deque()
    try:
        for rows, view in batches:
            waiting.append(pool.submit(source.batch, rows, view))
            if len(waiting) == AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
