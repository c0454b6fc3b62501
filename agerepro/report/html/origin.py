"""Where a run's numbers come from, as tables: the data funnel, and code, packages, machine and digests."""

from __future__ import annotations

import shlex
from typing import Any

from agerepro.report.html.loaded import Loaded
from agerepro.report.page import Page


def funnel_page(run: Loaded) -> Page:
    """What was read, cleaned, skipped and aligned, one row a step of every data set."""
    rows: list[tuple[str, ...]] = []
    for name, about in run.provenance["data"].items():
        drawn = " (drawn)" if name in run.provenance["synthetic"] else ""
        steps = [*_cleaning(about), *_alignment(about)]
        steps += (
            [("people shared with the target, dropped", f"{about['shared_people_dropped']:,}")] if "shared_people_dropped" in about else []
        )
        steps.append(("used", f"{about['photos']:,}"))
        rows += [(f"{name}{drawn}" if not place else "", *step) for place, step in enumerate(steps)]
    return Page("Data funnel", "", ("Data set", "Step", "Photos"), (2,), tuple(rows))


def provenance_page(run: Loaded) -> Page:
    """Everything of provenance.json but the funnel."""
    about = run.provenance
    code = [("agerepro", about["agerepro"]), ("code revision", about["code"] or "unknown"), ("Python", about["python"])]
    machine = [("platform", about["platform"]), ("processors", about["cpus"])]
    parts = {
        "Command": [("as started", shlex.join(about["command"]))],
        "Code": code,
        "Packages": sorted(about["packages"].items()),
        "Machine": [*machine, *sorted(about["device"].items())],
        "Data": [(f"{name}, digest of labels and pixels", one["digest"]) for name, one in sorted(about["data"].items())],
        "Starts from": [(f"seed {seed}", start) for seed, start in sorted(about["starts"].items())],
        "Changed": [("setting", setting) for setting in about["changed"]],
    }
    rows = [(part if not place else "", name, _text(value)) for part, all_ in parts.items() for place, (name, value) in enumerate(all_)]
    return Page("Provenance", "", ("Part", "What", "Value"), (), tuple(rows))


def _cleaning(about: dict[str, Any]) -> list[tuple[str, str]]:
    steps = [(step["step"], f"{step['kept']:,} kept, {step['removed']:,} removed") for step in about.get("read", [])]
    skipped = about.get("skipped", [])
    return [*steps, *([("skipped while reading", f"{len(skipped):,}")] if skipped else [])]


def _alignment(about: dict[str, Any]) -> list[tuple[str, str]]:
    """The two totals first, then what became of the photos."""
    counts = about.get("faces", {})
    totals = [name for name in ("photos", "crops") if name in counts]
    return [(name, f"{counts[name]:,}") for name in (*totals, *sorted(set(counts) - set(totals)))]


def _text(value: Any) -> str:
    return str(value) if str(value) else "none"
