"""Claims of a paper computed again, compared with what it prints, as text or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from agerepro.errors import UserError, suggest
from agerepro.published.agustsson2017.claims import CLAIMS as AGUSTSSON2017
from agerepro.published.claims import Claim, DataUnavailable, Paper, Value
from agerepro.published.koenig2019.claims import CLAIMS as KOENIG2019
from agerepro.published.pan2018.claims import CLAIMS as PAN2018

# By paper; each list in the paper's order.
CLAIMS: dict[str, tuple[Claim, ...]] = {"koenig2019": KOENIG2019, "pan2018": PAN2018, "agustsson2017": AGUSTSSON2017}
SIGNS = {"equal": "", "above": "> ", "below": "< "}
CLAIM_WIDTH, LINE_WIDTH = 62, 120  # characters of a claim in its column, and of a line below the table
ROUNDING = 1e-9  # a sum of decimals may lie a little beside itself


class ClaimStatus(Enum):
    """What an audit says of a claim; its value is what it prints."""

    AGREES = "agree"
    KNOWN = "DISAGREE (known)"  # and differs as the claim's erratum says
    DISAGREES = "DISAGREE"
    NO_MISPRINT = "DISAGREE: no misprint"  # listed with an erratum, but the paper is right
    NOT_CHECKED = "not checked"


UNEXPECTED = (ClaimStatus.DISAGREES, ClaimStatus.NO_MISPRINT)


@dataclass(frozen=True)
class Finding:
    """One claim, what the computation gave (as text; "" when not checked), its status, and the data set that is missing."""

    claim: Claim
    computed: str
    status: ClaimStatus
    missing: str | None = None


def claims_of(paper: str) -> tuple[Claim, ...]:
    """The claims of a paper in its order; UserError, with the nearest name, for a paper that has none."""
    if paper not in CLAIMS:
        raise UserError(f"No claims of {paper!r}.{suggest(paper, CLAIMS)}")
    return CLAIMS[paper]


def audit(claims: Iterable[Claim], paper: Paper) -> list[Finding]:
    """Findings in the order of the claims. UserError, naming the claim, where its computation cannot be done."""
    return [check_claim(claim, paper) for claim in claims]


def check_claim(claim: Claim, paper: Paper) -> Finding:
    """Compute one claim and judge it. UserError, naming the claim, where its computation cannot be done."""
    try:
        value = claim.compute(paper)
        as_printed = agrees(value, claim.printed, claim.relation)
        as_known = claim.erratum is not None and agrees(value, claim.erratum.computed)
    except DataUnavailable as error:
        return Finding(claim, "", ClaimStatus.NOT_CHECKED, str(error))
    except UserError as error:
        raise UserError(f"Claim {claim.id}: {error}") from None
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise UserError(f"Claim {claim.id} cannot be computed: {error}.") from error
    if as_printed:
        status = ClaimStatus.NO_MISPRINT if claim.erratum else ClaimStatus.AGREES
    else:
        status = ClaimStatus.KNOWN if as_known else ClaimStatus.DISAGREES
    return Finding(claim, value_text(value, decimals(claim.printed)), status)


def agrees(value: Value, printed: str, relation: str = "equal") -> bool:
    """Whether a computed value is what is printed: equal after rounding to the printed digits, or above or below them.

    Truth is printed as yes or no; text must be the same. Raises ValueError when a number meets text.
    """
    if isinstance(value, (bool, str)):
        return value_text(value, 0) == printed
    number, target = float(value), float(printed.replace(",", ""))
    if relation != "equal":
        return number > target if relation == "above" else number < target
    return abs(number - target) <= 0.5 * 10.0 ** -decimals(printed) + ROUNDING


def decimals(printed: str) -> int:
    """How many digits a printed number has after its point; 0 for whole numbers and text."""
    try:
        exponent = Decimal(printed.replace(",", "")).as_tuple().exponent
    except ArithmeticError:
        return 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def value_text(value: Value, digits: int) -> str:
    """yes or no, the text, or the number with one digit more than is printed, so that rounding can be seen."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    text = f"{float(value):,.{digits + 1}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_text(paper: str, findings: Sequence[Finding]) -> str:
    """Number, claim, printed, recomputed, verdict and source in columns; then known misprints and notes by number; last the counts."""
    lines = [["", "claim", "printed", "recomputed", "verdict", "source"]]
    for number, finding in enumerate(findings, start=1):
        first, *others = textwrap.wrap(finding.claim.says, CLAIM_WIDTH)
        cells = [str(number), first, _printed_text(finding.claim), finding.computed or "-", _status_text(finding), finding.claim.source]
        lines += [cells, *(["", f"  {other}", "", "", "", ""] for other in others)]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    table = ["  ".join([f"{cell:<{width}}" for cell, width in zip(line, widths)] + line[5:]).rstrip() for line in lines]
    errata = {n: f.claim.erratum.reading for n, f in enumerate(findings, 1) if f.status is ClaimStatus.KNOWN and f.claim.erratum}
    notes = {n: f.claim.note for n, f in enumerate(findings, 1) if f.claim.note and not f.missing}
    sections = _section("Known misprints and contradictions, and how we read them:", errata) + _section("Notes:", notes)
    return "\n".join([*table, *sections, "", summary(paper, findings)])


def summary(paper: str, findings: Sequence[Finding]) -> str:
    """How many claims agree, disagree as known, disagree unexpectedly and were not checked."""
    count = {status: sum(finding.status is status for finding in findings) for status in ClaimStatus}
    unexpected = sum(count[status] for status in UNEXPECTED)
    missing = sorted({finding.missing for finding in findings if finding.missing})
    remedy = f" (give --data with {', '.join(missing)})" if missing else ""
    return (
        f"{paper}: {len(findings)} claims, {count[ClaimStatus.AGREES]} agree, {count[ClaimStatus.KNOWN]} disagree as known, "
        f"{unexpected} disagree unexpectedly, {count[ClaimStatus.NOT_CHECKED]} not checked{remedy}."
    )


def as_json(findings: Sequence[tuple[str, Finding]]) -> str:
    """The same as a JSON list with one object a claim, its paper with it."""
    rows = [
        {
            "paper": paper,
            "id": finding.claim.id,
            "claim": finding.claim.says,
            "source": finding.claim.source,
            "printed": _printed_text(finding.claim),
            "recomputed": finding.computed or None,
            "verdict": finding.status.value,
            "expected": finding.status not in UNEXPECTED,
            "missing": finding.missing,
            "reading": finding.claim.erratum.reading if finding.claim.erratum else None,
            "note": finding.claim.note or None,
        }
        for paper, finding in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _printed_text(claim: Claim) -> str:
    """The printed value with its relation: `> 50`."""
    return f"{SIGNS[claim.relation]}{claim.printed}"


def _status_text(finding: Finding) -> str:
    """The status, with what is missing where nothing was checked."""
    return finding.status.value + (" (give --data)" if finding.missing else "")


def _section(title: str, texts: dict[int, str]) -> list[str]:
    lines = [textwrap.fill(text, LINE_WIDTH, initial_indent=f"{number:>3}  ", subsequent_indent="     ") for number, text in texts.items()]
    return ["", title, *lines] if lines else []
