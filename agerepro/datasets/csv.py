"""Labels of a user's own photos in a CSV file: read row by row, as spreadsheets write them, with the reason of every row left out."""

from __future__ import annotations

import codecs
import csv
import io
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.datasets.catalog import OWN
from agerepro.datasets.layout import IS_A_FOLDER
from agerepro.datasets.photos import OUTSIDE
from agerepro.errors import UserError, suggest
from agerepro.tables import PHOTOS, coerce

REQUIRED, OPTIONAL = ("photo", "age"), ("subject", "gender", "split", "age_std")
GUESSES = {  # usual headings, the likelier first; compared without case, spaces and punctuation
    "photo": ("photo", "image", "path", "file", "filename", "filepath", "imagepath", "imagename", "imagefile", "imgpath", "imgname", "img"),
    "age": ("age", "years", "ageinyears", "ageyears", "realage", "trueage", "labelage"),
    "subject": ("subject", "subjectid", "person", "personid", "identity", "identityid", "faceid", "individual", "idnum", "celebname"),
    "gender": ("gender", "sex"),
    "split": ("split", "part", "partition", "subset", "set", "usage", "fold"),  # folds alone are parts, too
    "fold": ("fold",),
    "age_std": ("agestd", "agesd", "stdage", "agestdev"),
}
PARTS = {  # other names of train, validation and test
    "training": "train", "trn": "train", "val": "validation", "valid": "validation", "dev": "validation", "development": "validation",
    "testing": "test", "tst": "test", "eval": "test",
}  # fmt: skip
UNKNOWN = ("", "nan", "none", "null", "unknown", "na", "n/a", "?", "-")
GENDERS = {"m": "m", "male": "m", "f": "f", "female": "f"}
YOUNGEST, OLDEST = 0, 120  # years that a label may say
SEPARATORS = (",", ";", "\t")
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how .xlsx and .xls begin
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
DRIVE = re.compile(r"[A-Za-z]:/")


@dataclass(frozen=True)
class LabelProblem:
    """A photo or row that cannot be used as it stands: its line in the CSV file (None without one), the photo, and why."""

    line: int | None
    photo: str
    reason: str


@dataclass(frozen=True)
class Labels:
    """What a user's labels say.

    table: a photos table of the rows that can be used; `lines` are theirs in the file. folder: what paths are relative to. file: the
    name of the CSV file in it, "" for labels from names. listed: rows, or files, before any was left out. problems: those left out.
    notes: sentences on how the labels were taken.
    """

    table: pd.DataFrame
    lines: tuple[int | None, ...]
    folder: Path
    file: str
    listed: int
    problems: tuple[LabelProblem, ...]
    notes: tuple[str, ...] = ()


def read_csv(path: Path, columns: Mapping[str, str]) -> Labels:
    """The labels in a CSV file whose paths are relative to its folder; ages in years, `subject` "" where nobody is known.

    columns: {photo, age, subject, gender, split or age_std: heading}; for what is not named the usual headings are looked for, and
    "" says that there is none. UTF-8 with or without a byte order mark, or UTF-16; commas, semicolons or tabs; decimal commas where
    commas separate nothing; `\\` in paths; names on disk in the other Unicode normal form. Photos are looked for, not opened.

    UserError for a file that is no such table, for a heading that is not there, and for two that could both be meant.
    """
    table = _Rows(path, _text(path), columns)
    places = {kind: table.headings.index(heading) for kind, heading in table.chosen.items()}
    listings: dict[str, dict[str, tuple[str, bool]]] = {}
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    problems: list[LabelProblem] = []
    first: dict[str, tuple[int, dict[str, Any]]] = {}
    odd_genders: list[tuple[int, str]] = []
    listed = 0
    for line, fields in table:
        listed += 1
        texts = {kind: fields[place] if place < len(fields) else "" for kind, place in places.items()}
        row, reasons = _labels(texts, decimal_comma=table.separator != ",")
        if any(fields[len(table.headings) :]):
            reasons.append(f"the row has {len(fields)} fields, the heading {len(table.headings)}")
        name, why = _photo_on_disk(texts["photo"], path.parent, listings)
        reasons += [why] if why else []
        key = f"{OWN}/{unicodedata.normalize('NFC', name)}"
        if name and key in first:
            earlier, labels = first[key]
            differing = [what for what in ("age", "subject") if not reasons and labels[what] != row[what]]
            reasons.append(f"listed before, in line {earlier}" + (f", with another {' and '.join(differing)}" if differing else ""))
        elif name and not reasons:
            first[key] = line, row
        if texts.get("gender", "").lower() not in (*GENDERS, *UNKNOWN):
            odd_genders.append((line, texts["gender"]))
        if reasons:
            problems.append(LabelProblem(line, texts["photo"], "; ".join(reasons)))
        else:
            rows.append({"photo": key, "path": name, **row})
            lines.append(line)
    photos = coerce(pd.DataFrame(rows), PHOTOS)
    return Labels(photos, tuple(lines), path.parent, path.name, listed, tuple(problems), (*table.notes(), *_gender_note(odd_genders)))


