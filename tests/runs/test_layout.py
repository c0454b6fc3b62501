"""Run folders: names, finished folds, and folds named on the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.errors import CheckFailed, UserError
from agerepro.io import damaged_files, write_json, write_manifest
from agerepro.runs.layout import Run, disclaimer, find_run, parse_folds, run_folder, run_status
from agerepro.runs.show import ranges
from agerepro.tables import FOLDS, write_table
from tests.opened import opened_below


@given(st.sets(st.integers(0, 81), min_size=1))
def test_status_names_missing_folds_as_folds_takes_them(folds: set[int]) -> None:
    assert parse_folds(ranges(sorted(folds)), 82) == sorted(folds)


@pytest.mark.parametrize(
    ("text", "said"), [("0-", "write numbers and ranges"), ("a", "write numbers"), ("82", "there are folds 0 to 81, not 82")]
)
def test_bad_folds_are_named(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_folds(text, 82)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two folds, of which fold 1 is finished."""
    run = run_folder(tmp_path, paper="p", experiment="e", profile="demo", digest="0123456789abcdef")
    write_table(run.folder / "folds.csv", pd.DataFrame({"fold": [0, 1], "photo": ["a", "b"], "part": ["test", "test"]}), FOLDS)
    write_json(run.folder / "provenance.json", {"data": {}, "tasks": {"0": "settings"}})
    folder = run.fold_folder(0, 1)
    folder.mkdir(parents=True)
    (folder / "predictions.csv").write_text("some numbers")
    assert run.done([0]) == []
    write_manifest(folder, made_by="settings")
    return run


def test_a_fold_is_done_by_the_sizes_of_its_files_and_no_file_is_opened_for_it(run: Run) -> None:
    assert (run.experiment, run.profile) == ("e", "demo")
    with opened_below(run.folder / "folds") as opened:
        assert run.done([0]) == [(0, 1)]
    assert set(opened) == {"manifest.json"}
    (run.fold_folder(0, 1) / "predictions.csv").write_text("some number")
    assert run.done([0]) == []


def test_a_flipped_byte_is_seen_when_the_file_is_used_and_the_fold_is_undone_from_then_on(run: Run) -> None:
    path = run.fold_folder(0, 1) / "predictions.csv"
    path.write_text("same numbers")
    assert run.done([0]) == [(0, 1)] and damaged_files(run.fold_folder(0, 1)) == [path]
    with pytest.raises(CheckFailed, match=r"predictions\.csv"):
        run.predictions([0])
    assert run.done([0]) == []


def test_folds_of_other_settings_are_not_mixed(run: Run) -> None:
    write_manifest(run.fold_folder(0, 1), made_by="another rate")
    with pytest.raises(CheckFailed, match="mixed"):
        run.done([0])


def test_a_fold_keeps_its_name_when_seeds_are_added(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert [run.fold_folder(seed, 7).name for seed in (0, 1)] == ["007", "007-seed1"]


def test_find_run_wants_exactly_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        find_run(tmp_path)
    for name in ("demo-1", "demo-2"):
        (tmp_path / "e" / name).mkdir(parents=True)
        (tmp_path / "e" / name / "experiment.yaml").touch()
    assert find_run(tmp_path / "e" / "demo-1") == Run(tmp_path / "e" / "demo-1")
    with pytest.raises(UserError, match=r"holds 2 runs(.|\n)*demo-1(.|\n)*demo-2"):
        find_run(tmp_path)


@pytest.mark.parametrize(
    ("profile", "synthetic", "changed", "said"),
    [
        ("paper", False, [], ""),
        ("demo", True, [], "demo: synthetic faces"),
        ("demo", False, [], "demo settings, not the paper's"),
        ("paper", True, ["seeds=[0, 1]"], "paper: synthetic faces; changed: seeds=[0, 1]"),
        ("paper", False, ["a=1", "b=2"], "changed: a=1, b=2"),
    ],
)
def test_only_the_papers_own_settings_on_real_faces_go_without(profile: str, synthetic: bool, changed: list[str], said: str) -> None:
    assert disclaimer(profile, synthetic=synthetic, changed=changed) == said


def test_a_partial_copy_is_never_the_papers_own_data() -> None:
    copies = ["972 of 1,002 photos of fgnet", "9 of 16,488 photos of agedb"]
    text = disclaimer("paper", synthetic=False, changed=["a=1"], partial_copies=copies)
    assert all(part in text for part in (*copies, "partial copy", "changed: a=1"))
    assert run_status(text, 82, 82) == text
    assert run_status("", 82, 82, people="people unknown") == "people unknown"
