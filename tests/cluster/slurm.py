"""The folds as an array on a real Slurm of one node, with everything going wrong on the way: `make test-slurm` (root, Debian, minutes).

Not collected with the other tests: it installs packages, makes a user and starts daemons. The jobs are a plain user's.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agerepro.runs.layout import Run
from tests.runs.cascade import TINY, fingerprints, tiny_run

REPOSITORY = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node.sh"
HELD = Path(__file__).parent / "held.py"
USER = os.environ.get("AGEREPRO_SLURM_USER", "slurmtest")
FOLDS = 8
EXPERIMENT = (str(TINY), "--set", f"stages.fgnet.protocol={{image_kfold: {{folds: {FOLDS}}}}}")
CLUSTER = """\
command: {command}
environment: {{HELD: {folder}}}
lead: 60
prepare: {{time: "10", cpus: 1, memory: 1500M}}
train: {{time: "10", cpus: 1, memory: 1500M}}
fold: {{time: "10", cpus: 1, memory: 1500M, gpus: 1}}
collect: {{time: "10", cpus: 1, memory: 1500M}}
"""


class Site:
    """A plain user's folder on the node: an agerepro, a cluster.yaml, runs."""

    def __init__(self, folder: Path, python: Sequence[str]) -> None:
        self.folder, self.runs, self.python = folder, folder / "runs", list(python)
        launcher = folder / "agerepro"
        launcher.write_text(f'#!/bin/bash\nexec {" ".join(python)} {HELD} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)
        (folder / "cluster.yaml").write_text(CLUSTER.format(command=launcher, folder=folder), encoding="utf-8")

    def run(self, *command: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return as_user(command, folder=self.folder, timeout=timeout)

    def ask(self, *command: object, code: int = 0, timeout: float = 120) -> str:
        done = self.run(*command, timeout=timeout)
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def agerepro(self, command: str, *options: object, code: int = 0, runs: Path | None = None) -> str:
        arguments = (self.folder / "agerepro", command, *EXPERIMENT, "--runs", runs or self.runs, *options)
        return self.ask(*arguments, code=code, timeout=300)

    def log(self, job: str) -> str:
        """What the log of a job or task says, from all its runs."""
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.runs.glob(f"slurm/*/{job}.log")))

    def fold_log(self, fold: int) -> str:
        return self.log(f"fold-tiny-{fold}")

    def at(self, fold: int) -> tuple[int, str] | None:
        """Process and GPU of a fold that waits in its second epoch; None while it does not."""
        try:
            process, gpu = (self.folder / f"at-{fold}").read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return None
        return int(process), gpu

    def hold(self, *folds: int) -> None:
        for fold in folds:
            (self.folder / f"hold-{fold}").touch()

    def let_go(self, *folds: int) -> None:
        for fold in folds:
            (self.folder / f"hold-{fold}").unlink()