def headings_of(path: Path, headings: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """{our name: heading} as named by `columns` or guessed. UserError that names the candidates where it is not plain."""
    chosen: dict[str, str] = {}
    for kind in (*REQUIRED, *OPTIONAL):
        heading = _named(path, headings, kind, columns[kind]) if kind in columns else _guessed(path, headings, kind)
        if heading:
            chosen[kind] = heading
        elif kind in REQUIRED:
            raise UserError(
                f"{path} has no column that looks like the {kind}. Name it, for instance --columns {kind}=HEADING. "
                f"It has: {', '.join(headings)}."
            )
    return chosen


def age_of(text: str, *, decimal_comma: bool = False) -> tuple[float, str]:
    """The age in years that a label says, and the reason why it is none ("" where it is one)."""
    if text.lower() in UNKNOWN:
        return float("nan"), "no age is given"
    age = _number(text, decimal_comma=decimal_comma)
    if age != age:
        return age, f"the age {text!r} is not a number"
    if not YOUNGEST <= age <= OLDEST:
        return age, f"the age {text!r} is not between {YOUNGEST} and {OLDEST} years"
    return age, ""


def part_of(text: str) -> str:
    """The name of a part of a split: the usual ones are made one (`train`, `validation`, `test`), others stay as they are."""
    lowered = text.lower()
    if lowered in UNKNOWN:
        return ""
    return PARTS.get(lowered, lowered if lowered in PARTS.values() else text)


class _Rows:
    """The rows of a CSV file that say anything, as (line number, stripped fields), and what its heading line says."""

    def __init__(self, path: Path, text: str, columns: Mapping[str, str]) -> None:
        self.path = path
        lines = io.StringIO(text, newline="").readlines()
        self.start = 0  # lines before the heading
        self.separator = ""
        while self.start < len(lines) and not lines[self.start].strip(" \t\r\n,;"):
            self.start += 1
        # Excel's own way to name the separator, in a line above the heading.
        if self.start < len(lines) and (marked := re.fullmatch(r'"?sep=([,;\t])"?\s*', lines[self.start], re.IGNORECASE)):
            self.separator, self.start = marked[1], self.start + 1
        if self.start >= len(lines):
            raise UserError(f"{path} is empty: its first line must name the columns, for instance photo,age,subject.")
        self.separator = self.separator or _separator(lines[self.start], columns)
        self.reader = csv.reader(lines[self.start :], delimiter=self.separator, strict=True)
        _, self.headings = self._next()
        self.chosen = headings_of(path, self.headings, columns)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            try:
                line, fields = self._next()
            except StopIteration:
                return
            if any(fields):
                yield line, fields

    def notes(self) -> tuple[str, ...]:
        """Which columns were taken for what."""
        return ("columns: " + ", ".join(f"{kind} from {heading!r}" for kind, heading in self.chosen.items()),)

    def _next(self) -> tuple[int, list[str]]:
        line = self.start + self.reader.line_num + 1
        try:
            return line, [field.strip() for field in next(self.reader)]
        except csv.Error as error:
            raise UserError(
                f"{self.path}: the row in line {line} is not CSV ({error}). Close its quotation mark; inside quotes, write two for one."
            ) from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check that it is a CSV file that you may read.") from None
    if content.startswith(WORKBOOKS):
        raise UserError(f"{path} is a workbook, not a CSV file. Save it as `CSV UTF-8` in the spreadsheet program.")
    try:
        return content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path} is neither UTF-8 nor UTF-16 with a byte order mark (line {line}). Save it as `CSV UTF-8` in the spreadsheet program."
        ) from None


def _separator(heading_line: str, columns: Mapping[str, str]) -> str:
    """The separator under which most of the wanted headings are there, then the one that gives most fields."""

    def fit(separator: str) -> tuple[int, int]:
        headings = [heading.strip() for heading in next(csv.reader([heading_line], delimiter=separator))]
        plain = {_plain(heading) for heading in headings}
        wanted = sum(
            columns[kind] in headings if kind in columns else not plain.isdisjoint(GUESSES[kind]) for kind in (*REQUIRED, *OPTIONAL)
        )
        return wanted, len(headings)

    return max(SEPARATORS, key=fit)


