"""A folder of features as the two environments exchange it, small and drawn."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS: dict[str, Any] = {
    "seconds": 300,
    "seconds_a_model": 120,
    "memory_mb": 4096,
    "trials": 3,
    "seed": 3,
    "inner_split": "subjects",
    "jobs": 1,
}


def write_features(folder: Path, *, n: int = 160, d: int = 8, people: int = 30) -> Path:
    """Ages that follow from the features but for 0.8 years; every age is one photo's alone. Person p is tested in fold p % 3."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    subjects = rng.integers(0, people, n)
    features = rng.normal(size=(n, d)).astype(np.float32)
    slopes = rng.normal(size=d)
    ages = 40 + 12 * features @ (slopes / np.linalg.norm(slopes)) + rng.normal(size=n, scale=0.8) + np.arange(n) * 1e-4
    photos = [f"drawn/{row:04}.jpg" for row in range(n)]
    np.save(folder / "features.npy", features)
    parts = ["validation" if subject % 5 == 4 else "train" for subject in subjects]
    write_rows(folder / "photos.csv", ["photo", "subject", "age"], list(zip(photos, [f"person-{s}" for s in subjects], ages.tolist())))
    write_rows(
        folder / "folds.csv",
        ["fold", "photo", "part"],
        [(fold, photo, "test" if s % 3 == fold else part) for fold in range(3) for photo, s, part in zip(photos, subjects, parts)],
    )
    sign(folder)
    return folder


def write_rows(path: Path, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sign(folder: Path) -> None:
    """Write the digest of the features as it is now."""
    digest = hashlib.sha256((folder / "features.npy").read_bytes()).hexdigest()
    (folder / "meta.json").write_text(json.dumps({"features": digest}))
