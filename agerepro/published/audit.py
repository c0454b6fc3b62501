"""Claims of a paper computed again, compared with what it prints, and told as text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from agerepro.errors import UserError
from agerepro.published.claims import OPERATIONS, REFERENCES, ROUNDING, Claim, DataUnavailable, Sources, Value


class ClaimStatus(Enum):
    """What an audit says of a claim; its value is what it prints."""

    AGREES = "agree"
    KNOWN = "DISAGREE (known)"  # and differs as the claim's misprint says
    DISAGREES = "DISAGREE"
    NO_MISPRINT = "DISAGREE: no misprint"  # listed as a misprint, but the paper is right
    NOT_CHECKED = "not checked"


UNEXPECTED = (ClaimStatus.DISAGREES, ClaimStatus.NO_MISPRINT)


@dataclass(frozen=True)
class Finding:
    """One claim, what the computation gave (as text; "" when not checked), the verdict, and the data set that is missing."""

    claim: Claim
    computed: str
    verdict: ClaimStatus
    missing: str | None = None


def audit(claims: Iterable[Claim], sources: Sources) -> list[Finding]:
    """Findings in the order of the claims. UserError, naming the claim, where its computation cannot be done."""
    return [finding(claim, sources) for claim in claims]


def finding(claim: Claim, sources: Sources) -> Finding:
    """Compute one claim and judge it. UserError, naming the claim, where its computation cannot be done."""
    try:
        value = evaluate(claim.compute, sources)
        as_printed = agrees(value, claim.printed, claim.relation, claim.within)
        as_known = claim.misprint is not None and agrees(value, claim.misprint.found)
    except DataUnavailable as error:
        return Finding(claim, "", ClaimStatus.NOT_CHECKED, str(error))
    except UserError as error:
        raise UserError(f"Claim {claim.id}: {error}") from None
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise UserError(f"Claim {claim.id} cannot be computed: {error}.") from error
    if as_printed:
        verdict = ClaimStatus.NO_MISPRINT if claim.misprint else ClaimStatus.AGREES
    else:
        verdict = ClaimStatus.KNOWN if as_known else ClaimStatus.DISAGREES
    return Finding(claim, in_words(value, decimals(claim.printed)), verdict)


def evaluate(node: Any, sources: Sources) -> Value:
    """The value of a computation: operations take evaluated arguments, references the names as they stand."""
    if isinstance(node, list):
        return [evaluate(item, sources) for item in node]
    if not isinstance(node, dict):
        return node
    ((name, given),) = node.items()
    if name in REFERENCES:
        return REFERENCES[name](sources, **given) if isinstance(given, dict) else REFERENCES[name](sources, *_as_list(given))
    return OPERATIONS[name](*(evaluate(argument, sources) for argument in _as_list(given)))


def agrees(value: Value, printed: str, relation: str = "equal", within: float | None = None) -> bool:
    """Whether a computed value is what is printed: equal after rounding to the printed digits, or above or below them.

    `within` replaces half a unit of the last printed digit. Truth is printed as yes or no; text must be the same.
    Raises ValueError when a number meets text.
    """
    if isinstance(value, (bool, str)):
        return in_words(value, 0) == printed
    number = float(value)  # type: ignore[arg-type]
    target = float(printed.replace(",", ""))
    if relation != "equal":
        return number > target if relation == "above" else number < target
    half = 0.5 * 10.0 ** -decimals(printed) if within is None else within
    return abs(number - target) <= half + ROUNDING


def decimals(printed: str) -> int:
    """How many digits a printed number has after its point; 0 for whole numbers and text."""
    try:
        exponent = Decimal(printed.replace(",", "")).as_tuple().exponent
    except ArithmeticError:
        return 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def in_words(value: Value, digits: int) -> str:
    """yes or no, the text, or the number with one digit more than is printed, so that rounding can be seen."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    text = f"{number:,.{digits + 1}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


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
    known = {n: f.claim.misprint.reading for n, f in enumerate(findings, 1) if f.verdict is ClaimStatus.KNOWN and f.claim.misprint}
    notes = {n: f.claim.note for n, f in enumerate(findings, 1) if f.claim.note and not f.missing}
    below = _section("Known misprints and contradictions, and how we read them:", known) + _section("Notes:", notes)
    return "\n".join([*table, *below, "", summary(paper, findings)])


def summary(paper: str, findings: Sequence[Finding]) -> str:
    """How many claims agree, disagree as known, disagree unexpectedly and were not checked."""
    number = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in ClaimStatus}
    unexpected = sum(number[verdict] for verdict in UNEXPECTED)
    said = f"{paper}: {len(findings)} claims, {number[ClaimStatus.AGREES]} agree, {number[ClaimStatus.KNOWN]} disagree as known, "
    said += f"{unexpected} disagree unexpectedly, {number[ClaimStatus.NOT_CHECKED]} not checked"
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
