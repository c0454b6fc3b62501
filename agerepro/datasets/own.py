"""A user's own photos as a data set: a CSV file, a folder with one, or a folder of photos whose names say the age."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from agerepro.config.schema import OwnData
from agerepro.datasets.catalog import OWN
from agerepro.datasets.csv import Labels, read_csv
from agerepro.datasets.layout import list_folder
from agerepro.datasets.pattern import read_pattern
from agerepro.datasets.photos import FilterStep, Photos, SkippedItem
from agerepro.errors import UserError

ENDINGS = (".csv", ".tsv")
NO_LABELS = ("synthetic-truth.csv",)  # which the renderer writes beside what it draws
MOST_REASONS = 3  # named in an error


def read(data: Path, own: OwnData) -> Photos:
    """The photos that the labels at `data` name, keys `own/<path>`. UserError as `labels_of`, and where no row can be used.

    What cannot be used is skipped, a row as `faces.csv:12: photos/a.jpg`, with its reason.
    """
    labels = labels_of(data, own)
    source = labels.file or "the folder"
    if labels.table.empty:
        reasons = Counter(problem.reason for problem in labels.problems).most_common(MOST_REASONS)
        why = "; ".join(f"{count:,} times: {reason}" for reason, count in reasons)
        place = shlex.quote(str(labels.folder / labels.file))
        raise UserError(
            f"{labels.folder / labels.file} names no photo that can be used, of {labels.listed:,} ({why or 'it is empty'}). "
            f"See `agerepro data verify {place}`."
        )
    skipped = tuple(
        SkippedItem(problem.photo if problem.line is None else f"{labels.file}:{problem.line}: {problem.photo}", problem.reason)
        for problem in labels.problems
    )
    usable = len(labels.table)
    steps = (FilterStep(f"listed in {source}", labels.listed, 0), FilterStep("can be used", usable, labels.listed - usable))
    return Photos(labels.table, steps, skipped, label_files=(labels.file,) if labels.file else ())


def labels_of(data: Path, own: OwnData) -> Labels:
    """The labels at `data`: a CSV file; or a folder, which must hold exactly one unless `own.pattern` says how its photos are named.

    UserError where there is neither, and as `csv.read_csv` and `pattern.read_pattern`.
    """
    if not data.exists():
        raise UserError(f"{data} does not exist. Give a CSV file with columns for photo and age, or a folder of photos and a pattern.")
    if own.pattern:
        if not data.is_dir():
            raise UserError(f"{data} is a file, but a pattern is given, which is for a folder of photos. Give the folder, or no pattern.")
        return read_pattern(folder_of(data), own.pattern)
    if data.is_dir():
        folder = folder_of(data)
        files = csv_files(folder)
        if len(files) != 1:
            named = f"{len(files)} CSV files: {', '.join(files)}. Give the one to use" if files else "no CSV file. Give one"
            raise UserError(
                f"{folder} holds {named}; or say how its photos are named, for instance --pattern {shlex.quote('{subject}_{age}.jpg')}."
            )
        data = folder / files[0]
    return read_csv(data, {str(kind): heading for kind, heading in own.columns.items()})


def folder_of(data: Path) -> Path:
    """What the photos' paths are relative to: the folder of the CSV file `data`; `data` itself, or `data/own` where labels lie there.

    Of the two folders the first that holds a CSV file is taken, `data/own` before `data`; where neither does, `data/own` if there is one.
    """
    if not data.is_dir():
        return data.parent if data.exists() else data
    inside = data / OWN
    places = [place for place in (inside, data) if place.is_dir()]
    return next((place for place in places if csv_files(place)), places[0])


def csv_files(folder: Path) -> tuple[str, ...]:
    """Names of the CSV files in a folder, without those that spreadsheet programs or the renderer leave there."""
    names = list_folder(folder).files
    return tuple(name for name in names if name.lower().endswith(ENDINGS) and not name.startswith("~$") and name not in NO_LABELS)
