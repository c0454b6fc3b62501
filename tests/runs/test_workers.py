"""Worker processes: a device each, runs in turn, what becomes of one that dies, and of all when their parent fails."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agerepro.errors import UserError
from agerepro.machine import WORKERS
from agerepro.runs import workers as workers_module
from agerepro.runs.layout import Run
from agerepro.runs.plan import RunOptions
from agerepro.runs.workers import Workers

Started = list[tuple[str, str | None, list[str]]]  # name of the run's folder, device, command
REAL = workers_module.subprocess.Popen


def plan_in(folder: Path, **options: Any) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return SimpleNamespace(run=Run(folder), options=RunOptions(Path("tiny.yaml"), **options))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Started]:
    """Workers run the given Python code in place of folds; what they were started with is listed."""

    def use(code: str) -> Started:
        seen: Started = []

        def popen(command: list[str], *, env: dict[str, str], stdout: Any, **more: Any) -> Any:
            seen.append((Path(stdout.name).parent.name, env.get("CUDA_VISIBLE_DEVICES"), command))
            return REAL([sys.executable, "-c", code], env=env, stdout=stdout, **more)

        monkeypatch.setattr(workers_module.subprocess, "Popen", popen)
        return seen

    return use


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("waited for 5 s in vain")


def test_each_has_a_device_and_does_the_runs_in_turn(
    tmp_path: Path, started: Callable[[str], Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    seen = started("raise SystemExit(75)")  # one that was asked to stop has saved: that is no failure
    first, second = plan_in(tmp_path / "one", folds="0-3", settings=("seeds=[1]",)), plan_in(tmp_path / "two")
    with Workers(2, devices=["4", "5"]) as workers:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4" and os.environ[WORKERS] == "3"
        workers.help_with(first, 2)
        workers.help_with(second, 1)
        wait_until(lambda: len(seen) == 3)
    assert sorted((name, device) for name, device, _ in seen) == [("one", "4"), ("one", "5"), ("two", "5")]
    assert [name for name, device, _ in seen if device == "5"] == ["one", "two"]
    assert all({"--worker", "fold", "0-3", "seeds=[1]"} <= set(command) for name, _, command in seen if name == "one")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ and WORKERS not in os.environ


@pytest.mark.parametrize(("own", "expected"), [(1, "4"), (2, "4,5"), (0, "4,5,6")])
def test_this_process_keeps_as_many_devices_as_its_stages_train_on(monkeypatch: pytest.MonkeyPatch, own: int, expected: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    with Workers(1, devices=["4", "5", "6"], own=own):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_one_that_dies_is_said_with_the_end_of_its_log(tmp_path: Path, started: Callable[[str], Started]) -> None:
    started("print('out of memory', flush=True); raise SystemExit(137)")
    with pytest.raises(UserError, match=r"(?s)worker-1\.log:.*out of memory"), Workers(1) as workers:
        workers.help_with(plan_in(tmp_path / "run"), 1)
        wait_until((tmp_path / "run" / "worker-1.log").is_file)


def test_an_error_ends_those_at_work_and_begins_nothing_more(tmp_path: Path, started: Callable[[str], Started]) -> None:
    seen = started("import time; print('at work', flush=True); time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(UserError, match="the error itself"), Workers(1) as workers:
        workers.help_with(plan_in(tmp_path / "one"), 1)
        workers.help_with(plan_in(tmp_path / "two"), 1)
        wait_until(lambda: (tmp_path / "one" / "worker-1.log").is_file() and b"at work" in (tmp_path / "one" / "worker-1.log").read_bytes())
        raise UserError("the error itself")
    assert len(seen) == 1 and time.monotonic() - began < 30


def test_none_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKERS, raising=False)
    with Workers(0, devices=["0"]) as workers:
        workers.help_with(SimpleNamespace(), 3)  # type: ignore[arg-type]
        assert WORKERS not in os.environ


def test_the_first_prepares_ahead_what_later_experiments_need_alone(tmp_path: Path, started: Callable[[str], Started]) -> None:
    def faces(name: str, current: bool = False) -> Any:
        return SimpleNamespace(place=tmp_path / name, is_current=lambda: current, is_done=lambda: current)

    seen = started("pass")
    first, second = plan_in(tmp_path / "one", runs=tmp_path), plan_in(tmp_path / "two", runs=tmp_path)
    first.prepared = {"fgnet": faces("fgnet")}
    second.prepared = {"imdb": faces("imdb"), "agedb": faces("agedb", current=True), "fgnet": faces("fgnet")}
    with Workers(2) as workers:
        workers.prepare_ahead([first, second, second])
        workers.help_with(first, 2)
        wait_until(lambda: len(seen) == 3)
    assert [words for _, _, command in seen if "prepare" in command for words in [command[5:7]]] == [["prepare", "imdb"]]
    assert sum("fold" in command for _, _, command in seen) == 2
