"""Labels of a user's own photos in the photos' names, by a pattern such as `{subject}_{age}.jpg`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.datasets.catalog import OWN
from agerepro.datasets.csv import GENDERS, UNKNOWN, LabelProblem, Labels, age_of, part_of
from agerepro.datasets.layout import list_folder
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

FIELD = re.compile(r"\{([^{}]*)\}")
NUMBER = r"\d+(?:\.\d+)?"
TEXT = r"[^/]+?"
BESIDE = (".csv", ".gz", ".ini", ".json", ".mat", ".md", ".pdf", ".pts", ".tsv", ".txt", ".xlsx", ".xml", ".zip", ".db")  # no photos
TAKEN = ("age", "subject", "gender", "split")


def read_pattern(folder: Path, pattern: str) -> Labels:
    """The labels in the names of all photos below `folder`: age in years, and subject, gender and split where the pattern has them.

    A pattern with "/" names folders, too; it is held against the last parts of each path. Fields other than `TAKEN` are passed over.
    Upper and lower case are the same. UserError for a pattern without age, or one that cannot be told apart.
    """
    form = compile_pattern(pattern)
    rows: list[dict[str, Any]] = []
    problems: list[LabelProblem] = []
    keys: set[str] = set()
    odd_genders = 0
    names, unreadable = _files(folder)
    paths = [name for name in names if not name.lower().endswith(BESIDE)]
    for path in paths:
        match = form.fullmatch(path)
        texts = {} if match is None else match.groupdict()
        age, reason = age_of(texts["age"]) if texts else (0.0, f"the name is not of the form {pattern}")
        key = f"{OWN}/{unicodedata.normalize('NFC', path)}"
        if not reason and key in keys:
            reason = "the same name in another Unicode normal form is there, too"
        if reason:
            problems.append(LabelProblem(None, path, reason))
            continue
        gender, subject = texts.get("gender", "").lower(), texts.get("subject", "")
        keys.add(key)
        odd_genders += gender not in (*GENDERS, *UNKNOWN)
        rows.append(
            {
                "photo": key,
                "path": path,
                "age": age,
                "subject": "" if subject.lower() in UNKNOWN else subject,
                "gender": GENDERS.get(gender, ""),
                "split": part_of(texts.get("split", "")),
            }
        )
    problems += unreadable
    notes = []
    if others := len(names) - len(paths):
        notes.append(f"files that are no photos by their names, passed over: {others:,}")
    if odd_genders:
        notes.append(f"gender: {odd_genders:,} names say neither m, male, f nor female; there it counts as unknown")
    listed = len(paths) + len(unreadable)
    return Labels(coerce(pd.DataFrame(rows), PHOTOS), (None,) * len(rows), folder, "", listed, tuple(problems), tuple(notes))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a path's end, with a group for each of `TAKEN` that the pattern has."""
    where = f"The pattern {pattern!r}"
    example = "for instance {subject}_{age}.jpg"
    names = FIELD.findall(pattern)
    if "age" not in names:
        raise UserError(f"{where} says nowhere what the age is: write {{age}} where it stands, {example}.")
    if repeated := next((name for name in TAKEN if names.count(name) > 1), ""):
        raise UserError(f"{where} has {{{repeated}}} twice: keep one, and give the other a name of its own, which is passed over.")
    if "}{" in pattern:
        raise UserError(f"{where} has two fields without a sign between them, so that they cannot be told apart: write one, {example}.")
    if "{" in (rest := FIELD.sub("", pattern)) or "}" in rest:
        raise UserError(f"{where} has a brace without its other half: write {{age}}, {example}.")
    if pattern.startswith("/") or "\\" in pattern or ".." in pattern.split("/"):
        raise UserError(f"{where} must be a name, or folders and a name with / between them, below the folder of photos, {example}.")
    expression, end = "", 0
    for field in FIELD.finditer(pattern):
        name = field[1]
        group = NUMBER if name == "age" else TEXT
        expression += re.escape(pattern[end : field.start()]) + (f"(?P<{name}>{group})" if name in TAKEN else f"(?:{group})")
        end = field.end()
    return re.compile(f"(?:.*/)?{expression}{re.escape(pattern[end:])}", re.IGNORECASE)


def _files(folder: Path) -> tuple[list[str], list[LabelProblem]]:
    """Paths of all files below `folder`, hidden ones left out, and what cannot be named in a table."""
    problems: list[LabelProblem] = []

    def below(place: Path, prefix: str) -> Iterator[str]:
        listing = list_folder(place, prefix)
        problems.extend(LabelProblem(None, skip.path, skip.reason) for skip in listing.skipped)
        yield from (prefix + name for name in listing.files)
        for name in listing.folders:
            yield from below(place / name, f"{prefix}{name}/")

    return list(below(folder, "")), problems
