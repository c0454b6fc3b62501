"""The columns, types and units of every table on disk, and the only functions that read and write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agerepro.errors import UserError
from agerepro.io import atomic_write

if TYPE_CHECKING:
    import pandas as pd

TEXT, NUMBER, WHOLE = "text", "number", "whole"


@dataclass(frozen=True)
class Table:
    """The schema of one kind of table: column name -> TEXT, NUMBER (float, NaN when unknown) or WHOLE (int).

    younger: columns that came later; a file written before, which lacks them, is read as if they were empty.
    """

    name: str
    columns: dict[str, str]
    younger: tuple[str, ...] = ()


PHOTOS = Table(
    "photos",
    {
        "photo": TEXT,  # key: <dataset>/<relative path>[#n]
        "path": TEXT,  # relative to the data set's folder
        "subject": TEXT,  # the person; "" when unknown
        "age": NUMBER,  # years
        "age_std": NUMBER,  # years, how uncertain `age` is
        "apparent_age": NUMBER,  # years, mean of votes
        "apparent_std": NUMBER,  # years
        "score": NUMBER,  # 0 to 1, mean rating of a picture's beauty
        "gender": TEXT,  # m, f or ""
        "ethnicity": TEXT,
        "split": TEXT,  # the authors' list
        "group": TEXT,  # age-group label
        "left": NUMBER,  # the source's own face box, pixels, or NaN
        "top": NUMBER,
        "right": NUMBER,
        "bottom": NUMBER,
        "cropped_margin": NUMBER,  # the photo is the source's own crop: its face box plus this share of it on each side; or NaN
        "date_note": TEXT,  # how the age is known, where that varies
    },
    younger=("score",),
)
FACES = Table(
    "faces",
    {
        "photo": TEXT,
        "status": TEXT,  # ok | no_face | unreadable | dropped
        "reason": TEXT,
        "found": WHOLE,  # faces the detector saw
        "left": NUMBER,  # the cropped box before margin, pixels of the upright, rotated photo
        "top": NUMBER,
        "right": NUMBER,
        "bottom": NUMBER,
        "score": NUMBER,
        "left_eye_x": NUMBER,  # landmarks in pixels of the upright photo; "left" is the one at smaller x
        "left_eye_y": NUMBER,
        "right_eye_x": NUMBER,
        "right_eye_y": NUMBER,
        "nose_x": NUMBER,
        "nose_y": NUMBER,
        "mouth_left_x": NUMBER,
        "mouth_left_y": NUMBER,
        "mouth_right_x": NUMBER,
        "mouth_right_y": NUMBER,
        "rotation": NUMBER,  # degrees that make the eyes level
        "margin": NUMBER,  # share of the box added on each side
        "image": TEXT,  # key in the face store; "" without a face
    },
)
CROPS = Table(
    "crops",
    {
        "photo": TEXT,
        "image": TEXT,  # key in the face store
        "shard": TEXT,  # file of the store that holds it
        "row": WHOLE,  # of the shard
    },
)
SOURCES = Table(
    "sources",
    {
        "path": TEXT,  # relative to the data set's folder; a folder ends with /
        "size": WHOLE,  # bytes
        "changed": WHOLE,  # nanoseconds since 1970
        "digest": TEXT,  # SHA-256 of a photo; "" for label files and folders
    },
)
FOLDS = Table("folds", {"fold": WHOLE, "photo": TEXT, "part": TEXT})  # part: train | validation | test
AGES = Table(
    "ages",
    {
        "data": TEXT,  # data set
        "age": NUMBER,  # years
        "photos": WHOLE,  # usable ones of this age, as a run has them
    },
)
PREDICTIONS = Table(
    "predictions",
    {
        "experiment": TEXT,
        "profile": TEXT,
        "fold": WHOLE,
        "seed": WHOLE,
        "photo": TEXT,
        "subject": TEXT,
        "age": NUMBER,  # years
        "predicted": NUMBER,  # years, by the experiment's own decoding
        "expectation": NUMBER,  # years, mean of the posterior
        "rounded": NUMBER,  # the expectation, rounded half up
        "median": NUMBER,  # years, median of the posterior
        "argmax": NUMBER,  # years, the most probable bin
        "group": TEXT,  # where age groups are told apart: the true one, `first-last` years; ages above are then NaN
        "predicted_group": TEXT,
    },
)
SCORES = Table(
    "scores",
    {
        "experiment": TEXT,
        "profile": TEXT,
        "fold": TEXT,  # a number, or "all"
        "aggregation": TEXT,  # fold | macro | pooled
        "metric": TEXT,
        "value": NUMBER,
        "low": NUMBER,  # ends of the 95 % interval, or NaN
        "high": NUMBER,
        "n": WHOLE,
    },
)


def coerce(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The frame with exactly the table's columns, in order and typed; missing text becomes "", missing numbers NaN.

    Raises UserError for a column that the table does not know, a missing whole number, or text where numbers belong.
    """
    import pandas as pd

    unknown = sorted(set(frame.columns) - set(table.columns))
    if unknown:
        raise UserError(f"A {table.name} table has no column {', '.join(unknown)}; it has {', '.join(table.columns)}.")
    typed = {}
    for column, kind in table.columns.items():
        if column not in frame.columns:
            if kind == WHOLE:
                raise UserError(f"A {table.name} table needs the column {column}.")
            typed[column] = pd.Series("" if kind == TEXT else float("nan"), index=frame.index)
            continue
        typed[column] = _typed(frame[column], kind, f"{table.name}.{column}")
    return pd.DataFrame(typed).reset_index(drop=True)


def write_table(path: Path, frame: pd.DataFrame, table: Table) -> Path:
    """Write a conforming table as CSV (UTF-8, what it cannot hold escaped, shortest exact floats), whole or not at all."""
    conforming = coerce(frame, table)
    return atomic_write(path, lambda temporary: conforming.to_csv(temporary, index=False, lineterminator="\n", errors="backslashreplace"))


def read_table(path: Path, table: Table) -> pd.DataFrame:
    """Read a table that `write_table` wrote; text columns keep leading zeros. UserError when missing or of another shape."""
    import pandas as pd

    text = {column: str for column, kind in table.columns.items() if kind == TEXT}
    try:
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values={c: [""] for c in table.columns if c not in text})
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except (ValueError, UnicodeDecodeError) as error:  # pandas' parser errors are ValueErrors
        raise UserError(f"{path} is not a {table.name} table: {error}") from None
    missing = [column for column in table.columns if column not in frame.columns and column not in table.younger]
    if missing:
        raise UserError(f"{path} is not a {table.name} table: it lacks {', '.join(missing)}.")
    return coerce(frame, table)


def _typed(values: pd.Series, kind: str, name: str) -> pd.Series:
    try:
        if kind == TEXT:
            return values.astype("object").where(values.notna(), "").astype(str)
        return values.astype("int64" if kind == WHOLE else "float64")
    except (ValueError, TypeError) as error:
        raise UserError(f"{name} holds a value that is not a {kind} number: {error}") from None
