"""Which files this process opens: a test that counts them sees what is read, by whatever means, and what is not."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_watched: list[tuple[Path, list[str]]] = []


@contextmanager
def opened_below(folder: Path) -> Iterator[list[str]]:
    """The names of files below `folder` that this process opens inside, by Python, one entry an opening."""
    _listen()
    watch: tuple[Path, list[str]] = (folder, [])
    _watched.append(watch)
    try:
        yield watch[1]
    finally:
        _watched.remove(watch)


@functools.cache  # a hook stays for as long as the process lives
def _listen() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched and isinstance(arguments[0], (str, bytes)):
        path = Path(os.fsdecode(arguments[0])).absolute()
        for folder, names in _watched:
            if path.is_relative_to(folder):
                names.append(path.name)
