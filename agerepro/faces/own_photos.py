"""A user's own photos, checked row by row: labels, files, pictures, copies, and people on two sides of a given split."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.schema import OwnData
from agerepro.datasets.csv import LabelProblem, Labels
from agerepro.datasets.own import labels_of
from agerepro.faces.decode import DecodeError, decode
from agerepro.io import digest_of_bytes, printable

THREADS = 4
BATCH = 64  # pictures on their way to the threads at a time
DECADE = 10  # years


@dataclass(frozen=True)
class OwnCheck:
    """What a user's labels hold, and every row that cannot be used as it stands, in the order of the file.

    table: a photos table of the rows whose labels can be read, whatever became of their pictures. source: the CSV file or folder.
    """

    source: Path
    listed: int
    table: pd.DataFrame
    problems: tuple[LabelProblem, ...]
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether every row can be used as it stands."""
        return not self.problems

    def counts(self) -> dict[str, Any]:
        """Rows, usable photos, people, photos of nobody known, youngest, mean and oldest (years), photos by decade and by split."""
        ages, subjects, splits = self.table["age"].to_numpy(), self.table["subject"], self.table["split"]
        decades, numbers = np.unique(ages // DECADE * DECADE, return_counts=True)
        return {
            "listed": self.listed,
            "photos": len(self.table),
            "people": int(subjects[subjects != ""].nunique()),
            "photos of nobody known": int((subjects == "").sum()),
            "youngest": float(ages.min()) if len(ages) else None,
            "mean age": round(float(ages.mean()), 2) if len(ages) else None,
            "oldest": float(ages.max()) if len(ages) else None,
            "ages": {f"{first}-{first + DECADE - 1}": number for first, number in zip(decades.astype(int).tolist(), numbers.tolist())},
            "splits": {str(name): int(number) for name, number in splits[splits != ""].value_counts().sort_index().items()},
        }

    def to_json(self) -> str:
        """The same as JSON text."""
        problems = [asdict(problem) for problem in self.problems]
        content = {"source": str(self.source), "clean": self.clean, **self.counts(), "problems": problems, "notes": self.notes}
        return printable(json.dumps(content, indent=2, ensure_ascii=False))

    def as_text(self) -> str:
        """Lines for people: counts, notes, every problem with its line, and whether all is well."""
        counts = self.counts()
        what = "rows" if self.source.is_file() else "files"
        lines = [f"{self.source}: {counts['listed']:,} {what}, {counts['photos']:,} photos with labels"]
        nameless = counts["photos of nobody known"]
        lines.append(f"people: {counts['people']:,}" + (f"; of {nameless:,} photos nobody is known" if nameless else ""))
        if counts["photos"]:
            lines.append(f"ages: {counts['youngest']:g} to {counts['oldest']:g}, mean {counts['mean age']:.1f} years")
            lines += [f"  {decade:<8} {number:,}" for decade, number in counts["ages"].items()]
        lines += [f"split {name}: {number:,}" for name, number in counts["splits"].items()]
        lines += self.notes
        for problem in self.problems:
            place = f"line {problem.line}: {problem.photo}" if problem.line else problem.photo
            lines.append(f"{place}: {problem.reason}")
        wrong = "1 is" if len(self.problems) == 1 else f"{len(self.problems):,} are"
        lines.append(f"All {what} can be used." if self.clean else f"Of {counts['listed']:,} {what} {wrong} not right, as listed above.")
        return printable("\n".join(lines))


def check_own(data: Path, own: OwnData, *, on_progress: Callable[[int, int], object] = lambda done, total: None) -> OwnCheck:
    """Read a user's labels at `data` and open every picture that they name.

    Problems: what the reader leaves out; pictures that cannot be read; copies of a picture, by their bytes, under whatever labels;
    people in two parts of a given split. on_progress(done, total) counts pictures. UserError where there are no such labels.
    """
    labels = labels_of(data, own)
    paths = [labels.folder / path for path in labels.table["path"]]
    digests: list[str] = []
    pictures: list[LabelProblem] = []
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(paths), BATCH):
            for digest, reason in threads.map(_picture, paths[start : start + BATCH]):
                if reason:
                    pictures.append(_problem(labels, len(digests), reason))
                digests.append(digest)
            on_progress(len(digests), len(paths))
    problems = [*labels.problems, *pictures, *_copies(labels, digests), *_people_on_two_sides(labels)]
    problems.sort(key=lambda problem: (problem.line or 0, problem.photo))
    source = labels.folder / labels.file
    return OwnCheck(source, labels.listed, labels.table, tuple(problems), labels.notes)


def _picture(path: Path) -> tuple[str, str]:
    """The digest of a file's bytes, and why it is no picture that can be read ("" for one that is)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", f"the file cannot be read: {error.strerror}"
    try:
        decode(content)
    except DecodeError as error:
        return digest_of_bytes(content), f"the picture cannot be read: {error.reason}"
    return digest_of_bytes(content), ""


def _problem(labels: Labels, row: int, reason: str) -> LabelProblem:
    return LabelProblem(labels.lines[row], str(labels.table["path"].iloc[row]), reason)


def _name(labels: Labels, row: int) -> str:
    line = labels.lines[row]
    return str(labels.table["path"].iloc[row]) + (f" (line {line})" if line else "")


def _copies(labels: Labels, digests: list[str]) -> list[LabelProblem]:
    """Rows whose picture an earlier row has, byte by byte."""
    first: dict[str, int] = {}
    problems = []
    ages, subjects = labels.table["age"].tolist(), labels.table["subject"].tolist()
    for row, digest in enumerate(digests):
        earlier = first.setdefault(digest, row) if digest else row
        if earlier == row:
            continue
        reason = f"the same picture as {_name(labels, earlier)}"
        if ages[row] != ages[earlier]:
            reason += f", under another age ({ages[row]:g}, there {ages[earlier]:g})"
        if subjects[row] != subjects[earlier]:
            reason += f", of another person ({subjects[row] or 'nobody'}, there {subjects[earlier] or 'nobody'})"
        problems.append(_problem(labels, row, reason))
    return problems


def _people_on_two_sides(labels: Labels) -> list[LabelProblem]:
    """The first row of each person in each further part of the split."""
    first: dict[str, tuple[int, str]] = {}  # of each person, the first row and its part
    seen: set[tuple[str, str]] = set()
    problems = []
    for row, (subject, part) in enumerate(zip(labels.table["subject"].tolist(), labels.table["split"].tolist())):
        if not subject or not part:
            continue
        earlier, first_part = first.setdefault(subject, (row, part))
        if part != first_part and (subject, part) not in seen:
            reason = f"the person {subject!r} is in {part} here, and in {first_part} as {_name(labels, earlier)}"
            problems.append(_problem(labels, row, reason))
        seen.add((subject, part))
    return problems
