"""The people that two data sets share by name."""

from __future__ import annotations

import unicodedata

import pandas as pd

# Letters that are no plain letter with an accent, so that decomposing leaves them as they are.
PLAIN = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th"})


def shared_subjects(a: pd.DataFrame, b: pd.DataFrame) -> set[str]:
    """The subjects of the photos table `a`, as written there, whose names `b` has too.

    Names are compared without case, spaces, underscores, punctuation or accents: AgeDB's MariaCallas is IMDB's Maria Callas.
    Two people of one name count as shared, which errs on the safe side. Bare numbers, as FG-NET's, name nobody.
    """
    others = {plain_name(subject) for subject in b["subject"].unique()} - {""}
    return {subject for subject in a["subject"].unique() if plain_name(subject) in others}


def plain_name(subject: str) -> str:
    """The letters and digits of a name, lower case, without accents; "" when it has no letter."""
    decomposed = unicodedata.normalize("NFKD", subject.casefold().translate(PLAIN))
    plain = "".join(character for character in decomposed if character.isalnum())
    return plain if any(character.isalpha() for character in plain) else ""
