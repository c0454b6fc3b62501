"""Fixtures for all tests: the reference values of other programs, and a quiet, repeatable numeric world."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
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
REFERENCE = Path(__file__).parent / "reference"
ALBUMS = (34, 34, 34, 33, 33)  # that each of Adience's fold files names


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference values; its README says what they are."""
    return REFERENCE


@pytest.fixture(scope="session")
def full_reference() -> Path:
    """The folder that the reference values were reduced from; skips where it is absent."""
    folder = Path(os.environ.get("AGEREPRO_REFERENCE", REPOSITORY.parent / "shared"))
    if not (folder / "oracles").is_dir():
        pytest.skip("needs the full reference data, with all portraits: AGEREPRO_REFERENCE names its folder")
    return folder


@pytest.fixture(scope="session")
def portraits() -> list[Path]:
    """Sixteen real portraits of 225 x 275 pixels."""
    return sorted((REFERENCE / "portraits").glob("*.jpg"))


@pytest.fixture(scope="session")
def fgnet_names() -> list[str]:
    """The 1,002 file names of FG-NET as published."""
    return (REPOSITORY / "agerepro" / "datasets" / "cards" / "fgnet_filenames.txt").read_text(encoding="utf-8").split()


@pytest.fixture(scope="session")
def write_adience_folds() -> Callable[..., Path]:
    """Write Adience's fold files, the current or the older ones: people, photos and repeats of each label as counted, names made up."""
    with (REFERENCE / "adience.csv").open(encoding="utf-8", newline="") as file:
        counts = list(csv.DictReader(file))
    heading = json.loads((REFERENCE / "adience.json").read_text(encoding="utf-8"))["heading"]

    def write(folder: Path, *, older: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        first = 0  # of the people of a label
        for fold, albums in enumerate(ALBUMS):
            rows = [heading]
            for count in (count for count in counts if count["fold"] == str(fold)):
                label = count["older_label" if older else "label"]
                people = [first + number % int(count["people"]) for number in range(int(count["photos"]))]
                photos = [
                    [f"{fold}{person % albums:02}@N00", f"{number}_o.jpg", str(person), label, "f", *"0099001"]
                    for number, person in enumerate(people)
                ]
                rows += photos + (photos[: int(count["repeated_in_older"])] if older else [])
                first += int(count["people"])
            text = "".join("\t".join(row) + "\n" for row in rows)
            (folder / f"fold_{fold}_data.txt").write_text(text, encoding="utf-8")
        return folder

    return write


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, each its own worker's: else one of two workers has the other wait at the end."""
    longest = ("tests/runs/test_cascade.py", "tests/runs/test_kills.py", "tests/test_api.py")
    items.sort(key=lambda item: not item.nodeid.startswith(longest))
