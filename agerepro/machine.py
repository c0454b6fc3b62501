"""What this process may use of the machine: processors and memory, as scheduler and container allow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

WORKERS = "AGEREPRO_WORKERS"  # environment variable: how many processes of a run share this machine
MOST_LOADING_THREADS = 32
UNLIMITED = 1 << 60  # bytes; cgroup v1 writes the largest number of pages where there is no limit
SYSTEM = Path("/")


def cpu_count(*, system: Path = SYSTEM, environment: Mapping[str, str] = os.environ) -> int:
    """Processors that this process may use: the least of its affinity, Slurm's share of a task, and the container's quota.

    system: the folder in which proc and sys lie.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # only Linux has it
    limits = [len(affinity(0)) if affinity else os.cpu_count() or 1]
    if tasks := _positive(environment.get("SLURM_CPUS_PER_TASK", "")):
        limits.append(tasks)
    return max(1, min(limits + [-(-quota // period) for quota, period in _quotas(system)]))


def memory_bytes(*, system: Path = SYSTEM, environment: Mapping[str, str] = os.environ) -> int:
    """Bytes that this process may still take: the least of what is available, what its containers have left, and Slurm's share of the node.

    What a container counts as used is less its file cache, which the kernel gives back. Where nothing says what is available
    (macOS), half of the physical memory.
    """
    limits = [_available(system), *_left_in_containers(system)]
    if megabytes := _positive(environment.get("SLURM_MEM_PER_NODE", "")):
        limits.append(megabytes << 20)
    return max(0, min(limits))


def workers(environment: Mapping[str, str] = os.environ) -> int:
    """Processes of ours that share the machine, this one among them: AGEREPRO_WORKERS, or 1."""
    return _positive(environment.get(WORKERS, "")) or 1


def loading_threads(*, system: Path = SYSTEM, environment: Mapping[str, str] = os.environ) -> int:
    """Threads that load pictures: as many as processors fall to each worker, and no more than one device can be fed by."""
    return max(1, min(MOST_LOADING_THREADS, cpu_count(system=system, environment=environment) // workers(environment)))


def _available(system: Path) -> int:
    for line in _lines(system / "proc/meminfo"):
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) << 10  # in kB
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) // 2


def _quotas(system: Path) -> Iterator[tuple[int, int]]:
    """(quota, period) in microseconds of every container around this process that has a quota."""
    for folder in _containers(system, ""):
        quota, _, period = " ".join(_lines(folder / "cpu.max")).partition(" ")
        if _positive(quota) and _positive(period):
            yield int(quota), int(period)
    for folder in _containers(system, "cpu"):
        quota, period = (" ".join(_lines(folder / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
        if _positive(quota) and _positive(period):
            yield int(quota), int(period)


def _left_in_containers(system: Path) -> Iterator[int]:
    """Bytes that every container around this process has left, where it has a limit."""
    for controller, limits, usage, cache in (
        ("", ("memory.max", "memory.high"), "memory.current", "inactive_file"),
        ("memory", ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for folder in _containers(system, controller):
            for limit in [_positive(" ".join(_lines(folder / name))) for name in limits]:
                if 0 < limit < UNLIMITED:
                    used = _positive(" ".join(_lines(folder / usage)))
                    cached = sum(_positive(line.split()[-1]) for line in _lines(folder / "memory.stat") if line.split()[0] == cache)
                    yield limit - max(0, used - cached)


def _containers(system: Path, controller: str) -> Iterator[Path]:
    """Folders of the cgroup of this process and of all above it; controller "" for version 2, else a controller of version 1.

    A container often sees its own cgroup as the root of the tree, under another name than /proc gives: what does not exist is
    left out by the readers.
    """
    for line in _lines(system / "proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            root = system / "sys/fs/cgroup" / controller
            own = Path(path.lstrip("/"))
            yield from (root / above for above in (own, *own.parents))


def _lines(path: Path) -> list[str]:
    """Lines of a file of the kernel that are not empty; none where there is no such file."""
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError:
        return []


def _positive(text: str) -> int:
    """A whole number above 0; 0 for "max", "-1" and all other texts."""
    return int(text) if text.strip().isdecimal() else 0
