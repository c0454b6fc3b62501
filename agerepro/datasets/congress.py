"""Congress portraits: one portrait a member, with ages estimated from terms and file dates; the labels ship with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path

import pandas as pd

from agerepro.datasets.layout import IS_A_FOLDER, Layout, below, list_folder, native_folder
from agerepro.datasets.photos import Photos, SkippedItem
from agerepro.tables import PHOTOS, coerce

LABELS = "congress_portraits.csv"


def labels() -> pd.DataFrame:
    """The shipped table of 547 portraits: bioguide, file, name, birthday, gender, dates, ages, `jpeg_digest`; its card says more."""
    text = files("agerepro.datasets.cards").joinpath(LABELS).read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text))


def read(root: Path) -> Photos:
    """The labelled portraits that lie under `root`, in images/ or beside each other; missing and unlabelled ones are skipped.

    `age` is in years with decimals, `age_std` half the width of the span in which the photo was taken, `date_note` the rule
    by which it was dated. UserError when there is no portrait at all.
    """
    labelled = labels().set_index("file", drop=False)
    folder = native_folder("congress", root, LAYOUTS["congress"])
    prefix = below(folder, root)
    listing = list_folder(folder, prefix)
    present, folders = set(listing.files), set(listing.folders)
    rows = labelled[labelled.index.isin(present)]
    table = pd.DataFrame(
        {
            "photo": "congress/" + rows["file"],
            "path": prefix + rows["file"],
            "subject": rows["bioguide"],
            "age": rows["age_decimal"],
            "age_std": rows["age_precision_years"],
            "gender": rows["gender"].str.lower(),
            "date_note": rows["age_rule"],
        }
    )
    absent = [name for name in labelled.index if name not in present]
    unlabelled = [name for name in listing.files if name not in labelled.index and name.endswith(".jpg")]
    skipped = [SkippedItem(prefix + name, IS_A_FOLDER if name in folders else "the portrait is missing") for name in absent]
    skipped += [SkippedItem(prefix + name, "no dated label for this portrait") for name in unlabelled]
    return Photos(table=coerce(table, PHOTOS), skipped=(*listing.skipped, *skipped))


@cache
def _labelled_names() -> frozenset[str]:
    return frozenset(labels()["file"])


def _has_portraits(folder: Path) -> bool:
    return not _labelled_names().isdisjoint(list_folder(folder).files)


LAYOUTS = {"congress": Layout(("images", "."), _has_portraits, "portraits named A000014.jpg")}
