"""A data set's counts beside the published ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets import aadb, adience, appareal, clap, morph
from agerepro.datasets.adience import POLICIES
from agerepro.datasets.catalog import Published, card, existing_folder, leaves_out, read, reading_options
from agerepro.datasets.photos import Finding, Photos, SkippedItem

SURVEYS = {"adience": adience.survey}  # sets whose labels can be counted without pictures, by each label policy
# Sets whose lists can be counted without pictures; `Photos` of all that they name.
LISTED: dict[str, Callable[..., Photos]] = {
    "aadb": aadb.read,
    "appareal": appareal.read,
    "clap2015": clap.read_2015,
    "clap2016": clap.read_2016,
}
LABELS_ONLY = "no pictures are there: counted from the lists alone, which is not enough to train"
# Sets whose labels say a thing several times over, and what counts where they agree.
AUDITS: dict[str, Callable[[Path], tuple[Finding, ...]]] = {"appareal": appareal.audit, "morph": morph.audit}


@dataclass(frozen=True)
class Row:
    """One count: ours, the published one (None where there is none), and whether they agree (None: nothing to compare).

    also: the count by another source, where two have counted the same.
    """

    what: str
    ours: int | None
    published: int | None
    also: int | None = None

    @property
    def agree(self) -> bool | None:
        """None without a published count."""
        return None if self.published is None else self.ours in (self.published, self.also)

    def facts(self) -> dict[str, object]:
        """The row for JSON."""
        also = {} if self.also is None else {"also_published": self.also}
        return {"what": self.what, "ours": self.ours, "published": self.published, **also, "agree": self.agree}

    def published_text(self) -> str:
        """The published counts for people: "13,617 or 13,618"."""
        return _number(self.published) + ("" if self.also is None else f" or {_number(self.also)}")


@dataclass(frozen=True)
class Verification:
    """All counts of one data set, what its reader passed over, and what else is to be said about them."""

    name: str
    rows: tuple[Row, ...]
    skipped: tuple[SkippedItem, ...]
    notes: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether no count differs from a published one."""
        return all(row.agree is not False for row in self.rows)

    def to_json(self) -> str:
        """The same as JSON text."""
        rows = [row.facts() for row in self.rows]
        skipped = [asdict(skip) for skip in self.skipped]
        verification = {"name": self.name, "agrees": self.agrees, "rows": rows, "skipped": skipped, "notes": self.notes}
        return json.dumps(verification, indent=2, ensure_ascii=False)

    def as_text(self) -> str:
        """A table for people: what, ours, published, agree; then the skipped files by reason, the notes, and whether all agree."""
        words = {True: "yes", False: "NO", None: "-"}
        cells = [("", "ours", "published", "agree")]
        cells += [(row.what, _number(row.ours), row.published_text(), words[row.agree]) for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(4)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in cells]
        for reason in dict.fromkeys(skip.reason for skip in self.skipped):
            paths = [skip.path for skip in self.skipped if skip.reason == reason]
            lines.append(f"skipped {len(paths):,}: {reason} ({', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''})")
        return "\n".join([*lines, *self.notes, self._conclusion()])

    def _conclusion(self) -> str:
        compared = [row.agree for row in self.rows if row.agree is not None]
        if not compared:
            return "No count is published to compare with."
        if all(compared):
            return "All counts agree."
        return f"{compared.count(False)} of {len(compared)} published counts differ."


def verify(name: str, data: Path, *, reading: Mapping[str, str] | None = None) -> Verification:
    """The counts of the data set in `data/<name>` beside its card's. UserError as `catalog.read`.

    reading: options of its reader. A set of SURVEYS or LISTED is counted from its labels alone where no pictures are, which a note says;
    one of AUDITS is audited, whatever the options.
    """
    options = reading_options(name, reading)
    if name in SURVEYS:
        return _survey(name, existing_folder(name, data))
    photos, labels_only = _read_or_list(name, data, options)
    rows = counts(photos, Published() if leaves_out(name, reading) else card(name).published)
    if name in AUDITS:
        rows += [Row(finding.what, finding.count, finding.expected) for finding in AUDITS[name](existing_folder(name, data))]
    notes = [f"read with {', '.join(f'{option}: {value}' for option, value in options.items())}"] if options else []
    notes += [LABELS_ONLY] if labels_only else []
    return Verification(name, tuple(rows), photos.skipped, tuple(notes))


