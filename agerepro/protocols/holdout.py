"""Hold-outs: the photos that a random share of images, or of people, sets aside."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from agerepro.draws import generator
from agerepro.errors import UserError
from agerepro.experiment.schema import HoldOutImages, HoldOutPeople


def held_out(photos: pd.DataFrame, split: HoldOutImages | HoldOutPeople | None, *, purpose: Sequence[str | int]) -> set[str]:
    """Keys of the validation photos; the empty set without a split. `purpose` seeds the draw."""
    if split is None or split.share == 0:
        return set()
    if isinstance(split, HoldOutImages):
        return chosen(photos["photo"], split.share, purpose=purpose)
    people = chosen(photos["subject"], split.share, purpose=purpose)
    return set(photos.loc[photos["subject"].isin(people), "photo"])


def chosen(names: pd.Series, share: float, *, purpose: Sequence[str | int]) -> set[str]:
    """A random `share` of the distinct names, at least one, whatever their order and number of repeats."""
    distinct = sorted(set(names))
    if len(distinct) < 2:
        raise UserError(f"Cannot hold out {share:.0%} of {len(distinct)} name(s): at least two are needed.")
    count = min(max(1, round(share * len(distinct))), len(distinct) - 1)
    return {distinct[i] for i in generator("hold-out", *purpose).permutation(len(distinct))[:count]}
