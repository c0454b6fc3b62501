"""Missing steps as jobs: who waits for whom, what two experiments share, what is left of an array; and the scripts.

The golden scripts are renewed by AGEREPRO_RENEW_GOLDEN=1 pytest tests/cluster/test_jobs.py; look at the diff before keeping it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agerepro.cluster.jobs import GridJobs, Job, identity_of, plan_jobs, script
from agerepro.cluster.settings import ClusterSettings, Resources
from agerepro.cluster.slurm import submit_script
from agerepro.faces import crops
from agerepro.runs.plan import Plan, RunOptions, make_plan
from tests.cli.place import Place
from tests.faces.rectangles import Rectangles

GOLDEN = Path(__file__).parent / "golden"
THESIS = Path(__file__).parents[2] / "experiments" / "koenig2019"
DLIB = Path(__file__).parents[2] / "experiments" / "fgnet-dlib" / "ridge.yaml"


def planned(tmp_path: Path, *names: str, **options: Any) -> list[Plan]:
    """Plans of experiments of the thesis, on drawn faces, nothing of which is done."""
    return [make_plan(RunOptions(THESIS / f"{name}.yaml", "demo", runs=tmp_path / "runs", **options)) for name in names]


def jobs_of(plans: list[Plan], settings: ClusterSettings | None = None, *, folds: int = 82, **more: Any) -> dict[str, Job]:
    counts = {plan.options.experiment: folds for plan in plans}
    return {job.name: job for job in plan_jobs(plans, settings or ClusterSettings(), fold_counts=counts, **more)}


def test_a_cascade_waits_for_faces_and_stages_and_the_table_for_every_end(tmp_path: Path) -> None:
    jobs = jobs_of(planned(tmp_path, "vgg16-imdb-agedb"))
    assert {name: set(job.after) for name, job in jobs.items()} == {
        "prepare-vggface2": set(),
        "prepare-imdb": set(),
        "prepare-agedb": set(),
        "prepare-fgnet": set(),
        "train-people": {"prepare-vggface2"},
        "train-imdb": {"train-people", "prepare-imdb"},
        "train-agedb": {"train-imdb", "prepare-agedb"},
        # A fold describes the run, which its faces name: it waits for all of them.
        "fold-vgg16-imdb-agedb": {"train-agedb", "prepare-vggface2", "prepare-imdb", "prepare-agedb", "prepare-fgnet"},
        "collect": set(),
    }
    assert jobs["collect"].after_any == ("fold-vgg16-imdb-agedb",)  # a failed fold blocks no table
    assert jobs["fold-vgg16-imdb-agedb"].numbers == tuple(range(82))
    order = list(jobs)
    assert all(order.index(before) < order.index(name) for name, job in jobs.items() for before in (*job.after, *job.after_any))


def test_experiments_share_faces_and_stages(tmp_path: Path) -> None:
    jobs = jobs_of(planned(tmp_path, "vgg16-faces2", "vgg16-imdb-agedb"))
    assert len([name for name in jobs if name.startswith("prepare")]) == 4  # in place of six
    assert [name for name in jobs if name.startswith("train")] == ["train-people", "train-imdb", "train-agedb"]
    assert jobs["collect"].after_any == ("fold-vgg16-faces2", "fold-vgg16-imdb-agedb")
    assert "vgg16-faces2.yaml" in jobs["collect"].commands[0] and "vgg16-imdb-agedb.yaml" in jobs["collect"].commands[0]


def test_two_networks_train_stages_of_one_name_apart(tmp_path: Path) -> None:
    jobs = jobs_of(planned(tmp_path, "vgg16-faces2", "resnet50-faces2"))
    assert [name for name in jobs if name.startswith("train")] == ["train-people", "train-people-2"]
    assert jobs["fold-resnet50-faces2"].after[0] == "prepare-fgnet" and "train-people-2" in jobs["fold-resnet50-faces2"].after


def test_several_folds_a_task_and_chosen_folds(tmp_path: Path) -> None:
    plans = planned(tmp_path, "vgg16-faces2")
    job = jobs_of(plans, ClusterSettings(folds_per_task=3), folds=8)["fold-vgg16-faces2"]
    assert (job.tasks, job.numbers) == (("0-2", "3-5", "6-7"), (0, 1, 2)) and [len(steps) for steps in job.steps] == [3, 3, 2]
    chosen = plan_jobs(plans, ClusterSettings(folds_per_task=2), fold_counts={}, folds=[3, 4, 9])
    (array,) = (job for job in chosen if job.tasks)
    assert array.tasks == ("3-4", "9")


def test_seeds_are_arrays_of_their_own(tmp_path: Path) -> None:
    jobs = jobs_of(planned(tmp_path, "vgg16-faces2", settings=("seeds=[0, 3]",)))
    assert {"train-people", "train-people-seed3", "fold-vgg16-faces2", "fold-vgg16-faces2-seed3"} <= set(jobs)
    assert "--seed 3" in jobs["fold-vgg16-faces2-seed3"].commands[0] and "--seed" not in jobs["fold-vgg16-faces2"].commands[0]
    assert "train-people-seed3" in jobs["fold-vgg16-faces2-seed3"].after


def test_a_regression_fits_all_its_folds_in_one_job(tmp_path: Path) -> None:
    plans = [make_plan(RunOptions(DLIB, "demo", runs=tmp_path / "runs"))]
    job = jobs_of(plans)["fold-ridge"]
    assert not job.tasks and " fold 0-81 " in job.commands[0] and len(job.steps[0]) == 82


def test_what_is_in_slurms_hands_is_waited_for_and_not_submitted_again(tmp_path: Path) -> None:
    plans = planned(tmp_path, "vgg16-faces2")
    first = jobs_of(plans, folds=4)
    (people,), folds = first["train-people"].steps, first["fold-vgg16-faces2"].steps
    submitted = {people[0]: "7", folds[0][0]: "8_0", folds[2][0]: "8_2"}
    again = jobs_of(plans, folds=4, submitted=submitted)
    assert "train-people" not in again and again["fold-vgg16-faces2"].numbers == (1, 3)
    assert "7" in again["fold-vgg16-faces2"].after and again["collect"].after_any == ("8", "fold-vgg16-faces2")
    all_held = jobs_of(plans, folds=4, submitted=submitted | {steps[0]: f"8_{fold}" for fold, steps in enumerate(folds)})
    assert "fold-vgg16-faces2" not in all_held and all_held["collect"].after_any == ("8",)


def test_a_grid_is_an_array_of_cells(tmp_path: Path) -> None:
    jobs = jobs_of(planned(tmp_path, "vgg16-imdb-agedb"), grid=GridJobs("agedb", (0.1, 0.001), (12, 32), folds="0-5"))
    assert jobs["cell-agedb"].tasks == (
        "--rates 0.1 --batches 12",
        "--rates 0.1 --batches 32",
        "--rates 0.001 --batches 12",
        "--rates 0.001 --batches 32",
    )
    assert set(jobs["cell-agedb"].after) == {"prepare-agedb", "train-imdb"} and jobs["grid-agedb"].after_any == ("cell-agedb",)
    assert "--rates 0.1,0.001 --batches 12,32" in jobs["grid-agedb"].commands[0] and "collect" not in jobs


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(crops, "detector", lambda: Rectangles())
    return Place(tmp_path)


def test_only_what_is_missing_is_submitted_under_the_names_that_it_had_before(place: Place) -> None:
    def jobs() -> dict[str, Job]:
        return jobs_of([place.plan()], folds=3)

    before = jobs()
    assert set(before) == {"prepare-fgnet", "prepare-own", "train-base", "fold-last", "collect"}
    named = identity_of(place.plan(), place.plan().experiment.stage("base"), 0)
    place.prepare()
    assert set(jobs()) == {"train-base", "fold-last", "collect"}
    assert identity_of(place.plan(), place.plan().experiment.stage("base"), 0) == named  # though its digest is known only now
    assert jobs()["train-base"].steps == before["train-base"].steps and jobs()["fold-last"].steps == before["fold-last"].steps
    place.train()
    place.fold(1)
    assert set(jobs()) == {"fold-last", "collect"} and jobs()["fold-last"].numbers == (0, 2) and jobs()["fold-last"].after == ()
    damaged = place.fold(0) / "weights.npz"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    place.fold(2)
    assert jobs()["fold-last"].numbers == (0,)  # a damaged fold counts as missing


SITE = ClusterSettings(
    partition="gpu",
    account="faces",
    options=("--qos=long",),
    command="apptainer exec --nv agerepro.sif agerepro",
    modules=("apptainer/1.3",),
    environment={"KERAS_HOME": "/weights of all/keras"},
    setup="ulimit -n 4096\n",
    folds_at_once=20,
    folds_per_task=4,
    fold=Resources(time="2:00:00", cpus=4, memory="16G", gpus=1, options=("--constraint=a100",)),
)


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The scripts of a cascade as this site has them, for folders that are not here."""
    monkeypatch.chdir(THESIS.parents[1])
    plans = [make_plan(RunOptions(Path("experiments/koenig2019/vgg16-imdb-agedb.yaml"), "demo", Path("/datasets"), tmp_path / "runs"))]
    plans = [replace(plan, options=replace(plan.options, runs=Path("/scratch/runs"))) for plan in plans]
    jobs, folder = list(jobs_of(plans, SITE).values()), Path("/scratch/runs/slurm/cascade")
    texts = {job.name: script(job, SITE, folder=folder, workdir=Path("/home/somebody's work")) for job in jobs}
    return texts | {"submit": submit_script(jobs, folder)}


