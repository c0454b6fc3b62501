"""Photos drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence

from agerepro.draws import generator

SEED = 0


def drawn(photos: Sequence[str], count: int, *, purpose: str, seed: int = SEED) -> list[str]:
    """`count` of the photos (all, where there are fewer), the same for the same purpose and seed, in the order of names."""
    names = sorted(photos)
    order = generator(purpose, seed).permutation(len(names))
    return sorted(names[place] for place in order[:count])
