"""IMDB and WIKI: celebrities' photos with dates of birth and years of the photo, from their MATLAB files."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from agerepro.datasets.catalog import PARTS
from agerepro.datasets.layout import Layout, below, native_folder, nested
from agerepro.datasets.photos import BOX, Photos, clean
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

VECTORS = {"dob": "born", "photo_taken": "taken", "gender": "gender", "face_score": "face_score", "second_face_score": "second_face_score"}
CELLS = ("full_path", "name", "face_location")
HDF5 = b"\x89HDF\r\n\x1a\n"


CROP_MARGIN = 0.4  # of the authors' own face crops, on each side
SAMPLED_PICTURES = 100  # spread over the table, looked for to see in which folder the pictures lie


def _layout(dataset: str) -> Layout:
    return Layout((".", f"{dataset}_crop", dataset), lambda folder: (folder / f"{dataset}.mat").exists(), f"{dataset}.mat")


LAYOUTS = {"imdb": _layout("imdb"), "wiki": _layout("wiki")}
BOTH = PARTS["imdbwiki"]


def _holds_both(folder: Path) -> bool:
    """Whether the folder has one called imdb and one called wiki, each with its files."""
    places = {name: nested(folder, name) for name in BOTH}
    return all(
        place is not None
        and any((inner := nested(place, nesting)) is not None and LAYOUTS[name].holds(inner) for nesting in LAYOUTS[name].nestings)
        for name, place in places.items()
    )


LAYOUTS["imdbwiki"] = Layout((".",), _holds_both, "folders imdb and wiki, each with its .mat file")


def read_imdb(root: Path) -> Photos:
    """The photos of IMDB under `root` that pass the cleaning; ages are whole years at mid-year. UserError as `read_cleaned`."""
    return read_cleaned("imdb", root)


def read_wiki(root: Path) -> Photos:
    """The photos of WIKI under `root` that pass the cleaning; ages are whole years at mid-year. UserError as `read_cleaned`."""
    return read_cleaned("wiki", root)


def read_both(root: Path) -> Photos:
    """The photos of IMDB and WIKI in the folders of these names under `root`, each cleaned as by itself; UserError as `read_cleaned`.

    Keys begin with imdbwiki/imdb/ or imdbwiki/wiki/. Who bears one name in both counts as one person.
    """
    folder = native_folder("imdbwiki", root, LAYOUTS["imdbwiki"])
    parts = {name: place for name in BOTH if (place := nested(folder, name)) is not None}
    both = {below(place, root): read_cleaned(name, place) for name, place in parts.items()}
    tables = [
        photos.table.assign(photo="imdbwiki/" + photos.table["photo"], path=prefix + photos.table["path"])
        for prefix, photos in both.items()
    ]
    return Photos(
        table=pd.concat(tables, ignore_index=True),
        funnel=tuple(replace(step, name=f"{name}: {step.name}") for name, photos in zip(parts, both.values()) for step in photos.funnel),
        skipped=tuple(replace(skip, path=prefix + skip.path) for prefix, photos in both.items() for skip in photos.skipped),
        label_files=tuple(prefix + label for prefix, photos in both.items() for label in photos.label_files),
    )


def read_cleaned(dataset: str, root: Path) -> Photos:
    """The rows of <dataset>.mat that pass the funnel of `photos.clean`; photos are not opened, nor is their presence checked.

    face_location counts in the whole photos. The authors' <dataset>_crop pictures are that box plus 40 % of it on each side
    already, so there the box is left out and `cropped_margin` says so; whole photos lie in a folder named <dataset>. The .mat file
    may lie beside that folder or in it.

    A second face in a photo, listed as a row of its own, has the key of the photo with `#2` after it. UserError when the .mat
    file is missing or of another shape.
    """
    folder = native_folder(dataset, root, LAYOUTS[dataset])
    rows, people = read_mat(folder / f"{dataset}.mat", dataset)
    clean_rows, steps, skipped = clean(rows, f"{dataset}.mat")
    pictures = _picture_folder(dataset, (folder, root), clean_rows["path"])
    table = clean_rows[["subject", "age", *BOX]].assign(
        photo=f"{dataset}/" + clean_rows["path"] + _number_of_face(clean_rows["path"]),
        path=below(pictures, root) + clean_rows["path"],
        gender=np.where(clean_rows["gender"] == 1.0, "m", "f"),
    )
    if pictures.name.casefold() != dataset or pictures == root:
        table = table.assign(cropped_margin=CROP_MARGIN, **dict.fromkeys(BOX, float("nan")))
    labels = (f"{below(folder, root)}{dataset}.mat",)
    return Photos(
        table=coerce(table, PHOTOS),
        funnel=steps,
        skipped=skipped,
        people_listed=people,
        label_files=labels,
    )


def _picture_folder(dataset: str, starts: tuple[Path, ...], paths: pd.Series) -> Path:
    """The folder below which one of some pictures lies: a start or its <dataset>_crop or <dataset>; the first start where none does."""
    folders = [folder for start in starts for name in LAYOUTS[dataset].nestings if (folder := nested(start, name)) is not None]
    samples = paths.iloc[:: max(1, len(paths) // SAMPLED_PICTURES)]
    return next((folder for folder in folders if any((folder / path).is_file() for path in samples)), starts[0])


def _number_of_face(paths: pd.Series) -> pd.Series:
    """`` for the first row of a path, `#2` for the second, and so on."""
    earlier = paths.groupby(paths).cumcount()
    return ("#" + (earlier + 1).astype(str)).where(earlier > 0, "")


def read_mat(path: Path, struct: str) -> tuple[pd.DataFrame, int]:
    """One row a photo, and how many people the file names.

    Columns: path, born (MATLAB day number), taken (year), gender (0 female, 1 male, NaN), subject (the celebrity's name, ""
    when unknown), face_score, second_face_score (NaN without a second face), and the box left, top, right, bottom in pixels:
    the file's face_location [x1 y1 x2 y2] counts from 1 and includes its ends, ours counts from 0 and excludes right and bottom.
    Raises UserError that names the file, what was expected and what was found.
    """
    fields = _struct(path, struct)
    n = fields["full_path"].size
    table: dict[str, Any] = {"path": _texts(path, "full_path", fields)}
    for field, column in VECTORS.items():
        table[column] = _vector(path, field, fields, n)
    names = _texts(path, "name", fields, n)
    table["subject"], people = _subjects(path, fields, names)
    for column, values in zip(("left", "top", "right", "bottom"), _boxes(path, fields, n).T, strict=True):
        table[column] = values
    return pd.DataFrame(table), people


def _struct(path: Path, struct: str) -> dict[str, np.ndarray]:
    with _open(path) as file:
        head = file.read(520)
    if head[:8] == HDF5 or head[512:520] == HDF5:
        raise UserError(
            f"{path} is a MATLAB 7.3 (HDF5) file; {struct}.mat is published in the older format. "
            f"Download it again, or save it in MATLAB with -v7."
        )
    try:
        loaded = loadmat(path, variable_names=[struct])
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, zlib.error, IndexError, KeyError) as error:
        raise UserError(f"{path} is not a complete MATLAB file ({error}). Download it again.") from None
    if struct not in loaded:
        raise _wrong_mat(path, f"a struct named {struct!r}", "none of that name")
    value = loaded[struct]
    if not isinstance(value, np.ndarray) or value.dtype.names is None or value.size != 1:
        raise _wrong_mat(path, f"a 1x1 struct named {struct!r}", f"{value.dtype} of shape {value.shape}")
    record = value.ravel()[0]
    lacking = sorted({*VECTORS, *CELLS} - set(value.dtype.names))
    if lacking:
        raise _wrong_mat(path, f"the fields {', '.join(sorted({*VECTORS, *CELLS}))}", f"no {', '.join(lacking)}")
    return {field: np.asarray(record[field]) for field in value.dtype.names}


def _open(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check that it is a file that you may read.") from None


def _wrong_mat(path: Path, expected: str, actual: str) -> UserError:
    return UserError(f"{path} is a .mat file of another shape: expected {expected}, found {actual}.")


def _vector(path: Path, field: str, fields: dict[str, np.ndarray], n: int) -> np.ndarray:
    values = fields[field]
    if values.dtype.kind not in "buif" or values.size != n:
        raise _wrong_mat(path, f"{n} numbers in {field}, one for each full_path", f"{values.size} of type {values.dtype}")
    return values.ravel().astype(np.float64)


def _cells(path: Path, field: str, fields: dict[str, np.ndarray], n: int) -> Sequence[np.ndarray]:
    values = fields[field]
    if values.dtype != object or values.size != n:
        raise _wrong_mat(path, f"a cell of {n} entries in {field}", f"{values.size} of type {values.dtype}")
    return values.ravel().tolist()


def _texts(path: Path, field: str, fields: dict[str, np.ndarray], n: int | None = None) -> list[str]:
    cells = _cells(path, field, fields, fields[field].size if n is None else n)
    # An empty MATLAB string comes as an empty array of any type.
    odd = next((i for i, cell in enumerate(cells) if cell.size > 1 or (cell.size and cell.dtype.kind != "U")), None)
    if odd is not None:
        raise _wrong_mat(path, f"one text in each cell of {field}", f"{cells[odd].size} of type {cells[odd].dtype} in cell {odd + 1}")
    return [str(cell.item()) if cell.size else "" for cell in cells]


def _boxes(path: Path, fields: dict[str, np.ndarray], n: int) -> np.ndarray:
    cells = _cells(path, "face_location", fields, n)
    odd = next((i for i, cell in enumerate(cells) if cell.size != 4 or cell.dtype.kind not in "uif"), None)
    if odd is not None:
        raise _wrong_mat(
            path, "four numbers in each cell of face_location", f"{cells[odd].size} of type {cells[odd].dtype} in cell {odd + 1}"
        )
    corners = np.concatenate([np.empty(0), *cells], axis=None).reshape(n, 4).astype(np.float64)
    return corners - [1, 1, 0, 0]


def _subjects(path: Path, fields: dict[str, np.ndarray], names: list[str]) -> tuple[list[str], int]:
    """The celebrity that the row's celeb_id points to (IMDB), or the row's own name (WIKI, or an id that points nowhere)."""
    if not {"celeb_names", "celeb_id"} <= set(fields):
        return names, len(set(names) - {""})
    celebrities = _texts(path, "celeb_names", fields)
    ids = _vector(path, "celeb_id", fields, len(names))
    valid = (ids >= 1) & (ids <= len(celebrities))
    index = np.where(valid, ids, 1).astype(np.int64) - 1
    return [celebrities[i] if points else name for i, points, name in zip(index, valid, names, strict=True)], len(celebrities)
