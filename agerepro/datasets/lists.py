"""The label lists that data sets come with: small tables of text, with or without a heading, however they are separated."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError


def read_list(path: Path, *, separator: str = ",", names: Sequence[str] | None = None) -> pd.DataFrame:
    """All rows of a list as stripped text, "" where a row is too short; names: of the columns of a list without a heading.

    UserError where the file cannot be read or is no such table.
    """
    try:
        rows = pd.read_csv(
            path,
            sep=separator,
            dtype=str,
            keep_default_na=False,
            names=None if names is None else list(names),
            header=None if names else 0,
            index_col=False,
            encoding="utf-8-sig",
        )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check that it is a file that you may read.") from None
    except ValueError as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise UserError(f"{path} is not a list of labels: {str(error).strip()}. Fetch it anew.") from None
    return rows.fillna("").rename(columns=str.strip).apply(lambda column: column.str.strip())


def heading(path: Path) -> list[str]:
    """The fields of a CSV file's first line, stripped; none where it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return [field.strip() for field in next(csv.reader(file), [])]
    except (OSError, csv.Error):
        return []


def find_columns(headings: Sequence[str], spellings: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """{our name: heading} of those that are there; headings are compared by their letters and digits alone, in lower case."""
    plain = {"".join(filter(str.isalnum, text.lower())): text for text in reversed(headings)}
    found = {name: next((plain[word] for word in words if word in plain), "") for name, words in spellings.items()}
    return {name: text for name, text in found.items() if text}


def numbers(texts: pd.Series) -> pd.Series:
    """The numbers that texts say, NaN where they say none or one that is not finite."""
    values = pd.to_numeric(texts, errors="coerce").astype(float)
    return values.where(np.isfinite(values))
