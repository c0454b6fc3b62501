"""The verdict on every claim of a paper: computed again, it agrees, disagrees as known or unexpectedly, or could not be checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Optional

from agerepro.errors import UserError
from agerepro.published.claims import Claim
from agerepro.published.operations import OPERATIONS, ROUNDING, Value
from agerepro.published.references import REFERENCES, NotAtHand, Sources


class Verdict(Enum):
    """What an audit says of a claim; its value is what it prints."""

    AGREES = "agree"
    KNOWN = "DISAGREE (known)"  # and differs as the claim's misprint says
    DISAGREES = "DISAGREE"
    NO_MISPRINT = "DISAGREE: no misprint"  # listed as a misprint, but the paper is right
    NOT_CHECKED = "not checked"


UNEXPECTED = (Verdict.DISAGREES, Verdict.NO_MISPRINT)


@dataclass(frozen=True)
class Finding:
    """One claim, what the computation gave (as text; "" when not checked), the verdict, and the data set that is missing."""

    claim: Claim
    computed: str
    verdict: Verdict
    missing: Optional[str] = None


def audit(claims: Iterable[Claim], sources: Sources) -> list[Finding]:
    """Findings in the order of the claims. UserError, naming the claim, where its computation cannot be done."""
    return [finding(claim, sources) for claim in claims]


def finding(claim: Claim, sources: Sources) -> Finding:
    """Compute one claim and judge it. UserError, naming the claim, where its computation cannot be done."""
    try:
        value = evaluate(claim.compute, sources)
        as_printed = agrees(value, claim.printed, claim.relation, claim.within)
        as_known = claim.misprint is not None and agrees(value, claim.misprint.found)
    except NotAtHand as error:
        return Finding(claim, "", Verdict.NOT_CHECKED, str(error))
    except UserError as error:
        raise UserError(f"Claim {claim.id}: {error}") from None
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise UserError(f"Claim {claim.id} cannot be computed: {error}.") from error
    if as_printed:
        verdict = Verdict.NO_MISPRINT if claim.misprint else Verdict.AGREES
    else:
        verdict = Verdict.KNOWN if as_known else Verdict.DISAGREES
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


def agrees(value: Value, printed: str, relation: str = "equal", within: Optional[float] = None) -> bool:
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
