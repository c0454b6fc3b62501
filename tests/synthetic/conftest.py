"""Small helpers as fixtures: drawing a set, and one digest of all its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from agerepro.config.schema import Synthetic
from agerepro.synthetic.writers import write


@pytest.fixture
def digest_of_tree() -> Callable[[Path], str]:
    """A function: the SHA-256 of all names and bytes under a folder."""

    def digest(root: Path) -> str:
        total = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            if path.is_file():
                total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
        return total.hexdigest()

    return digest


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., Path]:
    """A function: draw a set of small pictures into a fresh folder and return it."""

    def draw(name: str, *, jobs: int = 1, folder: str = "", **settings: int) -> Path:
        root = tmp_path / (folder or name)
        write(name, root, Synthetic(**{"people": 3, "size": 40, **settings}), jobs=jobs, on_progress=lambda done, total: None)
        return root

    return draw
