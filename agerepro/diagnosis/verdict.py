"""What the numbers say of "activations centre on the eye/nose region" [koenig2019, section 6], one plain sentence each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from agerepro.diagnosis.check_tables import MORE_THAN_RANDOM, of_check
from agerepro.diagnosis.explained import Explained
from agerepro.diagnosis.regions import TOGETHER, densest, of_region
from agerepro.diagnosis.stages import tuned

CENTRES = ("eyes", "nose")


def verdict(one: Explained) -> str:
    """Whether this run's maps centre on eyes and nose.

    They do where eyes and nose together hold more than their even share (the interval lies above 1) and one of them holds most a
    pixel of all regions; they lean there where only the first is so.
    """
    if one.summary.empty:
        return f"{one.run.experiment}: no photo has landmarks, so nothing can be said of eyes and nose."
    (row,) = of_region(one.summary, [TOGETHER])
    place, times = densest(one.summary)
    if row["relative_low"] > 1:
        said = "centre on them" if place in CENTRES else f"lean to them, but more a pixel lies on the {place} ({times:.2f} times even)"
    elif row["relative_high"] < 1:
        said = f"lean away from them; most a pixel lies on the {place} ({times:.2f} times even)"
    else:
        said = f"neither seek nor avoid them as far as can be told; most a pixel lies on the {place} ({times:.2f} times even)"
    numbers = f"{row['share']:.0%} of the map's energy on {row['area_share']:.0%} of the crop, {_times(row)} an even spread"
    return f"{one.run.experiment} ({tuned(one.experiment)}): eyes and nose hold {numbers}: the maps {said}.{_beside_random(one)}"


def paired_verdicts(table: pd.DataFrame) -> list[str]:
    """What tuning to age changed, a sentence for each pair of `before_after`."""
    said = []
    for row in table.loc[table["region"] == TOGETHER].to_dict("records"):
        turn = (
            "moves the maps to"
            if row["low"] > 0
            else "moves the maps away from"
            if row["high"] < 0
            else "does not clearly move the maps to or from"
        )
        said.append(
            f"{row['backbone']}, {row['before']} -> {row['after']}: tuning to age {turn} eyes and nose: {row['relative_before']:.2f} -> "
            f"{row['relative_after']:.2f} times even, difference {row['difference']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}], "
            f"{row['photos']:,} photos of {row['people']:,} people."
        )
    return said


def resolution_note(runs: Sequence[Explained]) -> str:
    """What the maps are too coarse to tell; "" where each place is smaller than an eye region."""
    coarse = [one for one in runs if not one.summary.empty and _place(one) > _smallest(one)]
    if not coarse:
        return ""
    places = ", ".join(dict.fromkeys(one.about["places"] for one in coarse))
    return (
        f"These maps have {places} places, each larger than the eyes or the nose: stretched over the crop they cannot tell these two "
        "from their neighbours, and a map that is strong in the middle counts as eyes and nose. An earlier layer (--layer) sees finer."
    )


def _beside_random(one: Explained) -> str:
    if one.checks is None:
        return ""
    found = of_check(one.checks.summary, MORE_THAN_RANDOM)
    if found.value != found.value:
        return ""
    what = "more than" if found.low > 0 else "less than" if found.high < 0 else "not clearly other than"
    return f" That is {what} networks with random weights give: {found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}] times even."


def _times(row: dict[Hashable, Any]) -> str:
    return f"{row['relative']:.2f} times [{row['relative_low']:.2f}, {row['relative_high']:.2f}]"


def _place(one: Explained) -> float:
    """The share of the crop that one place of the map covers."""
    return 1 / (one.maps.shape[1] * one.maps.shape[2])


def _smallest(one: Explained) -> float:
    """The area of the smaller of eyes and nose, which for the eyes is that of one of the two."""
    eyes, nose = (float(row["area_share"]) for row in of_region(one.summary, CENTRES))
    return min(eyes / 2, nose)