def _named(path: Path, headings: Sequence[str], kind: str, heading: str) -> str:
    if heading and headings.count(heading) != 1:
        number = headings.count(heading)
        trouble = f"{number} columns" if number else "no column"
        raise UserError(f"{path} has {trouble} called {heading!r}, which is to be the {kind}.{suggest(heading, headings)}")
    return heading


def _guessed(path: Path, headings: Sequence[str], kind: str) -> str:
    candidates = [heading for heading in headings if _plain(heading) in GUESSES[kind]]
    exact = [heading for heading in candidates if _plain(heading) == _plain(kind)]
    fitting = exact if len(exact) == 1 else candidates
    if len(fitting) > 1:
        raise UserError(
            f"{path} has several columns that look like the {kind}: {', '.join(fitting)}. Name it, for instance "
            f"--columns {kind}={fitting[0]}" + (f", or --columns {kind}= for none." if kind in OPTIONAL else ".")
        )
    return fitting[0] if fitting else ""


def _plain(heading: str) -> str:
    return "".join(filter(str.isalnum, heading.lower()))


def _labels(texts: Mapping[str, str], *, decimal_comma: bool) -> tuple[dict[str, Any], list[str]]:
    """The columns of the photos table that a row gives, and the reasons not to take it."""
    age, reason = age_of(texts["age"], decimal_comma=decimal_comma)
    reasons = [reason] if reason else []
    subject, std_text = texts.get("subject", ""), texts.get("age_std", "")
    age_std = float("nan")
    if std_text.lower() not in UNKNOWN:
        age_std = _number(std_text, decimal_comma=decimal_comma)
        if not age_std >= 0:
            reasons.append(f"the age_std {std_text!r} is not a number of years")
    row = {
        "age": age,
        "age_std": age_std,
        "subject": "" if subject.lower() in UNKNOWN else subject,
        "gender": GENDERS.get(texts.get("gender", "").lower(), ""),
        "split": part_of(texts.get("split", "")),
    }
    return row, reasons


def _number(text: str, *, decimal_comma: bool) -> float:
    text = text.replace(",", ".") if decimal_comma else text
    return float(text) if NUMBER.fullmatch(text) else float("nan")


def _photo_on_disk(text: str, folder: Path, listings: dict[str, dict[str, tuple[str, bool]]]) -> tuple[str, str]:
    """The path of a photo relative to `folder` as the disk spells it, or "" and the reason; `listings` keeps what was listed."""
    if not text:
        return "", "no photo is named"
    path = _relative(text, folder)
    if not path:
        return "", OUTSIDE
    place = ""
    *folders, _ = parts = path.split("/")
    for depth, part in enumerate(parts):
        listing = listings.get(place)
        if listing is None:
            listing = listings[place] = _listing(folder / place)
        name, is_file = listing.get(part) or listing.get(unicodedata.normalize("NFC", part)) or ("", False)
        if not name or (is_file and depth < len(folders)):
            return "", "there is no such file"
        place = posixpath.join(place, name)
    return (place, "") if is_file else ("", IS_A_FOLDER)


def _listing(folder: Path) -> dict[str, tuple[str, bool]]:
    """{name, as it is and in its composed normal form: (name, whether it is a file)}; hidden ones too, as a row may name them."""
    names: dict[str, tuple[str, bool]] = {}
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: (entry.name, entry.is_file()) for entry in entries if entry.is_file() or entry.is_dir()}
    except OSError:  # a folder that may not be listed holds no photo for us, as each row says
        return names
    for name, entry in sorted(found.items()):
        names.setdefault(unicodedata.normalize("NFC", name), entry)
    return names | found


def _relative(text: str, folder: Path) -> str:
    """The path below `folder` with /; "" where it leads out of it."""
    path = posixpath.normpath(text.replace("\\", "/"))
    if DRIVE.match(path):
        return ""
    if path.startswith("/"):
        starts = [f"{start.as_posix().rstrip('/')}/" for start in (folder.absolute(), folder.resolve())]
        path = next((path.removeprefix(start) for start in starts if path.startswith(start)), "..")
    return "" if path in (".", "..") or path.startswith("../") or "\x00" in path else path


def _gender_note(odd: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    if not odd:
        return ()
    line, text = odd[0]
    rows = "1 row says" if len(odd) == 1 else f"{len(odd):,} rows say"
    return (f"gender: {rows} neither m, male, f nor female (first: line {line}, {text!r}); there it counts as unknown",)