def as_user(command: Sequence[object], *, folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": f"/home/{USER}", "USER": USER, "PATH": "/usr/local/bin:/usr/bin:/bin", "HELD": str(folder)}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        user=USER,
        group=USER,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def readable_python(folder: Path) -> list[str]:
    """A Python of this version that the plain user may run, with the packages of this one: the system's where ours is out of reach."""
    paths = f"PYTHONPATH={REPOSITORY}:{':'.join(path for path in sys.path if path.endswith('site-packages'))}"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        command = ["env", paths, "PYTHONDONTWRITEBYTECODE=1", python]
        if as_user([*command, "-c", "import agerepro, numpy"], folder=folder, timeout=60).returncode == 0:
            return command
    pytest.fail(f"{USER} can run neither {sys.executable} nor a Python {version} of the system, or not read {REPOSITORY}.")


def until(true: Callable[[], object], what: str, within: float = 240) -> None:
    """Wait, and say on standard error what came when; fails with the queue where it does not."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            queue = subprocess.run(["squeue", "-r"], capture_output=True, text=True, timeout=60, check=False).stdout
            pytest.fail(f"After {within:.0f} s not yet: {what}\n{queue}")
        time.sleep(0.2)
    print(f"{time.strftime('%T')} {what}", file=sys.stderr)


def show(*texts: str) -> str:
    """Print what a command said; returns the last."""
    print(*texts, sep="\n", file=sys.stderr)
    return texts[-1]


def node(action: str) -> None:
    subprocess.run([NODE, action], check=True, timeout=400, stdout=sys.stderr)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    for action in ("install", "conf", "start"):
        node(action)
    folder = Path(tempfile.mkdtemp(prefix="agerepro-slurm-"))
    folder.chmod(0o755)
    shutil.chown(folder, USER, USER)
    try:
        yield Site(folder, readable_python(folder))
    finally:
        node("stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def local(site: Site) -> Run:
    """The same experiment run without a scheduler, as the same user."""
    runs = site.folder / "local"
    site.agerepro("run", runs=runs)
    return tiny_run(runs)


def test_an_array_that_everything_happens_to_ends_in_the_table_of_a_local_run(site: Site, local: Run) -> None:
    copy_what_comes_first(local.folder.parents[2], site)
    site.hold(2, 3, 4, 5, 6, 7)
    (site.folder / "spoil-1").touch()

    said = site.agerepro("submit", "--cluster", "cluster.yaml")
    array = re.search(rf"^(\d+)  fold-tiny  {FOLDS} tasks$", said, re.MULTILINE)
    assert array and re.search(r"^\d+  prepare-fgnet$", said, re.MULTILINE) and re.search(r"^\d+  train-agedb$", said, re.MULTILINE), said
    tasks = [f"{array[1]}_{fold}" for fold in range(FOLDS)]
    jobs = set(queued(site))
    show(said, site.agerepro("submit", "--cluster", "cluster.yaml"))
    assert set(queued(site)) == jobs, "submitted twice"

    # Fold 0 ends, fold 1 diverges, the next four wait in the middle of their training, each with a GPU of its own.
    until(lambda: all(site.at(fold) for fold in (2, 3, 4, 5)), "folds 2 to 5 train at the same time")
    assert {gpu for _, gpu in map(site.at, (2, 3, 4, 5))} == set("0123")  # type: ignore[misc]
    assert "code 0" in site.fold_log(0) and "code 1" in site.fold_log(1)
    status = show(site.agerepro("status", code=1))
    assert all(re.search(rf"fold {fold} +running on \S+ \(job {tasks[fold]}\)", status) for fold in (2, 3, 4, 5)), status

    os.kill(site.at(2)[0], signal.SIGKILL)  # type: ignore[index]
    site.ask("scancel", tasks[3])
    site.ask("scontrol", "requeue", tasks[4])
    until(lambda: "code 137" in site.fold_log(2), "fold 2 is killed")
    until(lambda: "code 75" in site.fold_log(3) and "code 75" in site.fold_log(4), "folds 3 and 4 save")
    site.let_go(2, 3, 4)

    # Folds 5 to 7 are preempted, and come back.
    until(lambda: all(site.at(fold) for fold in (5, 6, 7)), "folds 5 to 7 train")
    site.ask("sbatch", "--partition=urgent", "--ntasks=4", "--output=/dev/null", "--wrap", "sleep 1")
    until(lambda: all("DUE TO PREEMPTION" in site.fold_log(fold) for fold in (5, 6, 7)), "folds 5 to 7 are preempted")
    until(lambda: all("code 75" in site.fold_log(fold) for fold in (5, 6, 7)), "folds 5 to 7 save")
    site.let_go(5, 7)

    # The controller restarts while folds train and end, and the time limit of fold 6 comes near: Slurm looks each half minute.
    until(lambda: site.at(6), "fold 6 trains again")
    site.ask("scontrol", "update", f"jobid={tasks[6]}", "timelimit=1")
    stop_controller()
    until(lambda: "code 0" in site.fold_log(5) and "code 0" in site.fold_log(7), "folds 5 and 7 are done")
    node("start")
    until(lambda: "code 75, requeued" in site.fold_log(6), "fold 6 is requeued before its time limit")
    site.let_go(6)
    until(lambda: not queued(site), "all jobs end")

    first = site.log("collect")
    assert "partial: 5 of 8 folds" in first and "missing" in first, first
    status = show(site.agerepro("status", code=1))
    assert re.search(r"fold 1 +failed: The loss of stage 'fgnet' became nan", status) and "5 of 8 folds done" in status, status
    assert re.search(r"fold 2 .*killed", status) and re.search(r"fold 3 +stopped; continues", status), status
    assert all("restarts: 1" in site.fold_log(fold) for fold in (4, 5, 6, 7)) and "restarts: 2" in site.fold_log(6)
    assert "restarts" in site.fold_log(3) and "restarts: 1" not in site.fold_log(3), "a cancelled fold came back"

    # Submitted again: what is missing, and a fold that has been damaged since.
    posteriors = tiny_run(site.runs).fold_folder(0, 0) / "posteriors.npz"
    posteriors.write_bytes(posteriors.read_bytes()[:-100])
    (site.folder / "spoil-1").unlink()
    said = site.agerepro("submit", "--cluster", "cluster.yaml")
    assert re.search(r"^\d+  fold-tiny  4 tasks$", said, re.MULTILINE) and "prepare" not in said and "train" not in said, said
    until(lambda: not queued(site), "the missing folds are done")

    assert "8 of 8 folds done" in show(site.agerepro("status"))
    assert fingerprints(site.runs, "tiny") == fingerprints(local.folder.parents[2], "tiny")
    ours, theirs = tiny_run(site.runs).folder / "results", local.folder / "results"
    for name in ("table.csv", "table.txt", "scores.csv"):
        assert (ours / name).read_text(encoding="utf-8") == (theirs / name).read_text(encoding="utf-8"), name
    assert (ours / "report.html").is_file()
    assert "Nothing to submit" in site.agerepro("submit", "--cluster", "cluster.yaml")


def copy_what_comes_first(runs: Path, site: Site) -> None:
    """Drawn faces, and all prepared sets and shared stages but the last of each: what comes earlier costs only time."""
    site.runs.mkdir()
    for kind in ("synthetic", "faces", "stages"):
        shutil.copytree(runs / kind, site.runs / kind, ignore=shutil.ignore_patterns("fgnet-*" if kind == "faces" else "agedb-*"))
    for path in (site.runs, *site.runs.rglob("*")):
        shutil.chown(path, USER, USER)


def queued(site: Site) -> list[str]:
    """Jobs and tasks that Slurm has in hand; the controller may be starting."""
    done = site.run("squeue", "--noheader", "--array", "--format=%i")
    return done.stdout.split() if done.returncode == 0 else ["?"]


def stop_controller() -> None:
    """End slurmctld as a restart does; it saves its state."""
    process = int(Path("/run/slurm/slurmctld.pid").read_text(encoding="utf-8"))
    os.kill(process, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{process}").exists(), "slurmctld ends", within=60)
