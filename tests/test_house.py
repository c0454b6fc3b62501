"""The house keeps its own rules: arrows between rooms, where TensorFlow may be named, what the command line loads, and how fast."""

from __future__ import annotations

import ast
import importlib
import json
import resource
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "agerepro"
MODULES = sorted(PACKAGE.rglob("*.py"))

KERAS_ONLY = ("models", "tasks", "explain")
BACKENDS = ("tensorflow", "jax", "torch")
# Keras has no gradient of its own: this one file takes each backend's, and imports it only where Keras already runs on it.
NAMES_BACKENDS = PACKAGE / "explain" / "gradients.py"
LIGHT = ("errors", "io", "rng", "machine", "tables", "config", "published", "datasets", "synthetic", "splits", "evaluation")
HEAVY = ("tensorflow", "keras", "cv2", "matplotlib", "pandas")
HELP_S = 0.5  # of processor time: what a busy machine cannot stretch


def name_of(path: Path) -> str:
    """agerepro/models/vgg.py -> agerepro.models.vgg."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """agerepro.models.vgg -> models; the package itself is ""."""
    return module.split(".")[1] if "." in module else ""


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import in a file, at whatever depth: also those inside functions and TYPE_CHECKING."""
    package = name_of(path).split(".")[: None if path.name == "__init__.py" else -1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def fresh_python(program: str) -> str:
    """What a new interpreter prints for a program."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_after(program: str, names: tuple[str, ...]) -> list[str]:
    """Which of `names` are loaded once a new interpreter has run a program."""
    said = fresh_python(f"{program}\nimport json, sys\nprint(json.dumps([n for n in {names!r} if n in sys.modules]))")
    return json.loads(said.splitlines()[-1])


def test_import_contracts_of_pyproject_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_stands_in_a_layer() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = {name.removeprefix("agerepro.") for name in contracts[0]["layers"]}
    assert {room_of(name_of(path)) for path in MODULES} - {"", "__main__"} == layers


@pytest.mark.parametrize("package", sorted(name_of(path) for path in MODULES if path.name == "__init__.py"))
def test_every_exported_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    public = getattr(module, "__all__", [])
    missing = [name for name in public if not hasattr(module, name)]
    assert not missing
    assert all(getattr(getattr(module, name), "__doc__", None) for name in public if callable(getattr(module, name)))


def test_models_tasks_and_maps_name_no_backend() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in MODULES
        if room_of(name_of(path)) in KERAS_ONLY and path != NAMES_BACKENDS
        for line, name in imported(path)
        if name.split(".")[0] in BACKENDS
    ]
    assert not found, found


def test_the_file_of_backends_imports_them_inside_functions() -> None:
    on_top = ast.parse(NAMES_BACKENDS.read_text(encoding="utf-8")).body
    named = {name for line, name in imported(NAMES_BACKENDS) if name in BACKENDS}
    assert named == set(BACKENDS)
    assert not [node.lineno for node in on_top if isinstance(node, ast.Import) and node.names[0].name in BACKENDS]


def test_every_module_says_what_it_is() -> None:
    speaking = [path for path in MODULES if path.name != "__init__.py" or path.parent == PACKAGE]
    silent = [str(path.relative_to(REPOSITORY)) for path in speaking if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent, silent


def test_git_ignores_nothing_of_ours() -> None:
    if not (REPOSITORY / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git repository: nothing can be ignored")
    command = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--"]
    ours = ["agerepro", "tests", "docs", "experiments", "requirements"]
    listed = subprocess.run([*command, *ours], capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout.splitlines()
    left_out = [name for name in listed if "__pycache__" not in name]
    assert not left_out, f".gitignore keeps these files out of every clone: {left_out}"


@pytest.mark.parametrize("module", ["agerepro", "agerepro.cli.main"])
def test_starting_loads_nothing_heavy(module: str) -> None:
    assert loaded_after(f"import {module}", HEAVY) == []


def test_help_of_every_command_loads_nothing_heavy() -> None:
    program = """
import click
from click.testing import CliRunner
from agerepro.cli.main import agerepro_command
def every(command, path=()):
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from every(below, (*path, name))
for path in every(agerepro_command):
    done = CliRunner().invoke(agerepro_command, [*path, "--help"])
    assert done.exit_code == 0, (path, done.output)
"""
    assert loaded_after(program, HEAVY) == []


def test_packages_that_work_from_files_load_no_tensorflow() -> None:
    modules = [name_of(path) for path in MODULES if room_of(name_of(path)) in LIGHT]
    assert loaded_after("import " + ", ".join(modules), ("tensorflow", "keras", "mtcnn")) == []


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "agerepro", "--help"], capture_output=True, cwd=REPOSITORY, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < HELP_S, f"--help took {min(times):.2f} s of processor time at best"
