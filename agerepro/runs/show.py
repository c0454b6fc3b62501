"""A plan and a run as text: what is done, what is missing and why, and whether every file is still what it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agerepro.config.loading import read_experiment
from agerepro.io import DAMAGED, damaged_files, digest_of_file, mark_damaged, read_manifest
from agerepro.runs.layout import Run, failure
from agerepro.runs.plan import Plan


def plan_as_text(plan: Plan) -> str:
    """A line a step: name, state, folder, and what it needs or why it failed; folds of one state together."""
    lines: list[tuple[str, str, str]] = []
    folds: dict[tuple[str, str], list[str]] = {}
    for step in plan.steps:
        waits = ", ".join(need for need in step.needs if need in {other.name for other in plan.steps if other.state != "done"})
        more = step.note if step.state == "failed" else f"needs {waits}" if step.state == "waiting" and step.name != "collect" else ""
        if step.name.startswith("fold ") and step.state != "failed":
            seed = step.name.partition(" seed ")[2]
            folds.setdefault((f"{step.state} {seed}", more), []).append(step.name.split(" ")[1])
            continue
        for (state, note), numbers in folds.items():
            lines.append(_of_folds(state, note, numbers, plan))
        folds = {}
        lines.append((step.name, step.state, more or (str(step.folder) if step.folder else "")))
    if not any(step.name.startswith("fold ") for step in plan.steps):
        lines.insert(-1, ("fold ...", "waiting", "how many there are is known once the faces are prepared"))
    widths = [max(len(line[i]) for line in lines) for i in range(2)]
    done = sum(step.state == "done" for step in plan.steps)
    table = [f"{name:<{widths[0]}}  {state:<{widths[1]}}  {more}".rstrip() for name, state, more in lines]
    return "\n".join([*table, f"{done} of {len(plan.steps)} steps done"])


def plan_as_json(plan: Plan) -> str:
    """All steps, each with `name`, `state`, `folder` (null while it is not known), `needs` and `note`."""
    steps = [
        {
            "name": step.name,
            "state": step.state,
            "folder": str(step.folder) if step.folder else None,
            "needs": list(step.needs),
            "note": step.note,
        }
        for step in plan.steps
    ]
    return json.dumps({"run": str(plan.run.folder) if plan.run else None, "steps": steps}, indent=2, ensure_ascii=False)


def status_as_text(run: Run) -> tuple[str, bool]:
    """How many folds are done, which are missing, and the reasons of those that failed; and whether none is missing."""
    seeds = read_experiment(run.folder / "experiment.yaml").seeds
    folds = sorted(set(run.folds()["fold"]))
    finished = set(run.done(seeds))
    lines = [f"{run.folder}: {len(finished)} of {len(folds) * len(seeds)} folds done"]
    for seed in seeds:
        missing = [fold for fold in folds if (seed, fold) not in finished]
        if missing:
            lines.append(f"  missing{f' of seed {seed}' if len(seeds) > 1 else ''}: {ranges(missing)}")
        for fold in missing:
            if reason := failure(run.fold_folder(seed, fold)):
                lines.append(f"  fold {fold} failed: {reason}")
    return "\n".join(lines), len(lines) == 1


def ranges(numbers: Sequence[int]) -> str:
    """[0, 1, 2, 7] -> 0-2,7: what --folds takes."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


@dataclass(frozen=True)
class Verified:
    """What was compared with its checksum: files, bytes, and for each file that differs what is wrong with it."""

    files: int
    size: int
    damaged: dict[Path, str]


def verify_run(run: Run) -> Verified:
    """Read every file of a run's folds, of the stages that they start from, and of the prepared faces and their crops.

    A folder with a damaged file counts as incomplete from then on.
    """
    runs = run.folder.resolve().parents[2]
    provenance = run.provenance()
    faces = [runs / "faces" / str(facts.get("prepared", "")) for facts in provenance["data"].values() if facts.get("prepared")]
    folders = [
        *sorted((run.folder / "folds").glob("[0-9]*")),
        *sorted(run.folder.glob("backbone-seed*")),
        *_stages(runs, provenance["starts"].values()),
        *faces,
    ]
    files = size = 0
    damaged: dict[Path, str] = {}
    for folder in folders:
        manifest = read_manifest(folder) or read_manifest(folder, DAMAGED) or {"files": {}}
        files += len(manifest["files"])
        size += sum(facts["size"] for facts in manifest["files"].values())
        broken = damaged_files(folder)
        damaged |= {path: "damaged" if path.exists() else "missing" for path in broken}
        if broken:
            mark_damaged(folder)
    for place in faces:
        for shard, count in _shards(place):
            files, size = files + 1, size + count
            if not shard.is_file():
                damaged[shard] = "missing"
            elif digest_of_file(shard) != shard.stem:
                damaged[shard] = "damaged, set aside"
                shard.replace(shard.with_name(f"{shard.name}.corrupt"))
    return Verified(files, size, damaged)


def _of_folds(state: str, note: str, numbers: list[str], plan: Plan) -> tuple[str, str, str]:
    word, _, seed = state.partition(" ")
    name = f"fold {ranges([int(number) for number in numbers])}" + (f" seed {seed}" if seed else "")
    return name, word, note or (str(plan.run.folder / "folds") if plan.run else "")


def _stages(runs: Path, starts: object) -> list[Path]:
    """The folders of the stages that led to these starts."""
    folders: list[Path] = []
    left = [str(start) for start in starts]  # type: ignore[attr-defined]
    while left:
        start = left.pop()
        for folder in (runs / "stages").glob(f"*-{start}") if " " not in start and start else ():
            settings = folder / "settings.json"
            if folder not in folders:
                folders.append(folder)
                if settings.is_file():
                    left.append(str(json.loads(settings.read_text(encoding="utf-8"))["start"]))
    return folders


def _shards(place: Path) -> list[tuple[Path, int]]:
    """The shards of a prepared data set and their sizes in bytes; none where its description is gone."""
    try:
        about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [(place.parent / "crops" / about["store"] / name, size) for name, size in about["shards"].items()]
