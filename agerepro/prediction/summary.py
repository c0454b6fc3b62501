"""What a person is told after a prediction: counts, which network, what the interval is worth, and every photo that failed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from agerepro.prediction.calibration import Tested
from agerepro.prediction.estimates import Row
from agerepro.prediction.predict import Predicted

LISTED = 20  # failures, warnings and files left aside that are named; the rows have all failures and warnings


def failed(rows: Sequence[Row]) -> list[Row]:
    """Rows of photos that gave no face or could not be read: what exit code 1 is about."""
    return [row for row in rows if row.values["status"] != "ok"]


def summary(found: Predicted, kept: Sequence[int]) -> Iterator[str]:
    """Lines for standard error; `kept` are the folds that could be asked."""
    yield from _listed("left aside", [f"{path}: not a picture by its name" for path in found.photos.aside])
    yield from _listed("failed", [f"{row.values['photo']}: {row.values['reason']}" for row in failed(found.rows)])
    yield from _listed(
        "warnings",
        [f"{row.values['photo']}: {text}" for row in found.rows if row.values["status"] == "ok" for text in row.values["warnings"]],
    )
    yield counts(found)
    yield which_network(found.folds, kept)
    if found.cut_by_source:
        yield (
            f"{found.cut_by_source} of the run's own faces were cut by boxes that its data set brings; here a detector finds the "
            "faces, so the crops differ a little from those that the numbers below are of."
        )
    yield worth(found.tested, several=len(found.folds) > 1)


def counts(found: Predicted) -> str:
    """`12 photos: 10 with 12 faces, 1 without a face, 1 unreadable; 2 other files left aside`."""
    photos: dict[str, set[str]] = {}
    for row in found.rows:
        photos.setdefault(row.values["status"], set()).add(row.values["photo"])
    faces = sum(row.values["status"] == "ok" for row in found.rows)
    without = len(photos.get("no_face", ())) + len(photos.get("dropped", ()))
    parts = [f"{len(photos.get('ok', ()))} with {faces} face{'' if faces == 1 else 's'}"]
    parts += [f"{without} without a face"] if without else []
    parts += [f"{len(photos['unreadable'])} unreadable"] if "unreadable" in photos else []
    total, aside = len(found.photos.photos), len(found.photos.aside)
    more = f"; {aside} other file{'' if aside == 1 else 's'} left aside" if aside else ""
    return f"{total} photo{'' if total == 1 else 's'}: {', '.join(parts)}{more}"


def which_network(folds: Sequence[int], kept: Sequence[int]) -> str:
    """Which fold's network has spoken, and that others could."""
    if len(folds) > 1:
        return f"The mean of {len(folds)} folds' networks: {', '.join(map(str, folds))}."
    others = f"; --folds all would average over the {len(kept)} that have weights" if len(kept) > 1 else ""
    return f"The network of fold {folds[0]}{others}."


def worth(tested: Tested, *, several: bool) -> str:
    """What the run's own test photos say about such estimates, measured where it can be."""
    if tested.right is not None:
        right = tested.right
        said = (
            f"Of the run's {len(tested.predictions)} test photos {_share(right.value)} were given their right group"
            f"{_span(right.low, right.high)}."
        )
    elif tested.years is None or not math.isfinite(tested.years.factor):
        return "No interval: the run has tested too few photos to say how wide one must be."
    elif not math.isfinite(tested.years.coverage):
        return f"{tested.years.level * 100:.0f} % intervals; their coverage cannot be measured on one tested person."
    else:
        years = tested.years
        said = (
            f"{years.level * 100:.0f} % intervals held {_share(years.coverage)} of the true ages of the run's {len(years.held)} test photos"
            f"{_span(years.low, years.high)}, each fold measured by the others; {years.width:.1f} years wide on average."
        )
    return said + (" That is of single folds: a mean of folds has no photo left that none of them trained on." if several else "")


def _span(low: float, high: float) -> str:
    return f" (95 % interval over people {_share(low)} to {_share(high)})" if math.isfinite(low) else ""


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _listed(what: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:LISTED]:
        yield f"{what}: {line}"
    if len(lines) > LISTED:
        yield f"{what}: and {len(lines) - LISTED} more"