def labelled_photos(name: str, data: Path, *, labels: str) -> pd.DataFrame:
    """The PHOTOS that a data set's labels are of; where lists alone tell of them, also those whose picture is not there.

    labels: the label policy of a set of SURVEYS. UserError as `catalog.read`.
    """
    if name in SURVEYS:
        return SURVEYS[name](existing_folder(name, data), labels=labels).photos.table
    photos, _ = _read_or_list(name, data, {})
    return photos.table


def _read_or_list(name: str, data: Path, options: Mapping[str, str]) -> tuple[Photos, bool]:
    """The photos of a data set, and whether they are those of its lists alone, since none of the pictures is there."""
    photos = read(name, data, reading=options)
    if name in LISTED and photos.table.empty:
        return LISTED[name](existing_folder(name, data), **options, labels_only=True), True
    return photos, False


def counts(photos: Photos, published: Published) -> list[Row]:
    """Funnel, images, people, splits, age groups, distinct ages, youngest, oldest and age bins, ages in completed years.

    Of a set that knows only how old people look these are apparent ages, rounded to whole years.
    """
    rows = [
        Row(f"after: {step.name}" if i else step.name, step.kept, published.funnel.get(step.name)) for i, step in enumerate(photos.funnel)
    ]
    if photos.people_listed is not None:
        rows.append(Row("people listed", photos.people_listed, published.people_listed))
    people = photos.table["subject"]
    rows.append(Row("images", len(photos.table), published.images))
    rows.append(Row("people", int(people[people != ""].nunique()), published.people, published.people_also))
    rows += parts(photos.table, published)
    ages = np.floor(photos.table["age"].dropna())
    if ages.empty:
        ages = np.rint(photos.table["apparent_age"].dropna())
    if ages.empty and published.distinct_ages is None:
        return rows
    rows.append(Row("distinct ages", int(ages.nunique()), published.distinct_ages))
    rows.append(Row("youngest", None if ages.empty else int(ages.min()), published.youngest))
    rows.append(Row("oldest", None if ages.empty else int(ages.max()), published.oldest))
    rows += [Row(f"ages {label}", _within(ages, label), number) for label, number in published.bins.items()]
    return rows


def parts(table: pd.DataFrame, published: Published) -> list[Row]:
    """Photos in each of the authors' splits, and in each age group, as its bin."""
    splits = table.loc[table["split"] != "", "split"].value_counts().sort_index()
    rows = [Row(f"split {name}", int(number), published.splits.get(str(name))) for name, number in splits.items()]
    groups = table.loc[table["group"] != "", "group"].value_counts()
    labels = {*groups.index, *published.bins} if len(groups) else set()
    for label in sorted(labels, key=lambda label: int(label.partition("-")[0])):
        rows.append(Row(f"ages {label}", int(groups.get(label, 0)), published.bins.get(label)))
    return rows


def _survey(name: str, root: Path) -> Verification:
    """The counts of the default policy, exact, in full; of the others their step of the funnel, splits and groups."""
    published = card(name).published
    exact = SURVEYS[name](root, labels="exact")
    rows = [*counts(exact.photos, published), Row("users listed", exact.users, None)]
    for policy in list(POLICIES)[1:]:
        photos = SURVEYS[name](root, labels=policy).photos
        step = next(step for step in photos.funnel if step.name == POLICIES[policy])
        rows.append(Row(f"{policy}: {step.name}", step.kept, published.funnel.get(step.name)))
        rows += [Row(f"{policy}: {row.what}", row.ours, None) for row in parts(photos.table, published)]
    return Verification(name, tuple(rows), exact.photos.skipped, (f"pictures: {exact.layout}/" if exact.layout else LABELS_ONLY,))


def _within(ages: pd.Series, label: str) -> int:
    """How many completed ages lie in a bin labelled "20-39" (both ends included) or "80+"."""
    first, _, last = label.rstrip("+").partition("-")
    return int(ages.between(int(first), float(last) if last else np.inf).sum())


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
