"""Fixtures for all tests: where the independent reference data lies, and a quiet, repeatable numeric world."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

# Same examples each time, and no time limit an example: machines that test are shared and slow.
settings.register_profile("suite", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("suite")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference values (oracles, metadata, portraits) beside the repository; skips where it is absent."""
    folder = Path(os.environ.get("AGEREPRO_REFERENCE", REPOSITORY.parent / "shared"))
    if not (folder / "oracles").is_dir():
        pytest.skip(f"needs the reference data: no oracles under {folder.name} beside the repository")
    return folder
