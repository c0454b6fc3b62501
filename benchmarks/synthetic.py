"""Prints how many synthetic faces a second this machine draws, JPEG files included: `python benchmarks/synthetic.py`."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from agerepro.config.schema import Synthetic
from agerepro.synthetic.writers import write


def main() -> None:
    """Draw into a temporary folder with several processes and print the rates with and without starting them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=600)
    parser.add_argument("--size", type=int, default=256, help="side of a picture, pixels (default: 256)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    options = parser.parse_args()
    settings = Synthetic(people=max(1, options.faces // 20), photos=options.faces, size=options.size)
    reports: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write("agedb", Path(folder) / "agedb", settings, jobs=options.jobs,
              on_progress=lambda done, total: reports.append((time.perf_counter(), done)))  # fmt: skip
        whole = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    busy = sum(usage.ru_utime + usage.ru_stime for usage in used) / options.faces
    (first, before), (last, after) = reports[1], reports[-1]
    print(f"{options.faces} faces of {options.size} px with {options.jobs} processes: {options.faces / whole:.0f} a second in all, "
          f"{(after - before) / max(last - first, 1e-9):.0f} a second once the processes run; "
          f"{1000 * busy:.1f} ms of processor time a face, start included")  # fmt: skip


if __name__ == "__main__":
    main()
