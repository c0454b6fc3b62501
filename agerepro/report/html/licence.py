"""Whether the faces of a run may go into its page, and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agerepro.datasets.card import Card

Wish = Literal["as licensed", "in", "out"]


@dataclass(frozen=True)
class FacesDecision:
    """Whether faces are shown, and why, for the reader of the page."""

    shown: bool
    why: str


def decide(card: Card, *, drawn: bool, wish: Wish) -> FacesDecision:
    """Drawn faces and those of sets in the public domain are shown, those of licensed sets only where the user asks for them."""
    free = drawn or card.faces_may_be_shown
    kind = "The faces are drawn" if drawn else f"The photos of {card.title} are in the public domain"
    if wish == "out":
        return FacesDecision(False, "The faces are left out of this page because it was made with --no-faces.")
    if free:
        return FacesDecision(True, f"{kind}, so they are shown.")
    licence = f"The licence of {card.title} says: {card.licence.rstrip('.')}."
    if wish == "in":
        return FacesDecision(True, f"{licence} The faces are shown because this page was made with --faces: do not pass it on.")
    return FacesDecision(False, f"{licence} So the faces are left out of this page, which may then be shared; --faces puts them in.")
