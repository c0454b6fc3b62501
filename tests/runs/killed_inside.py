"""Runs the command line and kills itself in the middle of a file: `python killed_inside.py NAME COUNT agerepro-arguments...`.

The COUNT-th file whose name matches NAME (a glob) is half written under its temporary name when SIGKILL comes. Checkpoints are
written after every epoch here, not every 20 seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from agerepro import io

WHOLE = io.atomic_write


def main() -> None:
    """Patch the one function that writes files before anybody has imported it, then run."""
    pattern, left = sys.argv[1], [int(sys.argv[2])]
    sys.argv = ["agerepro", *sys.argv[3:]]

    def die_inside(path: Path, write: Callable[[Path], object]) -> Path:
        if not fnmatch(path.name, pattern):
            return WHOLE(path, write)
        left[0] -= 1
        return WHOLE(path, write if left[0] else lambda temporary: half(temporary, write))

    io.atomic_write = die_inside
    from agerepro.training import loop

    loop.CHECKPOINT_EVERY_S = 0.0
    from agerepro.cli.main import main as run

    run()


def half(temporary: Path, write: Callable[[Path], object]) -> None:
    """Write, cut the file in the middle, and die."""
    write(temporary)
    os.truncate(temporary, temporary.stat().st_size // 2)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
