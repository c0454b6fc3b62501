"""Who and what is on two sides of a split: of a run's folds, and of any split given as a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from agerepro.errors import CheckFailed, UserError, suggest
from agerepro.splits.protocols import TEST, TRAIN, VALIDATION

GUESSES = {  # usual headings, the likelier first; compared without case, spaces and punctuation
    "photo": ("photo", "image", "path", "file", "filename", "filepath", "imagepath", "imagename", "imagefile", "imgpath", "imgname", "img"),
    "subject": ("subject", "subjectid", "person", "personid", "identity", "identityid", "faceid", "individual", "idnum", "celebname"),
    "split": ("split", "part", "partition", "subset", "set", "usage", "fold"),  # folds alone are parts, too
    "fold": ("fold",),
}
PARTS = {
    "training": TRAIN, "trn": TRAIN, "val": VALIDATION, "valid": VALIDATION, "dev": VALIDATION, "development": VALIDATION,
    "testing": TEST, "tst": TEST, "eval": TEST,
}  # fmt: skip
UNKNOWN = ("", "nan", "none", "null", "unknown", "na", "n/a", "?", "-")
MOST_PARTS = 100


@dataclass(frozen=True)
class Leakage:
    """What is on two sides of one fold: `what` is "person" or "photo"."""

    fold: int
    what: str
    names: tuple[str, ...]


def find_leakage(folds: pd.DataFrame, photos: pd.DataFrame, *, validation_people_apart: bool) -> list[Leakage]:
    """Every leak in a FOLDS table: a person tested and in another part, a photo twice, and, where promised, a person in both training
    and validation. An empty list is the good answer."""
    rows = folds.merge(photos[["photo", "subject"]], on="photo", how="left", validate="many_to_one")
    leaks: list[Leakage] = []
    for fold, part in rows.groupby("fold", sort=True):
        repeated = part.loc[part["photo"].duplicated(), "photo"]
        test, validation = (set(part.loc[part["part"] == name, "subject"]) for name in (TEST, VALIDATION))
        untested = set(part.loc[part["part"] != TEST, "subject"])
        train = set(part.loc[~part["part"].isin([TEST, VALIDATION]), "subject"])
        people = (test & untested) | (validation & train if validation_people_apart else set())
        if len(repeated):
            leaks.append(Leakage(int(str(fold)), "photo", tuple(sorted(set(repeated)))))
        if people:
            leaks.append(Leakage(int(str(fold)), "person", tuple(sorted(people))))
    return leaks


def check_no_leakage(folds: pd.DataFrame, photos: pd.DataFrame) -> None:
    """CheckFailed, naming the first leaks, unless every fold keeps people apart and holds every photo once."""
    leaks = find_leakage(folds, photos, validation_people_apart=True)
    unknown = set(folds["photo"]) - set(photos["photo"])
    if unknown:
        raise CheckFailed(
            f"The folds name {len(unknown)} photos that the data set does not have (first: {min(unknown)}). "
            "The data changed after the folds were written: start a new run folder."
        )
    if leaks:
        first = "; ".join(f"fold {leak.fold}: {leak.what} {', '.join(leak.names[:3])}" for leak in leaks[:5])
        raise CheckFailed(f"{len(leaks)} leaks between training and test, nothing was trained. {first}.")


@dataclass(frozen=True)
class Columns:
    """Headings of a CSV file; None where none is named, and then the usual ones are looked for."""

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
    headings = {kind: _heading(path, list(rows.columns), kind, getattr(columns, kind)) for kind in GUESSES}
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
    if named is not None:
        if named not in headings:
            raise UserError(f"{path} has no column {named!r}.{suggest(named, headings)}")
        return named
    plain = {"".join(filter(str.isalnum, heading.lower())): heading for heading in reversed(headings)}
    heading = next((plain[guess] for guess in GUESSES[kind] if guess in plain), None)
    if heading is None and kind != "fold":
        raise UserError(f"{path} has no column that looks like the {kind}. Name it with --{kind}. It has: {', '.join(headings)}.")
    return heading
