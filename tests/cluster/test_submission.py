"""Scripts given to a Slurm of our own making: numbers, dependencies, refusals in the middle, and what is asked of it again."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from agerepro.cluster import slurm
from agerepro.cluster.jobs import Job
from agerepro.cluster.slurm import steps_in_hand, submit, submit_script, write_scripts
from agerepro.errors import UserError
from tests.cli.place import invoke

JOBS = [
    Job("prepare-fgnet", "prepare", "", ("step x prepare fgnet",), (("prepare fgnet-0",),)),
    Job("fold-x", "fold", "", ("step x fold",), (("fold 0", "fold 1"), ("fold 5",)), ("prepare-fgnet", "99"), (), ("0-1", "5"), (3, 4)),
    Job("collect", "collect", "", ("collect x",), after_any=("fold-x",)),
]
SBATCH = """#!/bin/bash
echo "$@" >> {log}
name=${{!#}}
[ "$(basename "$name")" != "{refuse}" ] || {{ echo "sbatch: error: Invalid account" >&2; exit 1; }}
count=$(( $(cat {log} | wc -l) + 10 ))
echo "$count;cluster"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands at the head of PATH, with an sbatch that notes how it was called and an squeue that knows no job."""
    commands = tmp_path / "commands"
    commands.mkdir()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    command(commands / "sbatch", SBATCH.format(log=tmp_path / "sbatch.log", refuse=""))
    command(commands / "squeue", "#!/bin/bash\n")
    return commands


def command(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def calls(tmp_path: Path) -> list[list[str]]:
    return [line.split() for line in (tmp_path / "sbatch.log").read_text().splitlines()]


def given(tmp_path: Path) -> list[str]:
    write_scripts(JOBS, {job.name: "#!/bin/bash\n" for job in JOBS}, tmp_path / "scripts")
    return [job.number for job in submit(JOBS, runs=tmp_path / "runs", folder=tmp_path / "scripts", workdir=tmp_path)]


def test_jobs_are_given_in_order_with_the_numbers_of_those_before(tmp_path: Path, site: Path) -> None:
    assert given(tmp_path) == ["11", "12", "13"]
    waits = [next((word for word in call if word.startswith("--dependency")), "") for call in calls(tmp_path)]
    assert waits == ["", "--dependency=afterok:11:99", "--dependency=afterany:12"]
    assert all("--parsable" in call and f"--chdir={tmp_path}" in call for call in calls(tmp_path))
    noted = json.loads((tmp_path / "runs" / "slurm" / "jobs.json").read_text())
    assert noted == {"prepare fgnet-0": "11", "fold 0": "12_3", "fold 1": "12_3", "fold 5": "12_4"}


def test_of_jobs_given_before_only_the_living_are_in_hand(tmp_path: Path, site: Path) -> None:
    given(tmp_path)
    command(site / "squeue", "#!/bin/bash\necho 12_3 None; echo 77; echo 12_4 launch_failed_requeued_held; echo 11 JobHeldUser\n")
    assert steps_in_hand(tmp_path / "runs") == {"fold 0": "12_3", "fold 1": "12_3"}
    assert steps_in_hand(tmp_path / "other") == {}


def test_a_refusal_in_the_middle_keeps_what_was_given(tmp_path: Path, site: Path) -> None:
    command(site / "sbatch", SBATCH.format(log=tmp_path / "sbatch.log", refuse="fold-x.sh"))
    with pytest.raises(UserError, match=r"(?s)fold-x\.sh.*1 jobs of 3.*Invalid account"):
        given(tmp_path)
    assert json.loads((tmp_path / "runs" / "slurm" / "jobs.json").read_text()) == {"prepare fgnet-0": "11"}


def test_a_slurm_that_does_not_answer_is_waited_for_within_bounds(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "ANSWERS_WITHIN_S", 0.2)
    command(site / "sbatch", "#!/bin/bash\nexec sleep 30\n")
    with pytest.raises(UserError, match="did not answer"):
        given(tmp_path)


def test_without_slurm_the_dry_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="--dry-run"):
        given(tmp_path)


def test_the_script_that_submits_by_hand_names_the_same_dependencies(tmp_path: Path) -> None:
    text = submit_script(JOBS, tmp_path)
    assert 'fold_x=$(submit --dependency="afterok:${prepare_fgnet}:99" fold-x.sh)' in text
    assert '\nsubmit --dependency="afterany:${fold_x}" collect.sh\n' in text


def test_the_command_line_says_what_is_missing_and_prints_scripts_without_submitting(tmp_path: Path, site: Path) -> None:
    tiny = Path(__file__).parents[1] / "runs" / "tiny.yaml"
    missing = invoke("submit", tiny, "--cluster", tmp_path / "cluster.yaml")
    assert missing.exit_code and "--example" in str(missing.exception)
    (tmp_path / "cluster.yaml").write_text(invoke("submit", "--example").stdout)
    printed = invoke("submit", tiny, "--cluster", tmp_path / "cluster.yaml", "--runs", tmp_path / "runs", "--dry-run")
    assert printed.exit_code == 0, printed.output
    assert re.findall(r"^# -{5,} .*/(.*)\.sh$", printed.stdout, flags=re.M) == [
        *("prepare-vggface2", "prepare-imdb", "prepare-agedb", "prepare-fgnet"),
        *("train-people", "train-imdb", "train-agedb", "fold-tiny", "collect", "submit"),
    ]
    assert "#SBATCH --array=0-3\n" in printed.stdout  # four people
    assert not (tmp_path / "runs" / "slurm").exists()
    written = invoke("submit", tiny, "--cluster", tmp_path / "cluster.yaml", "--runs", tmp_path / "runs", "--write")
    folder = Path(written.stdout.split()[-1]).parent
    scripts = [f"# ---------- {path}\n{path.read_text(encoding='utf-8')}" for path in folder.glob("*.sh")]
    assert len(scripts) == 10 and all(text in printed.stdout for text in scripts)
    assert not (tmp_path / "sbatch.log").exists()


def test_of_what_slurm_has_in_hand_only_this_experiments_steps_are_counted(tmp_path: Path, site: Path) -> None:
    given(tmp_path)  # another experiment's jobs, 11 to 13
    (tmp_path / "cluster.yaml").write_text("folds_at_once: 0\n")
    tiny = Path(__file__).parents[1] / "runs" / "tiny.yaml"
    words = ("submit", tiny, "--cluster", tmp_path / "cluster.yaml", "--runs", tmp_path / "runs")
    assert "21  fold-tiny  4 tasks" in invoke(*words).stdout
    command(site / "squeue", "#!/bin/bash\nprintf '%s None\\n' {11..20} 21_{0..3} 22\n")
    assert invoke(*words).stdout == "Nothing to submit: the rest is in Slurm's hands (11 steps; squeue --me).\n"
