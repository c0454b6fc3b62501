"""MORPH Album 2: names like 012345_1M35.JPG and the table that its owners send, audited for people who disagree with themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.datasets.layout import IS_A_FOLDER, Layout, below, list_folder, native_folder, nested
from agerepro.datasets.lists import find_columns, heading, numbers, read_list
from agerepro.datasets.photos import FilterStep, Finding, Photos, SkippedItem
from agerepro.tables import PHOTOS, coerce

# Person, number of the picture, sex, age. Some copies have leading zeros less.
NAME = re.compile(r"(\d+)_(\d+)([MF])(\d{2})\.jpe?g", re.IGNORECASE)
FORM = "012345_1M35.JPG"
FOLDER = "Album2"
# The columns of the releases' tables, which differ in capitals, signs and words: `id_num` or `ID_Num`, `dob` or `date_of_birth`.
SPELLINGS = {
    "subject": ("idnum", "subjid", "subjectid", "subject", "id"),
    "born": ("dob", "dateofbirth", "birthdate"),
    "taken": ("doa", "dateofarrest", "dateofacquisition", "photodate"),
    "race": ("race", "ethnicity", "ancestry"),
    "gender": ("gender", "sex"),
    "age": ("age",),
    "photo": ("photo", "photoname", "filename", "image"),
}
NEEDED = ("subject", "gender", "age", "photo")
RACES = {"B": "black", "W": "white", "A": "asian", "H": "hispanic"}  # any other letter is "other"
DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")  # how tables write them, the first as we do
SAME = ("born", "gender", "race")  # what cannot change between the photos of a person


@dataclass(frozen=True)
class Album:
    """What a copy of Album 2 says: a row a photo with SPELLINGS' columns as text, `name`, and `age` as a number."""

    rows: pd.DataFrame
    prefix: str  # from the data set's folder to the pictures
    skipped: tuple[SkippedItem, ...]
    label_files: tuple[str, ...]


def read(root: Path, *, inconsistent_people: str = "keep") -> Photos:
    """The photos of Album 2 under `root`: subject, whole years, gender, and ethnicity in words where the owners' table is there.

    Without the table the names say person, sex and age. inconsistent_people: `drop` leaves out everybody of whom two photos differ in
    birth date, sex or race. UserError where there are no photos, or the table cannot be read.
    """
    album = read_album(root)
    rows = album.rows
    funnel: tuple[FilterStep, ...] = ()
    if inconsistent_people == "drop":
        agreeing = rows[~rows["subject"].isin(disagreeing(rows, SAME))]
        steps = (("photos with labels", rows), ("the person's birth date, sex and race agree", agreeing))
        funnel = tuple(FilterStep(name, len(left), len(rows) - len(left)) for name, left in steps)
        rows = agreeing
    table = pd.DataFrame(
        {
            "photo": "morph/" + rows["name"],
            "path": album.prefix + rows["name"],
            "subject": rows["subject"],
            "age": rows["age"],
            "gender": rows["gender"].str.lower(),
            "ethnicity": [RACES.get(race, "other") if race else "" for race in rows["race"]],
        }
    )
    return Photos(coerce(table, PHOTOS), funnel, album.skipped, label_files=album.label_files)


def audit(root: Path) -> tuple[Finding, ...]:
    """People of whom two photos differ in birth date, sex or race; photos whose name, row and dates say different things."""
    rows = read_album(root).rows
    inconsistent = disagreeing(rows, SAME)
    by_name = rows["name"].str.extract(NAME)
    other = (by_name[2].str.upper() != rows["gender"]) | (by_name[3].astype(float) != rows["age"])
    by_dates = _completed_years(rows["born"], rows["taken"])
    return (
        Finding("people of two birth dates", len(disagreeing(rows, ("born",)))),
        Finding("people of two sexes", len(disagreeing(rows, ("gender",)))),
        Finding("people of two races", len(disagreeing(rows, ("race",)))),
        Finding("people of whom any of these differs", len(inconsistent)),
        Finding("photos of these people", int(rows["subject"].isin(inconsistent).sum())),
        Finding("photos whose name says another sex or age", int(other.sum())),
        Finding("photos whose dates say another age", int((by_dates.notna() & (by_dates != rows["age"])).sum())),
    )


def disagreeing(rows: pd.DataFrame, columns: tuple[str, ...]) -> set[str]:
    """The people of whom two photos say different things in one of the columns; what is not said differs from nothing."""
    people: set[str] = set()
    for column in columns:
        given = rows.loc[rows[column] != "", ["subject", column]]
        different = given.groupby("subject")[column].nunique()
        people |= set(different.index[different > 1])
    return people


