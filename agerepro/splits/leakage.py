"""Who and what is on two sides of a split: of a run's folds, and of any split given as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.config.divisions import Protocol
from agerepro.datasets.csv import GUESSES, PARTS, UNKNOWN
from agerepro.errors import CheckFailed, UserError, suggest
from agerepro.splits.protocols import TEST, TRAIN, VALIDATION, keeps_people_apart

HEADINGS = ("photo", "subject", "split", "fold")  # of which a split's file has columns
MOST_PARTS = 100
FEW = 100  # of fewer people than these, one in a hundred is less than one: they are counted


@dataclass(frozen=True)
class Leakage:
    """What is on two sides of one fold: `what` is "person" or "photo"."""

    fold: int
    what: str
    names: tuple[str, ...]


def find_leakage(folds: pd.DataFrame, photos: pd.DataFrame, protocol: Protocol) -> list[Leakage]:
    """Every leak in a FOLDS table: a photo twice in a fold and, where the protocol promises to keep people apart, a person in two of its
    parts. People who are unknown are not compared. An empty list is the good answer."""
    leaks: list[Leakage] = []
    names = _subjects(photos)
    for fold, listed, people in _folds(folds, photos, names):
        places, times = np.unique(listed, return_counts=True)
        if (times > 1).any():
            leaks.append(Leakage(fold, "photo", tuple(sorted(photos["photo"].iloc[places[times > 1]]))))
        person, parts = np.unique(np.concatenate(list(people.values())), return_counts=True)
        if keeps_people_apart(protocol) and (parts > 1).any():
            leaks.append(Leakage(fold, "person", tuple(names[person[parts > 1]])))
    return leaks


def check_no_leakage(folds: pd.DataFrame, photos: pd.DataFrame, protocol: Protocol) -> None:
    """CheckFailed, naming the first leaks, unless every fold holds every photo once and keeps people apart where the protocol does."""
    unknown = set(folds["photo"].unique().tolist()) - set(photos["photo"])
    if unknown:
        raise CheckFailed(
            f"The folds name {len(unknown)} photos that the data set does not have (first: {min(unknown)}). "
            "The data changed after the folds were written: start a new run folder."
        )
    leaks = find_leakage(folds, photos, protocol)
    if leaks:
        first = "; ".join(f"fold {leak.fold}: {leak.what} {', '.join(leak.names[:3])}" for leak in leaks[:5])
        raise CheckFailed(f"{len(leaks)} leaks between training and test, nothing was trained. {first}.")


def shared_people(folds: pd.DataFrame, photos: pd.DataFrame) -> float | None:
    """Share, 0 to 1, of a fold's tested people of whom photos are also in its training or validation part, mean over the folds.

    Only people who are known count; None where nobody who is tested is known.
    """
    counts = _shared_counts(folds, photos)
    return sum(both / tested for both, tested in counts) / len(counts) if counts else None


def describe_overlap(folds: pd.DataFrame, photos: pd.DataFrame) -> str:
    """What a split by image does to people, for banners; "" where all are known and kept apart.

    "12 % of test people also in training" (or "in training or validation"), a mean over folds; "3 of 5 test people ..." in one fold of
    fewer than a hundred people; "people unknown", or of how many of the photos they are.
    """
    texts = []
    counts = _shared_counts(folds, photos)
    if any(both for both, _ in counts):
        (both, tested), *others = counts
        share = sum(both / tested for both, tested in counts) / len(counts)
        whom = f"{_percent(share)} of test people" if others or tested >= FEW else f"{both} of {tested} test people"
        texts.append(f"{whom} also in {'training or validation' if (folds['part'] == VALIDATION).any() else 'training'}")
    nameless = int((photos["subject"] == "").sum())
    if nameless:
        texts.append("people unknown" if nameless == len(photos) else f"people of {nameless:,} of {len(photos):,} photos unknown")
    return "; ".join(texts)


def _subjects(photos: pd.DataFrame) -> np.ndarray:
    """The known people, sorted."""
    names = np.unique(photos["subject"].to_numpy(object))
    return names[names != ""]


def _folds(folds: pd.DataFrame, photos: pd.DataFrame, names: np.ndarray) -> Iterator[tuple[int, np.ndarray, dict[str, np.ndarray]]]:
    """Each fold's number, the places in `photos` of its rows, and of each part the places in `names` of its people, each once.

    Places are compared and no texts: leave-one-person-out of a large set has millions of rows.
    """
    person = np.append(pd.Index(names).get_indexer(photos["subject"]), -1)  # of a photo that is not in the table, too
    photo, listed = pd.factorize(folds["photo"])
    photo = pd.Index(photos["photo"]).get_indexer(listed)[photo]
    part, parts = pd.factorize(folds["part"])
    number = folds["fold"].to_numpy()
    order = np.argsort(number, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        people = {str(name): np.unique(person[photo[rows[part[rows] == code]]]) for code, name in enumerate(parts)}
        yield int(number[rows[0]]), photo[rows], {name: places[places >= 0] for name, places in people.items()}


def _shared_counts(folds: pd.DataFrame, photos: pd.DataFrame) -> list[tuple[int, int]]:
    """Of each fold that tests known people: how many of them are in its other parts, and how many there are."""
    counts = []
    for _, _, people in _folds(folds, photos, _subjects(photos)):
        tested = people.pop(TEST, np.array([], int))
        if len(tested):
            counts.append((int(np.isin(tested, np.concatenate([*people.values(), []])).sum()), len(tested)))
    return counts


def _percent(share: float) -> str:
    """Whole percents; a share that is not all or nothing never reads as one."""
    if 0 < share < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


@dataclass(frozen=True)
class Columns:
    """Headings of a CSV file; None where none is named, and then the usual ones are looked for. A subject "" says that there is none."""

    photo: str | None = None
    subject: str | None = None
    split: str | None = None
    fold: str | None = None


@dataclass(frozen=True)
class Shared:
    """What two parts of one fold have in common: `what` is "person" or "photo"; `photos` counts theirs in either part."""

    fold: str
    parts: tuple[str, str]
    what: str
    names: tuple[str, ...]
    photos: tuple[int, int]


@dataclass(frozen=True)
class Repeated:
    """Photos that one part of one fold holds more than once."""

    fold: str
    part: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class SplitAudit:
    """What a split holds and what is wrong with it; `parts` counts (rows, photos, known people) by fold and part."""

    parts: dict[tuple[str, str], tuple[int, int, int]]
    shared: tuple[Shared, ...]
    repeated: tuple[Repeated, ...]
    nameless: tuple[str, ...]  # photos whose person is unknown: nothing can be promised of them
    partless: tuple[str, ...]  # photos in no part, left out of all counts

    @property
    def clean(self) -> bool:
        """Whether nobody and nothing is on two sides, twice, unknown or in no part."""
        return not (self.shared or self.repeated or self.nameless or self.partless)


def read_split(path: Path, columns: Columns) -> pd.DataFrame:
    """Rows of a CSV file as text columns photo, subject, part and fold ("" without folds); usual names of parts are made one.

    Raises UserError for a file that is no CSV, for a column that is not there or cannot be guessed, and for a split column with
    more than a hundred values, which is none.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise UserError(f"{path} is not a CSV file: {str(error).strip()}") from None
    if rows.empty:
        raise UserError(f"{path} has no rows.")
    headings = {kind: _heading(path, list(rows.columns), kind, getattr(columns, kind)) for kind in HEADINGS}
    if headings["fold"] == headings["split"]:
        headings["fold"] = None
    split = pd.DataFrame({kind: rows[heading].str.strip() if heading else "" for kind, heading in headings.items()}, index=rows.index)
    lowered = split.pop("split").str.lower()
    split["part"] = lowered.map(lambda part: "" if part in UNKNOWN else PARTS.get(part, part))
    if split["part"].nunique() > MOST_PARTS:
        raise UserError(
            f"{path}: the column {headings['split']!r} has {split['part'].nunique():,} different values. Name the one that says train "
            f"or test with --split.{suggest('', rows.columns)}"
        )
    return split


