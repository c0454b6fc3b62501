"""Processes that do steps beside this one, each on a device of its own, and end when this one does."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from agerepro.errors import Interrupted, UserError
from agerepro.machine import WORKERS

if TYPE_CHECKING:
    from agerepro.runs.plan import Plan

ENDS_WITHIN_S = 60.0  # a worker that was asked to stop is killed after this
CONTINUED = (0, 1, Interrupted.exit_code)  # exit codes of a worker whose state is on disk


class Workers:
    """`count` workers, numbered from 1; each does the steps that it is given in turn, a process each.

    The folds of a run have their log in its folder, faces that are prepared in RUNS/faces.

    devices: what CUDA_VISIBLE_DEVICES is set to, the first for this process, the next for worker 1, and round again; none on a CPU.
    own: how many of them this process may use, the first ones, 0 for all: a shared stage may train on several [machine.devices].
    While there are workers, this process shares the machine with them [agerepro.machine.workers]. Left by an error, they are asked to
    save and end.
    """

    def __init__(self, count: int, *, devices: Sequence[str] = (), own: int = 1) -> None:
        self.devices, self.own = list(devices), own
        self._before = {name: os.environ.get(name) for name in (WORKERS, "CUDA_VISIBLE_DEVICES")}
        self._steps: list[queue.SimpleQueue[tuple[Plan, str, str] | None]] = [queue.SimpleQueue() for _ in range(count)]
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(1, count + 1)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._died: list[Path] = []
        self._lock, self._ending, self._stopped = threading.Lock(), False, False

    def __enter__(self) -> Workers:
        if self._threads:
            os.environ[WORKERS] = str(len(self._threads) + 1)
            if self.devices:
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(self.devices[: self.own or None])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending = True  # what has not begun is done already, or not to be done
        if kind is not None:
            self._stop()
        for steps in self._steps:
            steps.put(None)
        for thread in self._threads:
            thread.join()
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        if kind is None:
            self.check()

    def help_with(self, plan: Plan, count: int) -> None:
        """Let up to `count` workers do folds of a plan, when they are done with those they were given before."""
        for steps in self._steps[:count]:
            steps.put((plan, "fold", plan.options.folds or "all"))

    def prepare_ahead(self, plans: Sequence[Plan]) -> None:
        """Let the first worker prepare the data sets that the first plan does not need, each once, in the order of their use."""
        sets: dict[Path, tuple[Plan, str]] = {}
        for plan in plans[1:]:
            for name, faces in plan.prepared.items():
                if faces.place not in {first.place for first in plans[0].prepared.values()} and not faces.is_current():
                    sets.setdefault(faces.place, (plan, name))
        for plan, name in sets.values() if self._steps else ():
            self._steps[0].put((plan, "prepare", name))

    def check(self) -> None:
        """UserError with the end of its log where a worker died of something else than its folds."""
        if self._died:
            log = self._died[0]
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
            text = f"A worker process died; see {log}:"
            raise UserError("\n".join([text, *tail, "The same command continues."]))

    def _work(self, number: int) -> None:
        """What the thread of a worker does: a process for each step, one after the other."""
        while (step := self._steps[number - 1].get()) is not None:
            plan, kind, what = step
            if kind == "prepare" and plan.prepared[what].is_done():
                continue
            with self._lock:
                if self._ending:
                    return
                process, log = self._start(plan, kind, what, number)
                self._processes[number] = process
            code = process.wait()
            if process.stdin:
                process.stdin.close()
            # What is wrong with a data set, this process finds as well when it comes to it, and says.
            if kind == "fold" and code not in CONTINUED and not self._stopped:
                self._died.append(log)

    def _start(self, plan: Plan, kind: str, what: str, number: int) -> tuple[subprocess.Popen[bytes], Path]:
        """A process that does a step, or folds until none is free: it holds one end of a pipe, and stops when the other end is closed."""
        place = plan.run.folder if plan.run is not None and kind == "fold" else plan.options.runs / "faces"
        place.mkdir(parents=True, exist_ok=True)
        log = place / (f"worker-{number}.log" if kind == "fold" else f"prepare-{what}.log")
        environment = dict(os.environ)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = self.devices[number % len(self.devices)]
        command = [sys.executable, "-m", "agerepro", "step", *plan.options.arguments(kind, what), "--worker"]
        with log.open("ab") as file:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT, env=environment)
        return process, log

    def _stop(self) -> None:
        """Ask all to save and end, and see to it that they do."""
        with self._lock:
            self._stopped = True  # how they end is no failure from now on
            processes = list(self._processes.values())
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def stop_with_parent() -> None:
    """In a worker: when its standard input ends, as it does when the process that started it is gone, ask this process to stop."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):  # the descriptor itself: Python's own stream may not be read while a process ends
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent").start()