@pytest.mark.parametrize("name", ["train-imdb", "fold-vgg16-imdb-agedb", "collect", "submit"])
def test_golden(scripts: dict[str, str], name: str) -> None:
    file = GOLDEN / f"{name}.sh"
    if os.environ.get("AGEREPRO_RENEW_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(scripts[name], encoding="utf-8")
    assert scripts[name] == file.read_text(encoding="utf-8")


def test_a_job_without_a_gpu_is_not_told_to_require_one(tmp_path: Path) -> None:
    settings = replace(SITE, environment={"AGEREPRO_REQUIRE_GPU": "1", "OTHER": "1"})
    jobs = jobs_of(planned(tmp_path, "vgg16-imdb-agedb"), settings)
    texts = {name: script(job, settings, folder=tmp_path, workdir=tmp_path) for name, job in jobs.items()}
    told = {name for name, text in texts.items() if "export AGEREPRO_REQUIRE_GPU=1" in text}
    assert told == {name for name, job in jobs.items() if job.kind in ("train", "fold")}
    assert all("export OTHER=1" in text for text in texts.values())


def test_every_script_is_shell_that_bash_and_shellcheck_accept(scripts: dict[str, str], tmp_path: Path) -> None:
    files = []
    for name, text in scripts.items():
        files.append(tmp_path / f"{name}.sh")
        files[-1].write_text(text, encoding="utf-8")
        assert subprocess.run(["bash", "-n", str(files[-1])], capture_output=True, check=False).returncode == 0
        assert not re.search(r"[ \t]+$|\n\n\n", text, flags=re.M), name
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", *map(str, files)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout
