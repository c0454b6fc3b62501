"""AADB: pictures rated for their beauty; the authors' lists of scores from 0 to 1 take the place of ages."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from agerepro.datasets.layout import Layout, below, list_folder, native_folder, nested
from agerepro.datasets.photos import OUTSIDE, Photos, SkippedItem, stays_inside
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

# The lists of scores by the split's name in protocols, tested pictures first: one that two lists name is theirs. The release also
# has imgListTestRegression_score.txt, an older choice of test pictures, which is not read.
LISTS = {
    "test": "imgListTestNewRegression_score.txt",
    "validation": "imgListValidationRegression_score.txt",
    "train": "imgListTrainRegression_score.txt",
}
LIST_FOLDERS = ("imgListFiles_label", "imgListFiles_label/imgListFiles_label", "labels", ".")
# Where pictures lie as the archives leave them, the preferred ones first: squeezed to 256 x 256, as the authors' network takes them.
PICTURES = ("datasetImages_warp256", "AADB_newtest", "datasetImages_originalSize", "AADB_newtest_originalSize", "images", ".")
SCORED = re.compile(r"[01]\.\d+_")  # what names of test pictures begin with in their own archive: their score


def read(root: Path, *, labels_only: bool = False) -> Photos:
    """The pictures of AADB under `root` that a list names: `score` from 0 to 1, `split`; no age, nobody known.

    labels_only: pictures that are not there count, too, without a path. UserError without the lists, or for one that is no list of
    names and numbers.
    """
    folder = native_folder("aadb", root, LAYOUTS["aadb"])
    lists = _lists(folder)
    assert lists is not None  # as the layout says
    pictures = _pictures(folder, root)
    listed = pd.concat([_rows(lists / name).assign(split=split) for split, name in LISTS.items()], ignore_index=True)
    first = listed["name"].map(listed.drop_duplicates("name").set_index("name")["split"])
    why = pd.Series("", index=listed.index)
    for reason, wrong in (
        ("there is no such picture", ~listed["name"].isin(list(pictures)) & (not labels_only)),
        ("the score is not between 0 and 1", ~listed["score"].between(0, 1)),
        (OUTSIDE, ~pd.Series(stays_inside(listed["name"]), index=listed.index)),
        ("listed twice", listed["name"].duplicated()),
    ):
        why = why.where(~wrong, reason)
    why = why.where(~listed["name"].duplicated() | (first == listed["split"]), "listed in " + first + ", too")
    table = pd.DataFrame(
        {
            "photo": "aadb/" + listed["name"],
            "path": listed["name"].map(pictures).fillna(""),
            "score": listed["score"],
            "split": listed["split"],
        }
    )
    skipped = [SkippedItem(f"{split}: {name}", reason) for split, name, reason in zip(listed["split"], listed["name"], why) if reason]
    labels = tuple(below(lists, root) + name for name in LISTS.values())
    return Photos(coerce(table[why == ""], PHOTOS), skipped=tuple(skipped), label_files=labels)


def _rows(path: Path) -> pd.DataFrame:
    """`name` and `score` of a list, a line each: the name, a blank, the number."""
    try:
        lines = [line.rsplit(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return pd.DataFrame({"name": [line[0] for line in lines], "score": [float(line[1]) for line in lines]})
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check that all of the authors' lists are there.") from None
    except (ValueError, IndexError):
        raise UserError(f"{path} is not a list of names and scores, one of each in a line. Fetch it anew.") from None


def _pictures(folder: Path, root: Path) -> dict[str, str]:
    """{name as the lists have it: path from the data set's folder}."""
    found: dict[str, str] = {}
    for part in reversed(PICTURES):
        place = nested(folder, part)
        if place is not None:
            found |= {SCORED.sub("", name, count=1): below(place, root) + name for name in list_folder(place).files}
    return found


def _lists(folder: Path) -> Path | None:
    """The folder of the lists, None where the list of training pictures is in none."""
    places = (nested(folder, part) for part in LIST_FOLDERS)
    return next((place for place in places if place is not None and (place / LISTS["train"]).is_file()), None)


LAYOUTS = {"aadb": Layout((".", "AADB"), lambda folder: _lists(folder) is not None, f"imgListFiles_label/{LISTS['train']}")}
