"""The command line in a process of its own, as scripts start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TINY = Path(__file__).parents[1] / "runs" / "tiny.yaml"


def agerepro(*arguments: object, code: int) -> subprocess.CompletedProcess[str]:
    """What a finished command said; it must end with `code` and without a traceback."""
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    command = [sys.executable, "-m", "agerepro", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=quiet, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done
