"""Claims: what a paper prints that can be computed again, from <paper>/claims.yaml beside the tables."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal, Optional

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agerepro.errors import UserError, near
from agerepro.published.operations import OPERATIONS
from agerepro.published.read import CLAIMS, papers
from agerepro.published.references import REFERENCES

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_CLOSED)
class Misprint:
    """A disagreement that we know: what the computation gives instead, as text, and how we read the place."""

    found: str
    reading: str


@dataclass(frozen=True, config=_CLOSED)
class Claim:
    """One statement of a paper beside its computation.

    printed: the number as printed, in quotes, so that its digits count ("0.50"); `yes` or `no`; or a text.
    relation: how the computed number stands to the printed one; `above` for "more than half", `below` for "p < 0.05".
    compute: `{operation or reference: arguments}`, nested at will; see operations.py and references.py.
    within: allowed difference where half a unit of the last printed digit is not right; the note says why.
    """

    id: str
    says: str
    source: str
    printed: str
    compute: Any
    relation: Literal["equal", "above", "below"] = "equal"
    within: Optional[float] = None
    note: str = ""
    misprint: Optional[Misprint] = None


@dataclass(frozen=True, config=_CLOSED)
class Claims:
    """All claims of one paper, in the paper's order."""

    paper: str
    claims: tuple[Claim, ...]


def audited() -> list[str]:
    """Names of the papers that have claims."""
    return [paper for paper in papers() if _file(paper).is_file()]


def claims_of(paper: str) -> tuple[Claim, ...]:
    """The claims of a paper; UserError for a paper that has none, or for a file of another shape."""
    if paper not in audited():
        raise UserError(f"No claims of {paper!r}.{near(paper, audited())}")
    found = parse_claims(_file(paper).read_text(encoding="utf-8"), f"{paper}/{CLAIMS}.yaml")
    if found.paper != paper:
        raise UserError(f"{paper}/{CLAIMS}.yaml says it is of {found.paper}.")
    return found.claims


def parse_claims(text: str, file: str) -> Claims:
    """Claims from YAML text; `file` names it in errors.

    Raises UserError for another shape, an id given twice, an unknown operation, or a note that `within` lacks.
    """
    try:
        found = TypeAdapter(Claims).validate_python(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise UserError(f"{file} is no list of claims: {error}") from None
    ids = [claim.id for claim in found.claims]
    for claim in found.claims:
        place = f"{file}, claim {claim.id}"
        if ids.count(claim.id) > 1:
            raise UserError(f"{place}: the id is given twice.")
        if claim.within is not None and not claim.note:
            raise UserError(f"{place}: `within` needs a note that says why.")
        _check(claim.compute, place)
    return found


def _check(node: Any, place: str) -> None:
    if isinstance(node, list):
        for item in node:
            _check(item, place)
    elif isinstance(node, dict):
        name = next(iter(node), "")
        known = {**OPERATIONS, **REFERENCES}
        if len(node) != 1 or name not in known:
            raise UserError(f"{place}: {', '.join(map(str, node)) or 'nothing'} is not one operation.{near(str(name), known)}")
        if name in OPERATIONS:
            _check(node[name], place)


def _file(paper: str) -> Any:
    return resources.files("agerepro.published") / paper / f"{CLAIMS}.yaml"
