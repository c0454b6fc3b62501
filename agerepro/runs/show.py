"""A plan and a run as text: what is done, running, missing and why, and whether every file is still what it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agerepro.config.loading import read_experiment
from agerepro.io import DAMAGED, damaged_files, digest_of_file, is_complete, mark_damaged, read_manifest, work_folder
from agerepro.running import failure, in_time, running
from agerepro.runs.layout import Run
from agerepro.runs.plan import Plan, step_name
from agerepro.training.naming import CHECKPOINT

TIMED_FOLDS = 8  # whose times say how long the others will take


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


@dataclass(frozen=True)
class Part:
    """One thing that a run consists of: a data set, a shared stage or a fold; folder: where it lies, None while that is not known."""

    name: str
    folder: Path | None
    done: bool


def status_of_run(run: Run) -> tuple[str, bool]:
    """What is done, running, failed and missing of a run, by its folders alone; and whether all of its folds are done."""
    seeds = read_experiment(run.folder / "experiment.yaml").seeds
    runs, stages = run.folder.resolve().parents[2], run.provenance().get("stages", {})
    shared = [
        Part(step_name("train", name, seed), runs / "stages" / folder, is_complete(runs / "stages" / folder))
        for seed in seeds
        for name, folder in stages.get(str(seed), {}).items()
    ]
    finished = set(run.done(seeds))
    folds = [
        Part(step_name("fold", str(fold), seed), run.fold_folder(seed, fold), (seed, fold) in finished)
        for seed in seeds
        for fold in sorted(set(run.folds()["fold"]))
    ]
    return _status(str(run.folder), shared, folds), len(finished) == len(folds)


def status_of_plan(plan: Plan) -> tuple[str, bool]:
    """The same of an experiment, whose run may not have begun: with its data sets."""
    parts = [Part(step.name, step.folder, step.state == "done") for step in plan.steps if step.name != "collect"]
    folds = [part for part in parts if part.name.startswith("fold ")]
    title = str(plan.run.folder) if plan.run else f"{plan.options.experiment} ({plan.options.profile})"
    text = _status(title, [part for part in parts if part not in folds], folds)
    if plan.fold_count is None:
        text += "\n  folds   how many there are is known once the faces are prepared"
    return text, plan.fold_count is not None and all(part.done for part in parts)


def missing_folds(run: Run) -> str:
    """The run and its missing folds, with the reasons of those that failed; "" where none is missing."""
    text, complete = status_of_run(run)
    return "" if complete else "\n".join(line for line in text.splitlines() if not line.endswith("  done"))


def _status(title: str, before: Sequence[Part], folds: Sequence[Part]) -> str:
    """A title with counts, then a line each for what comes before the folds, and for folds that are not done, equal ones together."""
    notes = {part.name: _note(part) for part in (*before, *folds)}
    at_work = sum(not part.done and notes[part.name].startswith("running") for part in folds)
    counts = f"{sum(part.done for part in folds)} of {len(folds)} folds done" if folds else "no fold done"
    left = _seconds_left(folds, at_work)
    rest = f", {at_work} running" + (f", about {in_time(left)} left at this pace" if left else "") if at_work else ""
    grouped: dict[tuple[str, str], list[str]] = {}
    for part in folds:
        number, _, seed = part.name.removeprefix("fold ").partition(" seed ")
        if not part.done:
            grouped.setdefault((notes[part.name], seed), []).append(number)
    rows = [(part.name, notes[part.name]) for part in before]
    for (note, seed), numbers in grouped.items():
        rows.append((f"fold {ranges([int(number) for number in numbers])}" + (f" seed {seed}" if seed else ""), note))
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join([f"{title}: {counts}{rest}", *(f"  {name:<{width}}  {note}" for name, note in rows)])


def _note(part: Part) -> str:
    if part.done:
        return "done"
    if part.folder is None:
        return "missing"
    if (now := running(part.folder)) is not None:
        return now.in_words() if now.is_gone else f"running {now.in_words()}"
    if reason := failure(part.folder):
        return f"failed: {reason}"
    return "stopped; continues from what was saved" if (work_folder(part.folder) / CHECKPOINT).is_file() else "missing"


def _seconds_left(folds: Sequence[Part], at_work: int) -> float:
    """By the mean time of the folds that were done last; 0 where none is done or at work."""
    done = [part.folder for part in folds if part.done and part.folder is not None][-TIMED_FOLDS:]
    seconds = [took for folder in done if (took := _seconds(folder)) is not None]
    if not seconds or not at_work:
        return 0.0
    return sum(seconds) / len(seconds) * sum(not part.done for part in folds) / at_work


def _seconds(folder: Path) -> float | None:
    try:
        return float(json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
    """Read every file of a run's folds, of the stages that they build on, and of the prepared faces and their crops.

    A folder with a damaged file counts as incomplete from then on.
    """
    runs = run.folder.resolve().parents[2]
    provenance = run.provenance()
    faces = [runs / "faces" / str(facts.get("prepared", "")) for facts in provenance["data"].values() if facts.get("prepared")]
    folders = [
        *sorted((run.folder / "folds").glob("[0-9]*")),
        *sorted(run.folder.glob("backbone-seed*")),
        *_stages(runs, provenance),
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


def _stages(runs: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """The folders of the shared stages that a run builds on, and of what they predict of its photos."""
    names = {str(name) for of_seed in provenance.get("stages", {}).values() for name in of_seed.values()}
    predictions = [folder for folder in sorted((runs / "predictions").glob("*-*")) if _predicting_stage(folder) in {*names, ""}]
    return [*(runs / "stages" / name for name in sorted(names)), *predictions]


def _predicting_stage(folder: Path) -> str:
    """The folder's name of the stage whose predictions these are; "" where they do not say, or not any more."""
    try:
        return str(json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["stage"])
    except (OSError, ValueError, KeyError):
        return ""


def _shards(place: Path) -> list[tuple[Path, int]]:
    """The shards of a prepared data set and their sizes in bytes; none where its description is gone."""
    try:
        about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [(place.parent / "crops" / about["store"] / name, size) for name, size in about["shards"].items()]
