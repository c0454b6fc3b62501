"""Runs the command line and kills itself in the middle of a write: `python killed_inside.py NAME COUNT agerepro-arguments...`.

The COUNT-th file whose name matches NAME (a glob) is half written under its temporary name when SIGKILL comes; `rename:NAME` dies
when the COUNT-th folder of that name is whole and has not its name yet. Checkpoints are written after every batch here, not every 30
seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from agerepro import io

WHOLE, RENAME = io.atomic_write, io._rename_folder


def main() -> None:
    """Patch the functions that write files and folders before anybody has imported them, then run."""
    pattern, left = sys.argv[1], [int(sys.argv[2])]
    sys.argv = ["agerepro", *sys.argv[3:]]

    def is_the_one(name: str) -> bool:
        left[0] -= fnmatch(name, pattern)
        return left[0] == 0 and fnmatch(name, pattern)

    def die_inside(path: Path, write: Callable[[Path], object]) -> Path:
        return WHOLE(path, (lambda temporary: half(temporary, write)) if is_the_one(path.name) else write)

    def die_before(private: Path, folder: Path) -> bool:
        if is_the_one(f"rename:{folder.name}"):
            os.kill(os.getpid(), signal.SIGKILL)
        return RENAME(private, folder)

    io.atomic_write, io._rename_folder = die_inside, die_before
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.training import loop

    loop.CHECKPOINT_EVERY_S, loop.CHECKPOINT_SHARE = 0.0, 1e9
    from agerepro.cli.main import main as run

    run()


def half(temporary: Path, write: Callable[[Path], object]) -> None:
    """Write, cut the file in the middle, and die."""
    write(temporary)
    os.truncate(temporary, temporary.stat().st_size // 2)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
