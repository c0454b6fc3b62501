"""Where a run's numbers come from: code, packages, machine, data and weights, as one JSON file."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import agerepro

PACKAGES = ("numpy", "pandas", "keras", "tensorflow", "tensorflow-cpu", "mtcnn", "opencv-python-headless", "pillow", "pyarrow", "scipy")


def provenance(**more: Any) -> dict[str, Any]:
    """Versions, code revision and machine, plus `more`; recorded, not part of a run's name."""
    return {
        "agerepro": agerepro.__version__,
        "code": code_revision(Path(agerepro.__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        **more,
    }


def code_revision(folder: Path) -> str:
    """The git commit that the code is at, with `-dirty` when files differ from it; "" outside a repository."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
