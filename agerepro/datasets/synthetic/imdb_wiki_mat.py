"""`imdb.mat` and `wiki.mat`: rows of labels as the MATLAB structs that the real sets have."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.plan import person_name
from agerepro.datasets.synthetic.truth import Known
from agerepro.files import write_then_rename

_MATLAB_DAYS = 366  # a MATLAB day number is Python's ordinal plus this: it counts from year 0, a leap year
_HEADER = 116  # bytes of text at the start of a MATLAB 5 file, with the time of writing in it


@dataclass(frozen=True)
class Row:
    """One row of labels as the set gives them, right or wrong."""

    index: int
    who: int
    number: int
    kind: str
    born: tuple[int, int, int]  # year, month, day
    taken: int  # year of the photo
    score: float  # of the face detector, before what `kind` does to it
    draw: float  # 0..1

    def datenum(self) -> int:
        """MATLAB's day number of the birth: month 0 counts as January, day 0 as the day before the first."""
        year, month, day = self.born
        if year < 1:  # Python knows no year 0; it has 366 days like 2000
            return (datetime.date(2000, month, day) - datetime.date(1999, 12, 31)).days
        return datetime.date(year, max(month, 1), 1).toordinal() + day - 1 + _MATLAB_DAYS

    def age(self) -> int:
        """Whole years at mid-year of the photo's year, by these labels."""
        born = datetime.date.fromordinal(self.datenum() - _MATLAB_DAYS)
        return self.taken - born.year - (born.month >= 7)

    def path(self, name: str) -> str:
        """Where the picture lies: the folder is named by the last two digits of the person's (IMDB) or page's (WIKI) number."""
        year, month, day = self.born
        if name == "imdb":
            person = self.who + 1
            picture = 1_000_000_000 + 7919 * self.index
            return f"imdb_crop/{person % 100:02d}/nm{person:07d}_rm{picture}_{year}-{month}-{day}_{self.taken}.jpg"
        page = 10_000_000 + 13 * self.index
        return f"wiki_crop/{page % 100:02d}/{page}_{year:04d}-{month:02d}-{day:02d}_{self.taken}.jpg"


def write_mat(root: Path, name: str, rows: Sequence[Row], known: Sequence[Known]) -> Path:
    """Write `<name>_crop/<name>.mat` with one struct `<name>` of 1 x n fields, as scipy.io.loadmat finds it in the real file."""
    from scipy.io import savemat

    people = sorted({row.number for row in rows})
    fields = {
        "dob": np.array([[row.datenum() for row in rows]], np.int32),
        "photo_taken": np.array([[row.taken for row in rows]], np.uint16),
        "full_path": _cells([row.path(name).split("/", 1)[1] for row in rows]),
        "gender": np.array([[_gender(row, truth) for row, truth in zip(rows, known, strict=True)]], float),
        "name": _cells([person_name(row.number) for row in rows]),
        "face_location": _cells([_location(truth) for truth in known]),
        "face_score": np.array([[_score(row) for row in rows]], float),
        "second_face_score": np.array([[1.1 + 3 * row.draw if row.kind == "second_face" else np.nan for row in rows]], float),
    }
    if name == "imdb":
        fields["celeb_names"] = _cells([person_name(number) for number in people])
        fields["celeb_id"] = np.array([[people.index(row.number) + 1 for row in rows]], np.uint16)

    def write(path: Path) -> None:
        savemat(path, {name: fields}, oned_as="row")
        with path.open("r+b") as file:  # the same labels, the same bytes, whenever they are written
            file.write(b"MATLAB 5.0 MAT-file".ljust(_HEADER))

    return write_then_rename(root / f"{name}_crop" / f"{name}.mat", write)


def _cells(values: Sequence[object]) -> npt.NDArray[np.object_]:
    cells = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        cells[0, place] = value
    return cells


def _gender(row: Row, truth: Known) -> float:
    return float("nan") if row.kind == "no_gender" else float(truth.gender == "m")


def _score(row: Row) -> float:
    if row.kind == "no_face":
        return float("-inf")
    return 0.05 + 0.9 * row.draw if row.kind == "low_score" else max(row.score, 1.05)


def _location(truth: Known) -> npt.NDArray[np.float64]:
    """The detector's square, counted from 1; the whole picture where it found nothing."""
    side = truth.photo.size
    if truth.shot is None:
        return np.array([[1.0, 1.0, side, side]])
    return np.array([[min(max(value + 1, 1.0), float(side)) for value in truth.shot.square()]])
