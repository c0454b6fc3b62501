"""Prints what a fold costs before it trains, with 170,000 prepared faces of IMDB: `python benchmarks/startup.py`.

The cascade of the tests is run for one fold; then the tables of its IMDB are repeated to that many rows, as many as the real set has
after cleaning (koenig2019: 171,858). Two more folds are done, each in a process of its own as a task of a job array does it: the first
also describes the run anew, as the first task does. Files that are opened are counted where strace is installed.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from agerepro.io import MANIFEST, read_manifest, write_json, write_manifest
from agerepro.runs.layout import find_run

TINY = Path(__file__).parents[1] / "tests" / "runs" / "tiny.yaml"
OPENED = re.compile(r'open(?:at)?\((?:\w+, )?"([^"]+)".*= \d+$')


def main() -> None:
    """Run, repeat, and time two folds; print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=170_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        _agerepro("run", TINY, "--runs", runs, "--folds", "0")
        (place,) = (runs / "faces").glob("imdb-*")
        repeat(place, options.faces)
        run = find_run(runs / "koenig2019" / "tiny")
        (run.folder / "provenance.json").unlink()
        for fold, what in ((1, "first task, describes the run"), (2, "any other task")):
            print(f"fold {fold} ({what}): {measure(runs, fold, Path(folder) / 'trace')}", flush=True)


def repeat(place: Path, faces: int) -> None:
    """Let the prepared faces in `place` be as many: their tables' rows are repeated under other names."""
    manifest = read_manifest(place)
    assert manifest is not None
    for name in ("photos.csv", "faces.csv", "crops.csv"):
        table = pd.read_csv(place / name, dtype=str, keep_default_na=False)
        copies = -(-faces // len(table))
        rows = pd.concat([table.assign(photo=table["photo"] + (f"-{copy}" if copy else "")) for copy in range(copies)], ignore_index=True)
        rows.iloc[:faces].to_csv(place / name, index=False, lineterminator="\n")
    about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    write_json(place / "about.json", {**about, "photos": faces})
    (place / MANIFEST).unlink()
    write_manifest(place, made_by=manifest["made_by"])


def measure(runs: Path, fold: int, trace: Path) -> str:
    """CPU and wall seconds of one fold's process, and the files it opened by place."""
    command = ["strace", "-f", "-q", "-o", str(trace), "-e", "trace=open,openat", "--"] if shutil.which("strace") else []
    counted = ""
    if command:
        _agerepro("step", TINY, "fold", str(fold), "--runs", runs, before=command)
        paths = [match[1] for line in trace.read_text(errors="replace").splitlines() if (match := OPENED.search(line))]
        places = collections.Counter("RUNS" if str(runs) in path else "packages" if "python" in path else "system" for path in paths)
        counted = ", files opened: " + ", ".join(f"{count:,} {where}" for where, count in sorted(places.items()))
        shutil.rmtree(find_run(runs / "koenig2019" / "tiny").fold_folder(0, fold))  # once more, at its own speed
        if fold == 1:
            (find_run(runs / "koenig2019" / "tiny").folder / "provenance.json").unlink()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _agerepro("step", TINY, "fold", str(fold), "--runs", runs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{seconds:.1f} s of CPU, {time.perf_counter() - began:.1f} s{counted}"


def _agerepro(*arguments: object, before: list[str] | None = None) -> None:
    words = [*(before or []), sys.executable, "-m", "agerepro", *(str(argument) for argument in arguments)]
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"})


if __name__ == "__main__":
    main()
