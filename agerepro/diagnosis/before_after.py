"""Regions before and after a network was tuned to age, paired over the same photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from agerepro.diagnosis.explained import Explained
from agerepro.diagnosis.regions import REGIONS, TOGETHER, people_of, widened
from agerepro.diagnosis.stages import backbone_in_words, tuned
from agerepro.evaluation.intervals import bootstrap_people

COLUMNS = ("backbone", "before", "after", "region", "photos", "people", "relative_before", "relative_after", "difference", "low", "high")


def before_after(runs: Sequence[Explained]) -> pd.DataFrame:
    """COLUMNS: every run whose trunk learnt ages beside every run of the same backbone and data whose trunk did not.

    relative: energy a pixel beside an even spread, 1 where even; difference: after less before, on the photos that both have,
    with its 95 % interval over people (BCa). Empty where there is no such pair.
    """
    rows = [row for one, other in pairs(runs) for row in _rows(one, other)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def pairs(runs: Sequence[Explained]) -> list[tuple[Explained, Explained]]:
    """Runs of the same backbone, kind of head and data, the first before and the second after its trunk learnt ages."""
    return [(one, other) for one in runs for other in runs if _are_pair(one, other)]


def _are_pair(one: Explained, other: Explained) -> bool:
    same = one.experiment.backbone.name == other.experiment.backbone.name and _data(one) == _data(other)
    same = same and type(one.experiment.head) is type(other.experiment.head)
    return same and tuned(one.experiment) == "before" and tuned(other.experiment) == "after"


def _data(one: Explained) -> str:
    return one.experiment.stages[-1].data


def _rows(one: Explained, other: Explained) -> list[tuple[object, ...]]:
    if one.regions.empty or other.regions.empty:
        return []
    # Areas are those of each run's own crops; where the alignment is the same they are equal.
    both = widened(one.regions).merge(widened(other.regions), on=["photo", "subject"], suffixes=(" 1", " 2"))
    names = (backbone_in_words(one.experiment), one.run.experiment, other.run.experiment)
    return [(*names, region, *_paired(both, region)) for region in (*REGIONS, TOGETHER)] if len(both) else []


def _paired(both: pd.DataFrame, region: str) -> tuple[object, ...]:
    people = people_of(both)
    before, after = (both[f"{region} share {n}"].to_numpy() / both[f"{region} area {n}"].mean() for n in (1, 2))
    found = bootstrap_people(after - before, np.ones(len(both)), people)
    return len(both), found.n, float(before.mean()), float(after.mean()), found.value, found.low, found.high
