"""The shell of a job, run by bash with a step, a scontrol and a sleep of our own: which signal and which exit code come to what."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agerepro.cluster.jobs import Job, script
from agerepro.cluster.settings import ClusterSettings

# A step: notes signals as agerepro does (a second of a kind ends it), and ends as told by the words after "step".
STEP = """\
import os, signal, sys, time
if "--deaf" not in sys.argv:
    def note(number, frame):
        print("noted", signal.Signals(number).name, flush=True)
        noted.append(number)
        signal.signal(number, signal.SIG_DFL)
    noted = []
    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGUSR1, note)
else:
    noted = []
print("step", *sys.argv[2:], os.getpid(), flush=True)
code = int(sys.argv[3])
until = time.monotonic() + (0 if "--wait" not in sys.argv else 20)
while not noted and time.monotonic() < until:
    time.sleep(0.01)
if noted:
    time.sleep(0.3)  # in which a second signal would end it
    print("saved", flush=True)
sys.exit(75 if noted and "--late" not in sys.argv else code)
"""
# Slurm's TERM reaches the script and its scontrol while that one runs.
SCONTROL = """\
echo "$@" >>"$CALLS"
case $1 in
  show) cat "$SHOWN" ;;
  requeue)
    kill -TERM "$PPID" $$
    if [ -s "$REFUSALS" ]; then sed -i 1d "$REFUSALS"; echo "busy" >&2; exit 1; fi
    echo "done" >>"$CALLS" ;;
