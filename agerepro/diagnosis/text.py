"""What `agerepro explain` prints: regions, before and after, checks, and what they say."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from agerepro.diagnosis.age_groups import ALL
from agerepro.diagnosis.explained import Explained
from agerepro.diagnosis.regions import REGIONS, TOGETHER, of_region
from agerepro.diagnosis.verdict import paired_verdicts, resolution_note, verdict

ORDER = (TOGETHER, *REGIONS)


def explanation_text(runs: Sequence[Explained], pairs: pd.DataFrame) -> str:
    """The whole printed page, ends with a newline; pairs as `before_after` gives them."""
    blocks = [_run_text(one) for one in runs]
    if len(pairs):
        blocks.append(_pairs_text(pairs))
    said = [verdict(one) for one in runs] + paired_verdicts(pairs)
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
