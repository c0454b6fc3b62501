"""The house keeps its own rules: arrows between rooms, where TensorFlow may be named, what the command line loads, and how fast."""

from __future__ import annotations

import ast
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "agerepro"
MODULES = sorted(PACKAGE.rglob("*.py"))

CORE = ("errors", "files", "tables", "draws", "experiment", "published")
ROOMS = (
    "datasets",
    "faces",
    "protocols",
    "runs",
    "inputs",
    "losses",
    "models",
    "training",
    "evaluation",
    "explain",
    "diagnosis",
    "prediction",
    "report",
    "cli",
)
KERAS_ONLY = ("losses", "models", "explain")
BACKENDS = ("tensorflow", "jax", "torch")
# Keras has no gradient of its own: this one file takes each backend's, and imports it only where Keras already runs on it.
NAMES_BACKENDS = PACKAGE / "explain" / "gradients.py"
WITHOUT_TENSORFLOW = ("datasets", "protocols", "runs", "evaluation", "report")
HEAVY = ("tensorflow", "keras", "cv2", "matplotlib", "pandas")
ON_PYTHON_3_9 = (*CORE, "runs", "cli")
HELP_S = 0.5  # of processor time: what a busy machine cannot stretch


def name_of(path: Path) -> str:
    """agerepro/models/vgg16.py -> agerepro.models.vgg16."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """agerepro.models.vgg16 -> models; the package itself is ""."""
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


def wrong_arrows(importer: str, target: str) -> bool:
    """Whether the room `importer` may not import `target`: a room takes the core and rooms to its left, the core only itself."""
    if importer in CORE:
        return target not in CORE
    return target not in CORE and ROOMS.index(target) > ROOMS.index(importer)


def fresh_python(program: str) -> str:
    """What a new interpreter prints for a program."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_after(program: str, names: tuple[str, ...]) -> list[str]:
    """Which of `names` are loaded once a new interpreter has run a program."""
    said = fresh_python(f"{program}\nimport json, sys\nprint(json.dumps([n for n in {names!r} if n in sys.modules]))")
    return json.loads(said.splitlines()[-1])


def test_every_module_lies_in_a_known_room() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES} - {"", "__main__"}
    assert rooms <= {*CORE, *ROOMS}, f"tell this test and docs/architecture.md where {rooms - {*CORE, *ROOMS}} stands"


def test_imports_run_to_the_left() -> None:
    found = []
    for path in MODULES:
        importer = room_of(name_of(path))
        if importer in ("", "__main__"):
            continue
        for line, name in imported(path):
            if name.startswith("agerepro.") and room_of(name) in (*CORE, *ROOMS) and wrong_arrows(importer, room_of(name)):
                found.append(f"{path.relative_to(REPOSITORY)}:{line}: {importer} imports {name}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("importer", "target", "wrong"),
    [
        ("datasets", "faces", True),
        ("faces", "datasets", False),
        ("models", "losses", False),
        ("losses", "models", True),
        ("tables", "errors", False),
        ("files", "runs", True),
        ("report", "cli", True),
        ("cli", "training", False),
    ],
)
def test_the_arrow_rule_itself(importer: str, target: str, wrong: bool) -> None:
    assert wrong_arrows(importer, target) == wrong


def test_models_losses_and_maps_name_no_backend() -> None:
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


def test_inits_are_empty() -> None:
    found = [str(path.relative_to(REPOSITORY)) for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE and path.read_text()]
    assert not found, found


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


def test_rooms_that_work_from_files_load_no_tensorflow() -> None:
    modules = [name_of(path) for path in MODULES if room_of(name_of(path)) in (*CORE, *WITHOUT_TENSORFLOW)]
    assert loaded_after("import " + ", ".join(modules), ("tensorflow", "keras", "mtcnn")) == []


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "agerepro", "--help"], capture_output=True, cwd=REPOSITORY, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < HELP_S, f"--help took {min(times):.2f} s of processor time at best"


@pytest.fixture(scope="module")
def python_3_9() -> str:
    """An interpreter of the oldest Python that the core promises to run on; skips where there is none."""
    found = shutil.which("python3.9")
    if not found:
        pytest.skip("needs a python3.9 on the PATH")
    if subprocess.run([found, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 9))"], capture_output=True, check=False).returncode:
        pytest.skip(f"{found} does not start a Python 3.9 (a version manager's stand-in?)")
    return found


def test_the_light_core_compiles_on_python_3_9(python_3_9: str) -> None:
    files = [str(path) for path in MODULES if room_of(name_of(path)) in ("", "__main__", *ON_PYTHON_3_9)]
    # Compiled in memory: py_compile would leave its files beside ours.
    program = "import pathlib, sys\nfor name in sys.argv[1:]: compile(pathlib.Path(name).read_bytes(), name, 'exec')"
    done = subprocess.run([python_3_9, "-c", program, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_needs_no_package_imports_on_python_3_9(python_3_9: str) -> None:
    program = "import agerepro, agerepro.errors, agerepro.files, agerepro.tables; print(agerepro.files.digest_of([1]))"
    done = subprocess.run(
        [python_3_9, "-B", "-c", program], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 16


def test_the_core_calls_nothing_newer_than_python_3_9() -> None:
    """`zip(strict=...)` compiles everywhere and fails on 3.9 only when it runs."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in MODULES
        if room_of(name_of(path)) in ON_PYTHON_3_9
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "zip"
        and any(keyword.arg == "strict" for keyword in node.keywords)
    ]
    assert not found, found
