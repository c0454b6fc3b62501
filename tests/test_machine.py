"""What a process may use, read from made-up files of a kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agerepro.machine import cpu_count, loading_threads, memory_bytes, workers

GIB = 1 << 30


def made_up(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/meminfo": f"MemTotal: {99 << 20} kB\nMemAvailable:   {64 << 20} kB\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(48)), raising=False)


V2 = {"proc/self/cgroup": "0::/job/step\n"}
V1 = {"proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/7\n2:cpu,cpuacct:/docker/7\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "environment", "count"),
    [
        ({}, {}, 48),
        ({}, {"SLURM_CPUS_PER_TASK": "6"}, 6),
        ({}, {"SLURM_CPUS_PER_TASK": "64"}, 48),
        (V2 | {"sys/fs/cgroup/job/cpu.max": "250000 100000\n", "sys/fs/cgroup/job/step/cpu.max": "max 100000\n"}, {}, 3),
        (V2 | {"sys/fs/cgroup/cpu.max": "800000 100000\n"}, {"SLURM_CPUS_PER_TASK": ""}, 8),
        (V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, {}, 1),
        (V1 | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, {}, 48),
    ],
)
def test_processors(tmp_path: Path, many: None, files: dict[str, str], environment: dict[str, str], count: int) -> None:
    assert cpu_count(system=made_up(tmp_path, files), environment=environment) == count


@pytest.mark.parametrize(
    ("files", "environment", "gib"),
    [
        ({}, {}, 64),
        ({}, {"SLURM_MEM_PER_NODE": "16384"}, 16),
        ({}, {"SLURM_MEM_PER_NODE": "0"}, 64),  # all of the node
        (
            V2
            | {
                "sys/fs/cgroup/job/memory.max": f"{20 * GIB}\n",
                "sys/fs/cgroup/job/memory.current": f"{12 * GIB}\n",
                "sys/fs/cgroup/job/memory.stat": f"anon {4 * GIB}\ninactive_file {7 * GIB}\n",
                "sys/fs/cgroup/job/step/memory.max": "max\n",
            },
            {},
            15,
        ),
        (
            V1
            | {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{8 * GIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{9 * GIB}\n",
                "sys/fs/cgroup/memory/memory.stat": f"inactive_file 5\ntotal_inactive_file {3 * GIB}\n",
            },
            {"SLURM_MEM_PER_NODE": "16384"},
            2,
        ),
        (V1 | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, {}, 64),
    ],
)
def test_memory(tmp_path: Path, files: dict[str, str], environment: dict[str, str], gib: int) -> None:
    assert memory_bytes(system=made_up(tmp_path, files), environment=environment) == gib * GIB


def test_a_system_without_such_files_says_what_it_can(tmp_path: Path) -> None:
    assert cpu_count(system=tmp_path, environment={}) >= 1 and memory_bytes(system=tmp_path, environment={}) > 0


def test_workers_share_the_processors(tmp_path: Path, many: None) -> None:
    def threads(environment: dict[str, str]) -> int:
        return loading_threads(system=tmp_path, environment=environment)

    assert workers({}) == 1 and workers({"AGEREPRO_WORKERS": "8"}) == 8
    assert [threads({}), threads({"AGEREPRO_WORKERS": "8"}), threads({"AGEREPRO_WORKERS": "80"})] == [32, 6, 1]
