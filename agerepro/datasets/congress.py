"""Congress portraits: one portrait a member, with ages estimated from terms and file dates; the labels ship with the package."""

from __future__ import annotations

from importlib.resources import files
from io import StringIO
from pathlib import Path

import pandas as pd

from agerepro.datasets.layout import below, names_in, native_folder
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
    known = labels().set_index("file", drop=False)
    folder = native_folder(
        "congress", root, ("images", "."), lambda place: any(name in known.index for name in names_in(place)), "portraits named A000014.jpg"
    )
    prefix, there = below(folder, root), set(names_in(folder))
    rows = known[known.index.isin(there)]
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
    skipped = [SkippedItem(prefix + name, "the portrait is missing") for name in known.index if name not in there]
    others = sorted(name for name in there - set(known.index) if name.endswith(".jpg"))
    skipped += [SkippedItem(prefix + name, "no dated label for this portrait") for name in others]
    return Photos(table=coerce(table, PHOTOS), skipped=tuple(skipped))