esac
"""
RUNNING = (
    "JobId=41 ArrayJobId=40 ArrayTaskId=7\n   JobState=RUNNING Reason=None\n   PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime=None\n"
)
PREEMPTED = RUNNING.replace("PreemptTime=None", "PreemptTime=2026-01-01T00:10:00")
OVER_TIME = RUNNING.replace("JobState=RUNNING Reason=None", "JobState=COMPLETING Reason=TimeLimit")
ARRAY = {"SLURM_JOB_ID": "41", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "7"}
WAITING = '"$folds" 0 --wait'


class Started:
    """A script that runs, and what came of it."""

    def __init__(self, folder: Path, text: str, variables: dict[str, str]) -> None:
        self.folder = folder
        (folder / "job.sh").write_text(text, encoding="utf-8")
        self.output = (folder / "output.txt").open("w+", encoding="utf-8")
        paths = {"CALLS": folder / "calls.txt", "SHOWN": folder / "shown.txt", "REFUSALS": folder / "refusals.txt"}
        environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", **{name: str(path) for name, path in paths.items()}, **variables}
        self.process = subprocess.Popen(["bash", folder / "job.sh"], stdout=self.output, stderr=subprocess.STDOUT, env=environment)

    def said(self) -> str:
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def wait_for(self, pattern: str) -> re.Match[str]:
        end = time.monotonic() + 20
        while not (found := re.search(pattern, self.said(), re.MULTILINE)):
            assert time.monotonic() < end, f"{pattern!r} never came: {self.said()}"
            time.sleep(0.01)
        return found

    def signal_running(self, *signals: signal.Signals, child_too: bool = False) -> Started:
        """Once the step runs, signals to the script; child_too: to the step as well, as Slurm does when it ends a job."""
        child = int(self.wait_for(r"^step .* (\d+)$")[1])
        for number in signals:
            if child_too:
                os.kill(child, number)
            self.process.send_signal(number)
        return self

    def end(self) -> int:
        code = self.process.wait(timeout=30)
        self.output.close()
        return code

    def calls(self) -> list[str]:
        calls = self.folder / "calls.txt"
        return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []

    @property
    def requeued(self) -> int:
        return self.calls().count("done")

    @property
    def timeouts(self) -> str | None:
        counted = self.folder / "a log" / "40_7.timeouts"
        return counted.read_text(encoding="utf-8").strip() if counted.exists() else None


Start = Callable[..., Started]


def rendered(folder: Path, *commands: str, tasks: tuple[str, ...] = ("7",), settings: ClusterSettings | None = None) -> str:
    """The script of an array whose steps are `agerepro step COMMAND` each."""
    numbers = tuple(int(task) for task in tasks) if all(task.isdigit() for task in tasks) else tuple(range(len(tasks)))
    job = Job("fold-tiny", "fold", "Train and test a fold.", tuple(f"step {words}" for words in commands), tasks=tasks, numbers=numbers)
    settings = settings or ClusterSettings(timeouts=2)
    return script(job, replace(settings, command="agerepro"), folder=folder / "a log", workdir=folder)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "bin").mkdir()
    (tmp_path / "a log").mkdir()
    (tmp_path / "shown.txt").write_text(RUNNING, encoding="utf-8")
    (tmp_path / "step.py").write_text(STEP, encoding="utf-8")
    programs = {
        "agerepro": f'exec {sys.executable} -S -E {tmp_path}/step.py "$@"\n',
        "scontrol": SCONTROL,
        "sleep": "exec /bin/sleep 0.1\n",
    }
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)

    def begin(*commands: str, shown: str = RUNNING, variables: dict[str, str] = ARRAY, **more: object) -> Started:
        (tmp_path / "shown.txt").write_text(shown, encoding="utf-8")
        return Started(tmp_path, rendered(tmp_path, *commands, **more), variables)  # type: ignore[arg-type]

    return begin


@pytest.mark.parametrize("code", [0, 1, 2, 137])
def test_a_step_that_nobody_stopped_gives_its_own_code(start: Start, code: int) -> None:
    job = start(f'"$folds" {code}')
    assert job.end() == code and job.calls() == [] and "step 7" in job.said()


def test_the_time_limit_requeues_this_very_task_a_bounded_number_of_times(start: Start) -> None:
    for count in (1, 2):
        job = start(WAITING).signal_running(signal.SIGUSR1)
        assert job.end() == 75 and job.requeued == count and job.timeouts == str(count)
    assert set(job.calls()) == {"show job 40_7", "requeue 40_7", "done"}
    job = start(WAITING).signal_running(signal.SIGUSR1)
    assert job.end() == 75 and job.requeued == 2 and "40_7 reached its time limit 3 times" in job.said()
    assert job.timeouts is None, "requeued by hand it would count on"


@pytest.mark.parametrize("first", [(), (signal.SIGUSR1,)])
def test_a_time_limit_that_came_without_a_signal_or_before_the_step_had_saved_counts_as_well(
    start: Start, first: tuple[signal.Signals, ...]
) -> None:
    job = start(WAITING, shown=OVER_TIME).signal_running(*first)
    assert job.signal_running(signal.SIGTERM, child_too=True).end() == 75
    assert job.requeued == 1 and job.timeouts == "1" and "saved" in job.said()


def test_a_single_job_is_requeued_by_its_own_number(start: Start) -> None:
    job = start("fold 0 --wait", tasks=(), variables={"SLURM_JOB_ID": "41"}).signal_running(signal.SIGUSR1)
    assert job.end() == 75 and "requeue 41" in job.calls() and (job.folder / "a log" / "41.timeouts").exists()


def test_a_task_that_ends_after_its_time_limits_leaves_no_count(start: Start) -> None:
    start(WAITING).signal_running(signal.SIGUSR1).end()
    job = start('"$folds" 0')
    assert job.end() == 0 and job.timeouts is None


def test_who_cancels_or_requeues_is_not_requeued_once_more(start: Start) -> None:
    job = start(WAITING).signal_running(signal.SIGTERM, child_too=True)
    assert job.end() == 75 and job.requeued == 0 and "saved" in job.said()


def test_a_cancellation_after_the_time_limits_signal_wins(start: Start) -> None:
    job = start(WAITING).signal_running(signal.SIGUSR1)
    job.signal_running(signal.SIGTERM)
    assert job.end() == 75 and job.requeued == 0 and job.timeouts is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_preempted_job_comes_back_any_number_of_times(start: Start, number: signal.Signals) -> None:
    for count in range(1, 5):
        job = start(WAITING, shown=PREEMPTED).signal_running(number, child_too=number == signal.SIGTERM)
        assert job.end() == 75 and job.requeued == count and job.timeouts is None and job.said().count("saved") == 1


@pytest.mark.parametrize("signals", [(signal.SIGUSR1, signal.SIGUSR1), (signal.SIGUSR1, signal.SIGTERM), (signal.SIGTERM, signal.SIGTERM)])
def test_signals_in_a_row_ask_a_step_once(start: Start, signals: tuple[signal.Signals, ...]) -> None:
    job = start(WAITING).signal_running(*signals)
    assert job.end() == 75 and job.said().count("noted SIGUSR1") == 1 and "saved" in job.said() and "noted SIGTERM" not in job.said()


@pytest.mark.parametrize(("number", "requeued"), [(signal.SIGUSR1, 1), (signal.SIGTERM, 0)])
def test_a_signal_before_the_step_begins_is_kept(start: Start, number: signal.Signals, requeued: int) -> None:
    settings = ClusterSettings(timeouts=2, setup="echo setting up; /bin/sleep 0.5")
    job = start(WAITING, settings=settings)
    job.wait_for("setting up")
    job.process.send_signal(number)
    assert job.end() == 75 and job.requeued == requeued and "step" not in job.said()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_step_that_dies_of_the_signal_is_continued_all_the_same(start: Start, number: signal.Signals) -> None:
    job = start(f"{WAITING} --deaf", shown=PREEMPTED).signal_running(number, child_too=number == signal.SIGTERM)
    assert job.end() == 75 and job.requeued == 1 and "saved" not in job.said()


def test_no_signal_is_lost_while_the_step_starts(start: Start) -> None:
    first = start(WAITING)
    (first.folder / "bin" / "sleep").unlink()  # the pause before a signal is passed on is what this is about
    first.signal_running(signal.SIGUSR1).end()
    text = (first.folder / "job.sh").read_text(encoding="utf-8")
    jobs = []
    for number in range(12):
        folder = first.folder / str(number)
        shutil.copytree(first.folder / "bin", folder / "bin")
        (folder / "shown.txt").write_text(RUNNING, encoding="utf-8")
        job = Started(folder, text, {**ARRAY, "SLURM_ARRAY_JOB_ID": str(number)})
        job.wait_for("restarts:")
        time.sleep(number * 0.002)
        job.process.send_signal(signal.SIGUSR1)
        jobs.append(job)
    assert [(job.end(), job.requeued) for job in jobs] == [(75, 1)] * 12


def test_a_step_that_was_done_before_it_could_stop_is_done(start: Start) -> None:
    job = start(f"{WAITING} --late").signal_running(signal.SIGUSR1)
    assert job.end() == 0 and job.requeued == 0


def test_a_refused_requeue_is_tried_again_and_then_said(start: Start, tmp_path: Path) -> None:
    (tmp_path / "refusals.txt").write_text("1\n2\n", encoding="utf-8")
    job = start(WAITING).signal_running(signal.SIGUSR1)
    assert job.end() == 75 and job.calls().count("requeue 40_7") == 3 and job.requeued == 1
    (tmp_path / "refusals.txt").write_text("1\n2\n3\n4\n", encoding="utf-8")
    job = start(WAITING).signal_running(signal.SIGUSR1)
    assert job.end() == 75 and job.requeued == 1 and "40_7 could not be requeued" in job.said()


def test_later_commands_run_after_a_failure_and_the_first_code_counts(start: Start) -> None:
    job = start("first 3", "second 0", "third 4")
    assert job.end() == 3 and re.findall(r"^step (\w+)", job.said(), re.MULTILINE) == ["first", "second", "third"]


def test_nothing_is_started_after_a_command_that_was_stopped(start: Start) -> None:
    job = start("first 1", "second 0 --wait", "third 0")
    job.wait_for("step second")
    job.process.send_signal(signal.SIGUSR1)
    assert job.end() == 75 and job.requeued == 1 and "third" not in job.said()


def test_a_task_looks_up_its_folds(start: Start) -> None:
    job = start('"$folds" 0', tasks=("0-3", "4,6", "8"), variables={**ARRAY, "SLURM_ARRAY_TASK_ID": "1"})
    assert job.end() == 0 and "step 4,6 0" in job.said()


def test_environment_and_setup_come_before_the_step_and_quotes_are_kept(start: Start) -> None:
    settings = ClusterSettings(environment={"COLOUR": "it's $red"}, setup='echo "set: $COLOUR"')
    job = start('"$folds" 0', settings=settings)
    assert job.end() == 0 and "set: it's $red" in job.said()


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
@pytest.mark.parametrize("tasks", [(), ("0", "7"), ("0-3", "4,6")])
def test_shellcheck_has_nothing_to_say(tmp_path: Path, tasks: tuple[str, ...]) -> None:
    settings = ClusterSettings(
        modules=("cuda/12.5",), environment={"A": "b c"}, setup="umask 077", options=("--qos=long",), folds_at_once=4
    )
    for commands in (('fold "$folds"',) if tasks else ("collect",), ("collect", "report")):
        text = rendered(tmp_path, *commands, tasks=tasks, settings=settings)
        done = subprocess.run(["shellcheck", "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
