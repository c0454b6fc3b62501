"""The tiny cascade, run once for the tests of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.cascade import TINY, agerepro


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    runs = tmp_path_factory.mktemp("tiny") / "runs"
    return runs, agerepro("run", TINY, "--profile", "paper", "--runs", runs)
