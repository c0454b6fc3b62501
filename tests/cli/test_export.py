"""`agerepro export` from the command line: the files, what is printed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.process import TINY, agerepro


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("export") / "runs"
    agerepro("run", TINY, "--profile", "frozen", "--runs", runs, code=0)
    return next(runs.glob("koenig2019/tiny/[!.]*"))


@pytest.mark.slow
def test_the_files_are_named_with_how_far_they_lie_from_keras(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    done = agerepro("export", run, "--out", out, "--fold", 2, "--format", "keras", "--format", "saved_model", code=0)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [str(out / "model.keras"), str(out / "saved_model")]
    assert "within" in done.stdout and "MODEL_CARD.md" in done.stderr
    assert "fold 2 of 4" in (out / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        (["--fold", "9"], "0 to 3"),
        (["--fold", "1", "--ensemble"], "not both"),
        (["--format", "h5"], "h5"),
    ],
)
def test_a_mistake_is_2_and_leaves_nothing(arguments: list[str], fact: str, run: Path, tmp_path: Path) -> None:
    assert fact in agerepro("export", run, "--out", tmp_path / "out", *arguments, code=2).stderr
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_2(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in agerepro("export", run, "--out", tmp_path / "file" / "out", code=2).stderr


def test_a_folder_with_other_things_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    assert str(tmp_path) in agerepro("export", run, "--out", tmp_path, code=2).stderr
    assert (tmp_path / "letter.txt").read_text() == "dear"
