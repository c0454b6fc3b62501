"""An audit as a text table or as JSON, the known misprints explained below it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

from agerepro.published.audit import UNEXPECTED, Finding, Verdict
from agerepro.published.claims import Claim

SIGNS = {"equal": "", "above": "> ", "below": "< "}
WIDE, WHOLE = 62, 120  # characters of a claim in its column, and of a line below the table


def as_text(paper: str, findings: Sequence[Finding]) -> str:
    """Number, claim, printed, recomputed, verdict and source in columns; then known misprints and notes by number; last the counts."""
    lines = [["", "claim", "printed", "recomputed", "verdict", "source"]]
    for number, finding in enumerate(findings, start=1):
        first, *rest = textwrap.wrap(finding.claim.says, WIDE)
        lines.append([str(number), first, printed(finding.claim), finding.computed or "-", verdict(finding), finding.claim.source])
        lines += [["", f"  {more}", "", "", "", ""] for more in rest]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    table = ["  ".join([f"{cell:<{width}}" for cell, width in zip(line, widths)] + line[5:]).rstrip() for line in lines]
    known = {n: f.claim.misprint.reading for n, f in enumerate(findings, 1) if f.verdict is Verdict.KNOWN and f.claim.misprint}
    notes = {n: f.claim.note for n, f in enumerate(findings, 1) if f.claim.note and not f.missing}
    below = _section("Known misprints and contradictions, and how we read them:", known) + _section("Notes:", notes)
    return "\n".join([*table, *below, "", summary(paper, findings)])


def summary(paper: str, findings: Sequence[Finding]) -> str:
    """How many claims agree, disagree as known, disagree unexpectedly and were not checked."""
    number = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    unexpected = sum(number[verdict] for verdict in UNEXPECTED)
    said = f"{paper}: {len(findings)} claims, {number[Verdict.AGREES]} agree, {number[Verdict.KNOWN]} disagree as known, "
    said += f"{unexpected} disagree unexpectedly, {number[Verdict.NOT_CHECKED]} not checked"
    missing = sorted({finding.missing for finding in findings if finding.missing})
    return f"{said} (give --data with {', '.join(missing)})." if missing else f"{said}."


def as_json(findings: Sequence[tuple[str, Finding]]) -> str:
    """The same as a JSON list with one object a claim, its paper with it."""
    rows = [
        {
            "paper": paper,
            "id": finding.claim.id,
            "claim": finding.claim.says,
            "source": finding.claim.source,
            "printed": printed(finding.claim),
            "recomputed": finding.computed or None,
            "verdict": finding.verdict.value,
            "expected": finding.verdict not in UNEXPECTED,
            "missing": finding.missing,
            "reading": finding.claim.misprint.reading if finding.claim.misprint else None,
            "note": finding.claim.note or None,
        }
        for paper, finding in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def printed(claim: Claim) -> str:
    """The printed value with its relation: `> 50`."""
    return f"{SIGNS[claim.relation]}{claim.printed}"


def verdict(finding: Finding) -> str:
    """The verdict, with what is missing where nothing was checked."""
    return finding.verdict.value + (" (give --data)" if finding.missing else "")


def _section(title: str, texts: dict[int, str]) -> list[str]:
    lines = [textwrap.fill(text, WHOLE, initial_indent=f"{number:>3}  ", subsequent_indent="     ") for number, text in texts.items()]
    return ["", title, *lines] if lines else []
