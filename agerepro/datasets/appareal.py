"""APPA-REAL: real ages, and the ages that people look by votes, in lists of averages and of single votes; crops and whole photos."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets.layout import Layout, below, list_folder, missing, native_folder, nested
from agerepro.datasets.lists import numbers, read_list
from agerepro.datasets.photos import FilterStep, Finding, Photos, SkippedItem
from agerepro.errors import UserError
from agerepro.tables import PHOTOS, coerce

SPLITS = {"train": "train", "valid": "validation", "test": "test"}  # as files and folders are called -> as the protocols call them
AVERAGES = ["file_name", "num_ratings", "apparent_age_avg", "apparent_age_std", "real_age"]
VOTES = ["file_name", "apparent_age"]  # of the columns of a list of votes, which also has real_age, worker_age and worker_gender
CROP = "_face.jpg"  # after the whole name: 000000.jpg_face.jpg
CROP_MARGIN = 0.4  # of the authors' crops, on each side
IGNORED = "appareal_ignored.txt"
GENDERS = {"male": "m", "female": "f"}
RACES = {"afroamerican": "black", "caucasian": "white", "asian": "asian"}
NEAR = 0.01  # years within which an average is that of the votes, since the lists are rounded


def read(root: Path, *, pictures: str = "crops", ignored: str = "keep", labels_only: bool = False) -> Photos:
    """The photos of APPA-REAL under `root`: `age` is the real one, `apparent_age` and `apparent_std` are those of the votes.

    pictures: `crops` takes the authors' faces, cut out with 40 % and turned upright, `whole` the photos they come from, in which faces
    are then looked for. ignored: `drop` leaves out 118 training photos whose crop shows no face, or not the one that was voted on, by
    the list of github yu4u/age-gender-estimation. Gender and ethnicity are known where the lists allcategories_*.csv are there.
    labels_only: pictures that are not there count, too.
    UserError without a list of averages, or for one of another shape.
    """
    folder = native_folder("appareal", root, LAYOUTS["appareal"])
    parts, skipped = [], []
    for split in SPLITS:
        rows, left_out = _split(folder, root, split, pictures, labels_only=labels_only)
        parts.append(rows)
        skipped += left_out
    rows = pd.concat(parts, ignore_index=True)
    funnel: tuple[FilterStep, ...] = ()
    if ignored == "drop":
        kept = rows[~((rows["split"] == "train") & rows["name"].isin(ignored_names()))]
        steps = (("photos with labels", rows), ("not on the list of faces to be ignored", kept))
        funnel = tuple(FilterStep(name, len(left), len(rows) - len(left)) for name, left in steps)
        rows = kept
    if pictures == "crops":
        rows = rows.assign(cropped_margin=CROP_MARGIN)
    labels = tuple(f"{below(folder, root)}gt_avg_{split}.csv" for split in SPLITS)
    return Photos(coerce(rows.drop(columns="name"), PHOTOS), funnel, tuple(skipped), label_files=labels)


def audit(root: Path) -> tuple[Finding, ...]:
    """The votes, and the photos whose averages are those of their votes; nothing where a list of votes is missing."""
    folder = native_folder("appareal", root, LAYOUTS["appareal"])
    if not all((folder / f"gt_{split}.csv").exists() for split in SPLITS):
        return ()
    averages = pd.concat([_averages(folder, split) for split in SPLITS], keys=SPLITS, names=["split"]).reset_index("split")
    votes = pd.concat([_votes(folder, split) for split in SPLITS], keys=SPLITS, names=["split"]).reset_index("split")
    of_votes = votes.groupby(["split", "file_name"])["apparent_age"].agg(["size", "mean", "std"])
    both = averages.join(of_votes, on=["split", "file_name"])
    of_sample = both["std"].fillna(0)  # of a single vote there is none
    of_population = of_sample * np.sqrt((both["size"] - 1) / both["size"])
    spread = np.minimum((both["apparent_age_std"] - of_sample).abs(), (both["apparent_age_std"] - of_population).abs())
    return (
        Finding("votes", len(votes)),
        Finding("photos with as many votes as they say", int((both["num_ratings"] == both["size"]).sum()), len(both)),
        Finding("photos whose mean is that of their votes", int(((both["apparent_age_avg"] - both["mean"]).abs() < NEAR).sum()), len(both)),
        Finding("photos whose deviation is that of their votes", int((spread < NEAR).sum()), len(both)),
    )


def ignored_names() -> frozenset[str]:
    """The names of the training photos that users advise to ignore; the card says whose list that is."""
    return frozenset(files("agerepro.datasets.cards").joinpath(IGNORED).read_text(encoding="utf-8").split())


def _split(folder: Path, root: Path, split: str, pictures: str, *, labels_only: bool) -> tuple[pd.DataFrame, list[SkippedItem]]:
    """The rows of a split whose picture is there, with `name`, and what is left out."""
    listed = _averages(folder, split)
    place = nested(folder, split) or folder / split
    prefix = f"{below(folder, root)}{place.name}/"
    present = set(list_folder(place).files) if place.is_dir() else set()
    path = listed["file_name"] + (CROP if pictures == "crops" else "")
    why = pd.Series("", index=listed.index)
    for reason, wrong in (
        ("listed twice", listed["file_name"].duplicated()),
        ("no age is given", listed[["apparent_age_avg", "real_age"]].isna().any(axis=1)),
        ("there is no such picture", ~path.isin(present) & (not labels_only)),
    ):
        why = why.where(~wrong, reason)
    table = pd.DataFrame(
        {
            "name": listed["file_name"],
            "photo": f"appareal/{split}/" + listed["file_name"],
            "path": prefix + path,
            "age": listed["real_age"],
            "apparent_age": listed["apparent_age_avg"],
            "apparent_std": listed["apparent_age_std"],
            "split": SPLITS[split],
        }
    ).assign(**_categories(folder, split, listed["file_name"]))
    left_out = [SkippedItem(where, reason) for where, reason in zip(table["path"], why) if reason]
    return table[why == ""], left_out


def _averages(folder: Path, split: str) -> pd.DataFrame:
    name = f"gt_avg_{split}.csv"
    if not (folder / name).exists():
        raise missing("appareal", folder, f"{name}, though it holds another list")
    listed = _columns(folder / name, AVERAGES)
    return listed.assign(**{column: numbers(listed[column]) for column in AVERAGES[1:]})


def _votes(folder: Path, split: str) -> pd.DataFrame:
    listed = _columns(folder / f"gt_{split}.csv", VOTES)
    return listed.assign(apparent_age=numbers(listed["apparent_age"]))


def _columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    listed = read_list(path)
    if lacking := [column for column in columns if column not in listed.columns]:
        raise UserError(f"{path} lacks the columns {', '.join(lacking)}; its first line must name them. Fetch it anew.")
    return listed[list(columns)]


def _categories(folder: Path, split: str, names: pd.Series) -> dict[str, pd.Series]:
    """Gender and ethnicity of the named photos, where the authors' later list is there."""
    path = folder / f"allcategories_{split}.csv"
    if not path.exists():
        return {}
    listed = _columns(path, ["file", "gender", "race"]).drop_duplicates("file").set_index("file")
    gender, race = (names.map(listed[column]).fillna("").str.lower() for column in ("gender", "race"))
    return {"gender": gender.map(GENDERS).fillna(""), "ethnicity": race.replace(RACES)}


LAYOUTS = {
    "appareal": Layout(
        (".", "appa-real-release"),
        lambda folder: any((folder / f"gt_avg_{split}.csv").exists() for split in SPLITS),
        "gt_avg_train.csv",
    )
}
