"""Adience: five folds of Flickr photos in eight age groups, whose labels need a policy."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets.layout import IS_A_FOLDER, Layout, below, list_folder, missing, native_folder, nested
from agerepro.datasets.photos import OUTSIDE, FilterStep, Photos, SkippedItem, stays_inside
from agerepro.errors import UserError, suggest
from agerepro.tables import PHOTOS, coerce

# As the fold files print the eight groups -> as the photos table does.
PRINTED = {
    "(0, 2)": "0-2",
    "(4, 6)": "4-6",
    "(8, 12)": "8-12",
    "(15, 20)": "15-20",
    "(25, 32)": "25-32",
    "(38, 43)": "38-43",
    "(48, 53)": "48-53",
    "(60, 100)": "60-100",
}
# The step of the funnel that each policy is; its name is where the card puts the published count.
POLICIES = {
    "exact": "label is one of the eight groups",
    "substring": "label is part of a group's printed label",
    "remap": "label lies in one group",
}
MISSING = ("None", "")
MENDED = {"(25, 23)": "(25, 32)"}  # 72 labels of the older fold files, which the authors changed so in the current ones
AGE, PAIR = re.compile(r"\d+"), re.compile(r"\((\d+), (\d+)\)")
SPLITS = ("0", "1", "2", "3", "4")
COLUMNS = ["user_id", "original_image", "face_id", "age", "gender"]
PICTURES = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}  # koenig2019 has the first
# The authors do not say how much of a crop surrounds the face. With the margin of koenig2019, 0.4, a picture that carries 0.4 is
# taken whole and is not detected again; that is how the thesis describes its use of the aligned pictures.
CROP_MARGIN = 0.4


@dataclass(frozen=True)
class LabelTable:
    """What a copy of Adience holds, with pictures or without.

    photos: the rows that pass the funnel. users: the albums that the fold files name, before cleaning. layout: where the
    pictures lie, `aligned` or `faces`; "" when there is none, and then the funnel has no step that looks for them.
    """

    photos: Photos
    users: int
    layout: str


def read(root: Path, *, labels: str = "exact") -> Photos:
    """The photos of Adience under `root`: subject (`face_id`), `group` (first-last years), `split` ("0" to "4"), no age.

    labels: which labels count, a policy of `group_of`; where the label says something else than its group, it stands in
    `date_note`. The in-plane aligned pictures are preferred where both kinds are there. UserError without fold files, for fold
    files of another shape, and without pictures.
    """
    table = survey(root, labels=labels)
    if not table.layout:
        raise missing("adience", root, "pictures, only the fold files: none of theirs lies in aligned/ or faces/")
    return table.photos


def survey(root: Path, *, labels: str) -> LabelTable:
    """As `read`, but content with the fold files alone; `path` then says where the aligned picture would lie."""
    folder = native_folder("adience", root, LAYOUTS["adience"])
    rows = pd.concat([_rows(folder, split) for split in SPLITS], ignore_index=True)
    rows["group"] = rows["age"].map({label: group_of(label, labels) for label in rows["age"].unique()})
    pictures = _pictures(rows, folder, root)
    rows["path"] = pictures.prefix + _path(rows, pictures.layout or "aligned")
    clean_rows, steps, skipped = _clean(rows, POLICIES[labels], pictures)
    table = pd.DataFrame(
        {
            "photo": "adience/" + clean_rows["user_id"] + "/" + clean_rows["face_id"] + "." + clean_rows["original_image"],
            "path": clean_rows["path"],
            "subject": clean_rows["face_id"],
            "gender": clean_rows["gender"].where(clean_rows["gender"].isin(["m", "f"]), ""),
            "split": clean_rows["split"],
            "group": clean_rows["group"],
            "cropped_margin": CROP_MARGIN,
            "date_note": ("labelled " + clean_rows["age"]).where(~clean_rows["age"].isin(PRINTED), ""),
        }
    )
    people = int(rows.loc[rows["face_id"] != "", "face_id"].nunique())
    users = int(rows.loc[rows["user_id"] != "", "user_id"].nunique())
    files = tuple(f"{below(folder, root)}{_file(split)}" for split in SPLITS)
    photos = Photos(coerce(table, PHOTOS), tuple(steps), (*pictures.skipped, *skipped), people_listed=people, label_files=files)
    return LabelTable(photos, users, pictures.layout)


def group_of(label: str, policy: str) -> str:
    """The group of a label, for instance 25-32; "" when the policy leaves the label out. UserError for an unknown policy.

    exact: only the eight groups as they are printed.
    substring: every label whose text is part of the text of a group, and the first such group takes it [koenig2019]. The thesis
    does not say so; this rule gives its 17,417 photos and the rows of its Table 6. So the ages 2 and 32 come to their groups,
    and the age 3 to 25-32, since a 3 is in "(25, 32)".
    remap: a single age goes to the group that holds it, and a pair to the group that holds both its ends; what lies between two
    groups or reaches over them is left out. (25, 23) is read as the authors mended it. Not in a paper.
    """
    if policy not in POLICIES:
        raise UserError(f"There is no label policy {policy!r}.{suggest(policy, POLICIES)}")
    if label in MISSING:
        return ""
    if policy == "substring":
        return next((group for printed, group in PRINTED.items() if label in printed), "")
    if policy == "remap":
        return _holder(label)
    return PRINTED.get(label, "")


def reject_reason(label: str) -> str:
    """Why a photo with this label is left out, when it is."""
    if label in MISSING:
        return "no age label"
    if AGE.fullmatch(label):
        return "the label is a single age that is taken for no group"
    if PAIR.fullmatch(label):
        return "the label is a pair of ages that is taken for no group"
    return "the label cannot be read"


def _holder(label: str) -> str:
    first, last = _ends(MENDED.get(label, label))
    ranges = {group: tuple(map(int, group.split("-"))) for group in PRINTED.values()}
    return next((group for group, (low, high) in ranges.items() if low <= first <= last <= high), "")


def _ends(label: str) -> tuple[int, int]:
    """The ages that a label names, twice the same for a single one, and (-1, -1), which no group holds, for other text."""
    if AGE.fullmatch(label):
        return int(label), int(label)
    pair = PAIR.fullmatch(label)
    return (-1, -1) if pair is None else (int(pair[1]), int(pair[2]))


def _file(split: str) -> str:
    return f"fold_{split}_data.txt"


def _rows(folder: Path, split: str) -> pd.DataFrame:
    """COLUMNS of one fold file as text, and its `split`."""
    path = folder / _file(split)
    if not path.exists():
        raise missing("adience", folder, f"{_file(split)}, though it holds another fold file")
    try:
        # No quoting: a quotation mark is a character of a name. No index: a tab more in each line must not move the columns.
        rows = pd.read_csv(
            path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE, index_col=False, usecols=lambda name: name in COLUMNS
        )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check that it is a file that you may read.") from None
    except ValueError as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise UserError(f"{path} is not a tab-separated fold file: {str(error).strip()}. Fetch it anew.") from None
    if absent := [name for name in COLUMNS if name not in rows.columns]:
        raise UserError(f"{path} lacks the columns {', '.join(absent)}; its first line must name them, separated by tabs. Fetch it anew.")
    return rows[COLUMNS].fillna("").apply(lambda column: column.str.strip()).assign(split=split)


@dataclass(frozen=True)
class _Pictures:
    """Where the rows' pictures lie. prefix: from the data set's folder to `<user>/...`; files, folders: names as `<user>/<name>`."""

    layout: str
    prefix: str
    files: frozenset[str]
    folders: frozenset[str]
    skipped: tuple[SkippedItem, ...]


def _path(rows: pd.DataFrame, layout: str) -> pd.Series:
    """Of the rows' pictures, below the folder of the layout."""
    return rows["user_id"] + f"/{PICTURES[layout]}." + rows["face_id"] + "." + rows["original_image"]


