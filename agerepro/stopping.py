"""Asked to stop from outside: a signal is noted, and long work ends where it has saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agerepro.errors import Interrupted

# What Slurm sends before a time limit or a preemption, and what `kill` and the end of a container send.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

_received: list[str] = []  # names of the signals that came, the first first


@contextmanager
def noting_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGUSR1 are noted instead of ending the process; only a process's main thread can do so, others do nothing.

    The second signal of a kind ends the process as it would have at first: who insists is not kept waiting.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _received.clear()


def stop_requested() -> bool:
    """Whether a signal has come; the caller saves and then calls `interrupt`."""
    return bool(_received)


def interrupt(where: str) -> Interrupted:
    """The error to raise after saving: what was interrupted, by which signal, and that the same command continues."""
    name = _received[0] if _received else "a request"
    return Interrupted(f"{where}: stopped by {name}, saved. The same command continues there.")


def check_stop(where: str) -> None:
    """Raise Interrupted where a signal has come; for work whose every step is saved already, or that is soon done again."""
    if _received:
        raise interrupt(where)


def _note(number: int, frame: FrameType | None) -> None:
    _received.append(signal.Signals(number).name)
    signal.signal(number, signal.SIG_DFL)
