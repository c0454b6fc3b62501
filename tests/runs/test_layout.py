"""Run folders: names, finished folds, and folds named on the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.cli.run import _ranges
from agerepro.errors import UserError
from agerepro.io import write_manifest
from agerepro.runs.layout import Run, disclaimer, find_run, parse_folds, run_folder, run_status
from agerepro.tables import FOLDS, write_table


@given(st.sets(st.integers(0, 81), min_size=1))
def test_status_names_missing_folds_as_folds_takes_them(folds: set[int]) -> None:
    assert parse_folds(_ranges(sorted(folds)), 82) == sorted(folds)


@pytest.mark.parametrize(
    ("text", "said"), [("0-", "write numbers and ranges"), ("a", "write numbers"), ("82", "there are folds 0 to 81, not 82")]
)
def test_bad_folds_are_named(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_folds(text, 82)


def test_a_flipped_byte_makes_a_fold_undone(tmp_path: Path) -> None:
    run = run_folder(tmp_path, paper="p", experiment="e", profile="demo", digest="0123456789abcdef")
    assert (run.experiment, run.profile) == ("e", "demo")
    write_table(run.folder / "folds.csv", pd.DataFrame({"fold": [0, 1], "photo": ["a", "b"], "part": ["test", "test"]}), FOLDS)
    folder = run.fold_folder(0, 1, first_seed=0)
    folder.mkdir(parents=True)
    (folder / "predictions.csv").write_text("some numbers")
    assert run.done([0]) == []
    write_manifest(folder, ["predictions.csv"])
    assert run.done([0]) == [(0, 1)]
    (folder / "predictions.csv").write_text("same numbers")
    assert run.done([0]) == []


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