def read_album(root: Path) -> Album:
    """The labels of all photos that are there. UserError as `read`."""
    folder = native_folder("morph", root, LAYOUTS["morph"])
    pictures = _pictures(folder)
    prefix = below(pictures, root)
    listing = list_folder(pictures, prefix)
    present = {name.casefold(): name for name in listing.files if NAME.fullmatch(name)}
    skipped = [*listing.skipped, *(SkippedItem(prefix + name, IS_A_FOLDER) for name in listing.folders)]
    tables = [
        path
        for place in dict.fromkeys((folder, root))
        for path in _csv_files(place)
        if set(NEEDED) <= find_columns(heading(path), SPELLINGS).keys()
    ]
    others = [name for name in listing.files if name.casefold() not in present and pictures / name not in tables]
    skipped += [SkippedItem(prefix + name, f"the name is not of the form {FORM}") for name in others]
    skipped += [SkippedItem(path.relative_to(root).as_posix(), f"{tables[0].name} is read for the labels") for path in tables[1:]]
    if not tables:
        return Album(_by_name(list(present.values())), prefix, tuple(skipped), ())
    rows, left_out = _by_table(tables[0], present)
    skipped += [SkippedItem(prefix + name, reason) for name, reason in left_out]
    return Album(rows, prefix, tuple(skipped), (tables[0].relative_to(root).as_posix(),))


def _pictures(folder: Path) -> Path:
    """Where the pictures lie: in Album2/, or directly in the folder."""
    album = nested(folder, FOLDER)
    return album if album is not None and any(NAME.fullmatch(name) for name in list_folder(album).files) else folder


def _csv_files(folder: Path) -> list[Path]:
    return [folder / name for name in list_folder(folder).files if name.lower().endswith(".csv")]


def _by_name(names: list[str]) -> pd.DataFrame:
    parts = pd.Series(names, dtype=str).str.extract(NAME)
    rows = pd.DataFrame({"name": names, "subject": _padded(parts[0]), "gender": parts[2].str.upper(), "age": parts[3].astype(float)})
    return rows.assign(born="", taken="", race="")


def _by_table(path: Path, present: dict[str, str]) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows of the owners' table whose photo is there, and the photos that are left out, with the reason."""
    listed = read_list(path)
    rows = listed.rename(columns={text: name for name, text in find_columns(list(listed.columns), SPELLINGS).items()})
    rows = rows.reindex(columns=list(SPELLINGS), fill_value="")
    named = rows["photo"].map(lambda path: path.replace("\\", "/").rpartition("/")[2])
    file = named.str.casefold()
    rows = rows.assign(**{column: _plain_dates(rows[column]) for column in ("born", "taken")})
    rows = rows.assign(name=file.map(present), subject=_padded(rows["subject"]), age=numbers(rows["age"]))
    rows = rows.assign(gender=rows["gender"].str[:1].str.upper(), race=rows["race"].str[:1].str.upper())  # some write words
    why = pd.Series("", index=rows.index)
    for reason, wrong in (
        (f"listed twice in {path.name}", file.duplicated()),
        (f"no age in {path.name}", rows["age"].isna()),
        ("there is no such file", rows["name"].isna()),
    ):
        why = why.where(~wrong, reason)
    out = why != ""
    left_out = list(zip(named[out], why[out]))
    unlisted = [(present[plain], f"no row in {path.name}") for plain in sorted(present.keys() - set(file))]
    return rows[~out].sort_values("name", ignore_index=True), [*left_out, *unlisted]


def _padded(numbers_of_people: pd.Series) -> pd.Series:
    """Six digits, as in the names of the pictures; some tables leave leading zeros out."""
    return numbers_of_people.str.lstrip("0").str.zfill(6)


def _plain_dates(texts: pd.Series) -> pd.Series:
    """Dates as 1970-01-31; what is no date in one of DATES stays as it is."""
    plain = texts
    for form in DATES:
        dates = pd.to_datetime(texts, errors="coerce", format=form)
        plain = plain.where(dates.isna(), dates.dt.strftime(DATES[0]))
    return plain


def _completed_years(born: pd.Series, taken: pd.Series) -> pd.Series:
    """Whole years between two plain dates, NaN where one is none."""
    first, last = (pd.to_datetime(dates, errors="coerce", format=DATES[0]) for dates in (born, taken))
    before_birthday = (last.dt.month < first.dt.month) | ((last.dt.month == first.dt.month) & (last.dt.day < first.dt.day))
    years = last.dt.year - first.dt.year - before_birthday
    return years % 100  # years of two digits may have been read as of the wrong century


def _holds(folder: Path) -> bool:
    return any(NAME.fullmatch(name) for name in list_folder(_pictures(folder)).files)


LAYOUTS = {"morph": Layout((".", "MORPH", "MORPH_nonCommercial", "CD2"), _holds, f"photos named {FORM}")}
