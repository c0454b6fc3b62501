"""A data set's counts beside the published ones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets.card import Published
from agerepro.datasets.catalog import card, read
from agerepro.datasets.reading import Photos, Skip


@dataclass(frozen=True)
class Row:
    """One count: ours, the published one (None where there is none), and whether they agree (None: nothing to compare)."""

    what: str
    ours: int | None
    published: int | None

    @property
    def agree(self) -> bool | None:
        """None without a published count."""
        return None if self.published is None else self.ours == self.published


@dataclass(frozen=True)
class Verification:
    """All counts of one data set, and what its reader passed over."""

    name: str
    rows: tuple[Row, ...]
    skipped: tuple[Skip, ...]

    @property
    def agrees(self) -> bool:
        """Whether no count differs from a published one."""
        return all(row.agree is not False for row in self.rows)

    def to_json(self) -> str:
        """The same as JSON text."""
        rows = [{"what": row.what, "ours": row.ours, "published": row.published, "agree": row.agree} for row in self.rows]
        skipped = [asdict(skip) for skip in self.skipped]
        return json.dumps({"name": self.name, "agrees": self.agrees, "rows": rows, "skipped": skipped}, indent=2, ensure_ascii=False)

    def as_text(self) -> str:
        """A table for people: what, ours, published, agree; then the skipped files by reason."""
        words = {True: "yes", False: "NO", None: "-"}
        cells = [("", "ours", "published", "agree")]
        cells += [(row.what, _number(row.ours), _number(row.published), words[row.agree]) for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(4)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in cells]
        for reason in dict.fromkeys(skip.reason for skip in self.skipped):
            paths = [skip.path for skip in self.skipped if skip.reason == reason]
            lines.append(f"skipped {len(paths):,}: {reason} ({', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''})")
        return "\n".join(lines)


def verify(name: str, data: Path) -> Verification:
    """The counts of the data set in `data/<name>` beside its card's. UserError as `catalog.read`."""
    photos = read(name, data)
    return Verification(name, tuple(counts(photos, card(name).published)), photos.skipped)


def counts(photos: Photos, published: Published) -> list[Row]:
    """Funnel, images, people, distinct ages, youngest, oldest and age bins, ages in completed years."""
    rows = [
        Row(f"after: {step.name}" if i else step.name, step.kept, published.funnel.get(step.name)) for i, step in enumerate(photos.funnel)
    ]
    if photos.people_listed is not None:
        rows.append(Row("people listed", photos.people_listed, published.people_listed))
    people = photos.table["subject"]
    rows.append(Row("images", len(photos.table), published.images))
    rows.append(Row("people", int(people[people != ""].nunique()), published.people))
    ages = np.floor(photos.table["age"].dropna())
    if ages.empty and published.distinct_ages is None:
        return rows
    rows.append(Row("distinct ages", int(ages.nunique()), published.distinct_ages))
    rows.append(Row("youngest", None if ages.empty else int(ages.min()), published.youngest))
    rows.append(Row("oldest", None if ages.empty else int(ages.max()), published.oldest))
    rows += [Row(f"ages {label}", _within(ages, label), number) for label, number in published.bins.items()]
    return rows


def _within(ages: pd.Series, label: str) -> int:
    """How many completed ages lie in a bin labelled "20-39" (both ends included) or "80+"."""
    first, _, last = label.rstrip("+").partition("-")
    return int(ages.between(int(first), float(last) if last else np.inf).sum())


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