def audit_split(rows: pd.DataFrame) -> SplitAudit:
    """Audit rows of photo, subject, part and fold, all text; every fold by itself, every pair of its parts.

    A person counts in each part that holds a photo of theirs, a photo in each part that lists it. Unknown people are not compared.
    """
    rows = rows.reset_index(drop=True)
    nameless = rows["subject"].str.lower().isin(UNKNOWN)
    partless = rows["part"] == ""
    parts: dict[tuple[str, str], tuple[int, int, int]] = {}
    shared: list[Shared] = []
    repeated: list[Repeated] = []
    for fold, of_fold in rows[~partless].groupby("fold", sort=False):
        people = of_fold[~nameless.loc[of_fold.index]]
        by_person, by_photo = _counts(people, "subject"), _counts(of_fold, "photo")
        for part in sorted(of_fold["part"].unique(), key=part_order):
            rows_of = by_photo.get(part, pd.Series(dtype=int))
            known_people = int((by_person[part] > 0).sum()) if part in by_person else 0
            parts[str(fold), part] = int(rows_of.sum()), int((rows_of > 0).sum()), known_people
            if len(names := sorted(rows_of.index[rows_of > 1])):
                repeated.append(Repeated(str(fold), part, tuple(names)))
        for what, counts in zip(("person", "photo"), (by_person, by_photo)):
            for first, second in combinations(sorted(counts.columns, key=part_order), 2):
                common = counts[(counts[first] > 0) & (counts[second] > 0)]
                if len(common):
                    photos = int(common[first].sum()), int(common[second].sum())
                    shared.append(Shared(str(fold), (first, second), what, tuple(sorted(common.index)), photos))
    return SplitAudit(parts, tuple(shared), tuple(repeated), _names(rows, nameless & ~partless), _names(rows, partless))


def part_order(part: str) -> tuple[int, str]:
    """Sorts parts: training, validation, test, then others by name."""
    usual = (TRAIN, VALIDATION, TEST)
    return (usual.index(part) if part in usual else len(usual), part)


def _counts(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """How many rows each person or photo has in each part: a row a name, a column a part."""
    return rows.groupby([name, "part"], sort=False).size().unstack(fill_value=0)


def _names(rows: pd.DataFrame, which: pd.Series) -> tuple[str, ...]:
    return tuple(sorted(set(rows.loc[which, "photo"])))


def _heading(path: Path, headings: list[str], kind: str, named: str | None) -> str | None:
    if kind == "subject" and named == "":
        return None
    if named is not None:
        if named not in headings:
            raise UserError(f"{path} has no column {named!r}.{suggest(named, headings)}")
        return named
    plain = {"".join(filter(str.isalnum, heading.lower())): heading for heading in reversed(headings)}
    heading = next((plain[guess] for guess in GUESSES[kind] if guess in plain), None)
    if heading is None and kind != "fold":
        without = ', or write --subject "" where nobody is known' if kind == "subject" else ""
        raise UserError(f"{path} has no column that looks like the {kind}. Name it with --{kind}{without}. It has: {', '.join(headings)}.")
    return heading