def _pictures(rows: pd.DataFrame, folder: Path, root: Path) -> _Pictures:
    """The first layout of which a picture is there, beside the fold files or in a nesting of `root`; without any, the fold files' place."""
    starts = [folder, *(start for nesting in LAYOUTS["adience"].nestings if (start := nested(root, nesting)) is not None)]
    for layout in PICTURES:
        listed = set(_path(rows, layout))
        for start in starts:
            place = nested(start, layout)
            if place is None:
                continue
            users = list_folder(place, below(place, root))
            listings = {user: list_folder(place / user, f"{below(place, root)}{user}/") for user in users.folders}
            files = frozenset(f"{user}/{name}" for user, listing in listings.items() for name in listing.files)
            if listed & files:
                folders = frozenset(f"{user}/{name}" for user, listing in listings.items() for name in listing.folders)
                skipped = (*users.skipped, *(item for listing in listings.values() for item in listing.skipped))
                return _Pictures(layout, below(place, root), files, folders, skipped)
    return _Pictures("", f"{below(folder, root)}aligned/", frozenset(), frozenset(), ())


def _clean(rows: pd.DataFrame, policy: str, pictures: _Pictures) -> tuple[pd.DataFrame, list[FilterStep], list[SkippedItem]]:
    """The rows that pass every step of the funnel, the counts of all steps, and the rows left out, one by one with why."""
    # Each gives the reason to leave a row out, "" for none, and sees only what the steps before it have left.
    why: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
        "row names a picture": lambda left: np.where(
            (left[COLUMNS[:3]] == "").any(axis=1),
            "the row is not complete",
            np.where(stays_inside(left["path"]), "", OUTSIDE),
        ),
        "age label given": lambda left: np.where(left["age"].isin(MISSING), left["age"].map(reject_reason), ""),
        policy: lambda left: np.where(left["group"] == "", left["age"].map(reject_reason), ""),
        "listed once": lambda left: np.where(left["path"].duplicated(), "listed before", ""),
    }
    if layout := pictures.layout:
        absent = f"no picture in {layout}/"
        why[f"picture in {layout}/"] = lambda left: np.where(
            (names := _path(left, layout)).isin(pictures.files), "", np.where(names.isin(pictures.folders), IS_A_FOLDER, absent)
        )
    steps, skipped = [FilterStep("rows in the fold files", len(rows), 0)], []
    for name, reason in why.items():
        reasons = reason(rows)
        out = reasons != ""
        skipped += [SkippedItem(path, str(text)) for path, text in zip(rows.loc[out, "path"], reasons[out])]
        rows = rows[~out]
        steps.append(FilterStep(name, len(rows), int(out.sum())))
    return rows, steps, skipped


LAYOUTS = {
    "adience": Layout(
        (
            ".",
            "AdienceBenchmarkGenderAndAgeClassification",
            "AdienceBenchmarkOfUnfilteredFacesForGenderAndAgeClassification",
            "AdienceGender",
        ),
        lambda folder: any((folder / _file(split)).exists() for split in SPLITS),
        _file("0"),
    )
}
