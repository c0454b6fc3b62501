"""The Makefile and the script that sets up the environment, with stand-ins for what they would start."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


# `make test` exports its own settings; a make that a test starts must not take them for the user's.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in ("ACCELERATOR", "VENV", "RUNS", "DATA", "WEIGHTS", "MAKEFLAGS")
}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("target", ["cascade-fgnet", "grid-search", "cascade-congress"])
def test_paths_with_spaces_reach_the_program_whole(tmp_path: Path, target: str) -> None:
    program = script(tmp_path / "agerepro", f'for word in "$@"; do echo "<$word>"; done >> {shlex.quote(str(tmp_path / "words"))}\n')
    paths = {"DATA": "a b/my data", "RUNS": "some runs", "WEIGHTS": "c d"}
    settings = [*(f"{name}={value}" for name, value in paths.items()), f"AGEREPRO={program}", "READY="]
    subprocess.run(["make", "-C", REPOSITORY, target, *settings], env=ENVIRONMENT, check=True, capture_output=True)
    words = (tmp_path / "words").read_text().splitlines()
    expected = [paths["DATA"], paths["RUNS"]] + ([paths["WEIGHTS"]] if target != "cascade-congress" else [])
    assert all(f"<{path}>" in words for path in expected)
    assert not any(word in ("<a>", "<b/my>", "<some>", "<c>") for word in words)


def test_an_environment_in_use_is_brought_up_to_date_and_never_removed(tmp_path: Path) -> None:
    venv, log = tmp_path / "venv", tmp_path / "log"
    script(venv / "bin" / "python", f'echo "$@" >> {shlex.quote(str(log))}\n')
    used = venv / "used-by-a-running-job"
    used.touch()
    env = {**ENVIRONMENT, "ACCELERATOR": "cpu", "VENV": str(venv)}
    env["PATH"] = os.pathsep.join(place for place in env["PATH"].split(os.pathsep) if not (Path(place) / "uv").exists())
    subprocess.run(["bash", "requirements/setup.sh"], cwd=REPOSITORY, env=env, check=True, capture_output=True)
    assert used.exists() and "requirements/cpu.txt" in log.read_text()
    times = log.stat().st_mtime_ns
    subprocess.run(["bash", "requirements/setup.sh"], cwd=REPOSITORY, env=env, check=True, capture_output=True)
    assert log.stat().st_mtime_ns == times  # up to date: nothing is installed again


def test_each_accelerator_has_an_environment_of_its_own() -> None:
    def environment(accelerator: str) -> str:
        command = ["make", "-C", REPOSITORY, "-n", "-B", "check", f"ACCELERATOR={accelerator}"]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        return next(word for word in done.stdout.split() if word.endswith("/bin/ruff"))

    assert environment("cpu") != environment("cuda")
