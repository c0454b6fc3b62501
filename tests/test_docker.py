"""The image: its Dockerfile and the scripts around it, with a stand-in for the engine; `make test-docker` really builds and runs it."""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from agerepro.regression import automl

REPOSITORY = Path(__file__).parents[1]
DOCKERFILE = (REPOSITORY / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
SETTINGS = ("ACCELERATOR", "AUTOML", "RUNS", "DATA", "WEIGHTS", "AGEREPRO_WEIGHTS", "VENV", "JOBS", "MAKEFLAGS")
OURS = {*SETTINGS, "DOCKER", "IMAGE", "GPUS", "NETWORK"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in OURS}


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A program in the engine's place that notes the words it is called with."""
    program = tmp_path / "engine"
    program.write_text(f'#!/bin/sh\nfor word in "$@"; do echo "$word"; done > {shlex.quote(str(tmp_path / "words"))}\n')
    program.chmod(0o755)
    return program


def make(engine: Path, target: str, code: int = 0, **settings: object) -> list[str]:
    """The words that a make target gives to the engine."""
    home = engine.parent / "home"
    given = [
        f"{name}={value}" for name, value in {"DOCKER": engine, "ACCELERATOR": "cpu", "RUNS": engine.parent / "runs", **settings}.items()
    ]
    command = ["make", "-C", REPOSITORY, target, *given]
    done = subprocess.run(command, env={**ENVIRONMENT, "HOME": str(home)}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    words = engine.parent / "words"
    return words.read_text().splitlines() if words.exists() else []


def values(words: list[str], option: str) -> list[str]:
    return [value for word, value in itertools.pairwise(words) if word == option]


def test_two_names_outside_lead_to_the_image_and_no_registry_is_named() -> None:
    stages = [line.split() for line in LINES if line.startswith("FROM")]
    names = {words[3] for words in stages if len(words) == 4}
    chosen = {"suite-${ACCELERATOR}", "packages-automl-${AUTOML}"}
    assert {words[1] for words in stages} - names == {"${PYTHON}", "${PYTHON_AUTOML}", *chosen}
    assert {"suite-cpu", "suite-cuda", "packages-automl-yes", "packages-automl-no"} <= names
    # The same Debian: Python 3.9 is copied from the one to the other and finds its libraries there.
    assert re.findall(r"^ARG PYTHON\w*=(.+)$", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim-bookworm", "python:3.9-slim-bookworm"]
    assert "://" not in DOCKERFILE


def test_packages_are_those_of_the_lock_and_nothing_of_a_site_stays() -> None:
    installs = [words for line in LINES for words in line.split("&&") if "pip install" in words]
    assert all("--require-hashes" in words or "--no-index --no-deps" in words for words in installs)
    locks = [word for words in installs for word in re.findall(r"-r (\S+)", words)]
    assert locks == ["builders.txt", "automl.txt", "requirements/${ACCELERATOR}.txt"]
    assert all((REPOSITORY / "requirements" / f"{name}.txt").exists() for name in ("automl", "cpu", "cuda"))
    assert not re.search(r"^(ARG|ENV).*(PIP_|proxy|PROXY|CERT)", DOCKERFILE, re.MULTILINE)


def test_layers_change_less_often_the_earlier_they_come() -> None:
    steps = ("apt-get", "pip uninstall", "COPY --from=automl", "COPY agerepro", "COPY experiments", "ARG REVISION", "USER")
    order = [DOCKERFILE.index(text) for text in steps]
    assert order == sorted(order)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_what_the_image_copies_is_all_that_the_builder_is_given() -> None:
    rules = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {word.split("/")[0] for line in LINES if re.match(r"COPY (?!--from)", line) for word in line.split()[1:-1]}
    assert copied == kept
    assert not any(fnmatch.fnmatch(name, rule) for name in ("runs", "data", ".git", ".venv", "docs") for rule in kept)


def test_the_demo_runs_as_the_caller_without_network_in_a_read_only_container(engine: Path) -> None:
    words = make(engine, "docker-cascade-fgnet", RUNS=engine.parent / "some runs")
    assert words[0] == "run" and words[-3:] == ["agerepro:cpu", "make", "cascade-fgnet"]
    assert values(words, "--user") == [f"{os.getuid()}:{os.getgid()}"] and values(words, "--network") == ["none"]
    assert values(words, "--volume") == [f"{(engine.parent / 'some runs').resolve()}:/runs"]
    assert {"--rm", "--read-only"} <= set(words) and values(words, "--tmpfs") == ["/tmp"] and values(words, "--cap-drop") == ["ALL"]
    assert "--gpus" not in words and "DATA=/data" not in words


def test_data_are_mounted_read_only_and_there_is_a_network_only_while_weights_must_be_fetched(engine: Path) -> None:
    data, weights = engine.parent / "my data", engine.parent / "my weights"
    data.mkdir()
    mounts = [f"{(engine.parent / 'runs').resolve()}:/runs", f"{data.resolve()}:/data:ro", f"{weights.resolve()}:/weights"]
    words = make(engine, "docker-cascade-fgnet", DATA=data, WEIGHTS=weights)
    assert values(words, "--volume") == mounts and "DATA=/data" in values(words, "--env")
    assert values(words, "--network") == ["bridge"]
    (weights / "rcmalli_vggface_tf_notop_vgg16.h5").touch()
    words = make(engine, "docker-cascade-fgnet", DATA=data, WEIGHTS=weights)
    assert values(words, "--volume") == mounts and values(words, "--network") == ["none"]
    words = make(engine, "docker-cascade-fgnet", DATA=data)
    assert values(words, "--volume")[2] == f"{(engine.parent / 'home/.keras/models/vggface').resolve()}:/weights"


def test_data_that_are_not_there_start_nothing(engine: Path) -> None:
    assert make(engine, "docker-cascade-fgnet", DATA=engine.parent / "missing", code=2) == []
    assert not (engine.parent / "missing").exists()


def test_an_image_for_cuda_is_given_gpus(engine: Path) -> None:
    words = make(engine, "docker-cascade-fgnet", ACCELERATOR="cuda")
    assert values(words, "--gpus") == ["all"] and words[-3] == "agerepro:cuda"
    assert "--gpus" not in make(engine, "docker-cascade-fgnet", ACCELERATOR="cuda", GPUS="")
    assert values(make(engine, "docker-cascade-fgnet", ACCELERATOR="cuda", GPUS='"device=0"'), "--gpus") == ['"device=0"']


def test_the_number_of_processes_and_more_options_reach_the_engine(engine: Path) -> None:
    words = make(engine, "docker-cascade-fgnet", JOBS=3, RUN_OPTIONS="--cpus=3 --memory=8g", CONTAINER_USER="7:8", IMAGE="mine:1")
    assert words[-4:] == ["mine:1", "make", "cascade-fgnet", "JOBS=3"]
    assert {"--cpus=3", "--memory=8g"} <= set(words) and values(words, "--user") == ["7:8"]


@pytest.mark.parametrize("accelerator", ["cpu", "cuda"])
def test_the_build_names_accelerator_and_revision(engine: Path, accelerator: str) -> None:
    words = make(engine, "docker-build", ACCELERATOR=accelerator, BUILD_OPTIONS="--pull")
    assert words[0] == "build" and words[-2:] == ["--pull", "."] and values(words, "--tag") == [f"agerepro:{accelerator}"]
    arguments = dict(value.split("=", 1) for value in values(words, "--build-arg"))
    assert arguments["ACCELERATOR"] == accelerator and arguments.keys() == {"ACCELERATOR", "AUTOML", "REVISION"}
    assert arguments["AUTOML"] == "yes" and "--secret" not in words


def test_an_image_may_be_built_without_auto_sklearn(engine: Path) -> None:
    assert "AUTOML=no" in values(make(engine, "docker-build", AUTOML="no"), "--build-arg")


def test_the_code_finds_the_python_of_auto_sklearn_where_the_image_has_it() -> None:
    with_it = DOCKERFILE[DOCKERFILE.index("AS packages-automl-yes") : DOCKERFILE.index("AS code")]
    assert f"ENV {automl.INTERPRETER}=/opt/automl/bin/python" in with_it and DOCKERFILE.count(automl.INTERPRETER) == 1


def test_pip_settings_of_a_site_are_secrets_of_the_build(engine: Path) -> None:
    words = make(engine, "docker-build", PIP_CONF="/etc/my pip.conf", CERTIFICATES="/etc/my.crt")
    assert values(words, "--secret") == ["id=pipconf,src=/etc/my pip.conf", "id=certificates,src=/etc/my.crt"]


@pytest.mark.parametrize("target", ["cascade-fgnet", "regress-fgnet", "regress-fgnet-autosklearn"])
def test_inside_nothing_is_set_up(target: str) -> None:
    settings = ["VENV=/opt/venv", "VENV_AUTOML=/nowhere", "SETUP=no", "RUNS=/runs", "DATA=/data"]
    command = ["make", "-C", REPOSITORY, "-n", target, *settings]
    said = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    assert "/opt/venv/bin/agerepro run" in said and "setup" not in said
