"""What maps of runs come to in sentences: where networks look, before and after tuning."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from agerepro.config.schema import Age, AgeGroups, Experiment
from agerepro.evaluation.bootstrap import cluster_bootstrap
from agerepro.explain.checks import MORE_THAN_RANDOM, of_check
from agerepro.explain.explanation import Explained
from agerepro.explain.regions import ALL, EYES_AND_NOSE, REGIONS, densest, of_region, people_of, widened

Tuned = Literal["before", "after"]
BACKBONES = {"resnet50": "ResNet-50", "senet50": "SENet-50", "vgg16": "VGG-16", "dlib_resnet": "dlib ResNet"}  # in koenig2019's order


def tuned(experiment: Experiment) -> Tuned:
    """`after` where any stage trained all layers on ages, else `before`: then only a head was fitted to a backbone that knows people."""
    of_age = [stage for stage in experiment.stages if isinstance(stage.target, (Age, AgeGroups))]
    return "after" if any(stage.train == "all" and stage.epochs > 0 for stage in of_age) else "before"


def backbone_in_words(experiment: Experiment) -> str:
    """The backbone as papers write it."""
    return BACKBONES.get(experiment.backbone.name, experiment.backbone.name)


COLUMNS = ("backbone", "before", "after", "region", "photos", "people", "relative_before", "relative_after", "difference", "low", "high")


def before_after(runs: Sequence[Explained]) -> pd.DataFrame:
    """COLUMNS: every run whose backbone learnt ages beside every run of the same backbone and data whose backbone did not.

    relative: energy a pixel beside an even spread, 1 where even; difference: after less before, on the photos that both have,
    with its 95 % interval over people (BCa). Empty where there is no such pair.
    """
    rows = [row for one, other in pairs(runs) for row in _rows(one, other)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def pairs(runs: Sequence[Explained]) -> list[tuple[Explained, Explained]]:
    """Runs of the same backbone, kind of head and data, the first before and the second after its backbone learnt ages."""
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
    return [(*names, region, *_paired(both, region)) for region in (*REGIONS, EYES_AND_NOSE)] if len(both) else []


def _paired(both: pd.DataFrame, region: str) -> tuple[object, ...]:
    people = people_of(both)
    before, after = (both[f"{region} share {n}"].to_numpy() / both[f"{region} area {n}"].mean() for n in (1, 2))
    found = cluster_bootstrap(after - before, np.ones(len(both)), people)
    return len(both), found.n, float(before.mean()), float(after.mean()), found.value, found.low, found.high


CENTRES = ("eyes", "nose")


def conclusions(one: Explained) -> str:
    """Whether this run's maps centre on eyes and nose.

    They do where eyes and nose together hold more than their even share (the interval lies above 1) and one of them holds most a
    pixel of all regions; they lean there where only the first is so.
    """
    if one.summary.empty:
        return f"{one.run.experiment}: no photo has landmarks, so nothing can be said of eyes and nose."
    (row,) = of_region(one.summary, [EYES_AND_NOSE])
    place, times = densest(one.summary)
    if row["relative_low"] > 1:
        said = "centre on them" if place in CENTRES else f"lean to them, but more a pixel lies on the {place} ({times:.2f} times even)"
    elif row["relative_high"] < 1:
        said = f"lean away from them; most a pixel lies on the {place} ({times:.2f} times even)"
    else:
        said = f"neither seek nor avoid them as far as can be told; most a pixel lies on the {place} ({times:.2f} times even)"
    numbers = f"{row['share']:.0%} of the map's energy on {row['area_share']:.0%} of the crop, {_times(row)} an even spread"
    return f"{one.run.experiment} ({tuned(one.experiment)}): eyes and nose hold {numbers}: the maps {said}.{_beside_random(one)}"


def paired_conclusions(table: pd.DataFrame) -> list[str]:
    """What tuning to age changed, a sentence for each pair of `before_after`."""
    said = []
    for row in table.loc[table["region"] == EYES_AND_NOSE].to_dict("records"):
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


ORDER = (EYES_AND_NOSE, *REGIONS)


def explanation_text(runs: Sequence[Explained], pairs: pd.DataFrame) -> str:
    """The whole printed page, ends with a newline; pairs as `before_after` gives them."""
    blocks = [_run_text(one) for one in runs]
    if len(pairs):
        blocks.append(_pairs_text(pairs))
    said = [conclusions(one) for one in runs] + paired_conclusions(pairs)
    note = resolution_note(runs)
    blocks.append("\n".join(['Do "activations centre on the eye/nose region" (koenig2019, section 6)?', *said, *([note] if note else [])]))
    return "\n\n".join(blocks) + "\n"


def _run_text(one: Explained) -> str:
    about = one.about
    head = (
        f"{one.run.experiment} ({one.run.profile}): {about['how']} maps of the {str(about['target']).replace('_', ' ')} "
        f"at {about['layer']} ({about['places']} places), {about['photos']:,} photos, {about['folds']} of {about['folds_in_all']} folds, "
        f"{about['photos_with_regions']:,} photos with landmarks"
    )
    if one.summary.empty:
        return head
    rows = [("Region", "Share of energy", "95 % interval", "Share of crop", "Times even", "95 % interval")]
    for row in of_region(one.summary, ORDER, group=ALL):
        share = f"[{row['share_low']:.1%}, {row['share_high']:.1%}]"
        rows.append(
            (row["region"], f"{row['share']:.1%}", share, f"{row['area_share']:.1%}", _number(row["relative"]), _ends(row, "relative_"))
        )
    return "\n\n".join([head, _columns(rows), *([_checks_text(one)] if one.checks is not None else [])])


def _checks_text(one: Explained) -> str:
    assert one.checks is not None
    rows = [("Check", "Value", "95 % interval", "Unit", "Photos")]
    for row in one.checks.summary.to_dict("records"):
        rows.append((row["check"], f"{row['value']:.3f}", f"[{row['low']:.3f}, {row['high']:.3f}]", row["unit"], f"{row['photos']:,}"))
    return _columns(rows)


def _pairs_text(pairs: pd.DataFrame) -> str:
    rows = [("Network", "Region", "Before", "After", "Difference", "95 % interval")]
    last = ""
    for row in pairs.to_dict("records"):
        name = f"{row['backbone']}: {row['before']} -> {row['after']}"
        ends = f"[{row['low']:+.2f}, {row['high']:+.2f}]"
        shown = (_number(row["relative_before"]), _number(row["relative_after"]), f"{row['difference']:+.2f}", ends)
        rows.append((name if name != last else "", row["region"], *shown))
        last = name
    return "Energy a pixel, times an even spread, paired over photos\n\n" + _columns(rows)


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.2f}"


def _ends(row: dict[Hashable, Any], name: str) -> str:
    return "-" if row[f"{name}low"] != row[f"{name}low"] else f"[{row[f'{name}low']:.2f}, {row[f'{name}high']:.2f}]"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])
