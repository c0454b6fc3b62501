"""Where numbers come from: code, packages, machine, device and job, in every artefact that is made."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import agerepro
from agerepro.machine import cpu_count

PACKAGES = ("numpy", "pandas", "keras", "tensorflow", "tensorflow-cpu", "mtcnn", "opencv-python-headless", "pillow", "pyarrow", "scipy")
REVISION = "AGEREPRO_REVISION"  # set where an image is built, which holds no repository
JOB = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT", "SLURM_CLUSTER_NAME")


def provenance(**more: Any) -> dict[str, Any]:
    """Versions, code revision, machine, job and time (UTC), plus `more`; recorded, never part of a name."""
    return {
        "agerepro": agerepro.__version__,
        "code": code_revision(Path(agerepro.__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "cpus": cpu_count(),
        "job": {name: os.environ[name] for name in JOB if name in os.environ},
        "packages": _packages(),
        "written": utc_now(),
        **more,
    }


def utc_now() -> str:
    """`2026-11-27T15:04:05Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@functools.cache
def code_revision(folder: Path) -> str:
    """The git commit that the code is at, with `-dirty` when files differ from it.

    Outside a repository: what the environment variable AGEREPRO_REVISION says, else `sha256:` and a digest of the source files.
    """
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=folder, capture_output=True, text=True, timeout=10, check=True
        )
        if _is_tracked(folder):
            return described.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return os.environ.get(REVISION) or f"sha256:{_digest_of_sources(folder)}"


def _is_tracked(folder: Path) -> bool:
    """Whether the repository around the folder holds its files: an environment inside another project's repository is not its code."""
    listed = subprocess.run(["git", "ls-files", "--error-unmatch", "__init__.py"], cwd=folder, capture_output=True, timeout=10, check=False)
    return listed.returncode == 0


def _digest_of_sources(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def _packages() -> dict[str, str]:
    return {name: version for name in PACKAGES if (version := _version(name))}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
